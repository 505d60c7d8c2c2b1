import type { PatchOperation } from '../events.js'
import { ARRAY_METHODS } from './array-methods.js'
import { cloneValue } from './clone.js'
import { collectionHandler } from './collections.js'
import { getInfo, kindOf, link, setProxy, toRaw, unlink } from './graph.js'
import { isOpaque, runOpaque, toOpaqueMethod } from './opaque.js'
import { escapeSegment, toIndex } from './pointer.js'
import type { Report } from './tracker.js'

type Fields = Record<string, unknown>

/** The tracking proxy of an object inside tracked state: one per object. */
export function proxyOf(raw: object, report: Report): object {
  const info = getInfo(raw)
  if (info === undefined) return raw
  if (info.proxy === undefined) {
    const object = info.kind === 'array' || info.kind === 'object'
    setProxy(raw, info, new Proxy(raw, object ? objectHandler(report) : collectionHandler(raw, info.kind, report)))
  }
  return info.proxy as object
}

/** What the program gets to see of a member: its proxy when it is an object that is, or could be, in tracked state. */
export function toTracked(value: unknown, report: Report): unknown {
  if (typeof value !== 'object' || value === null) return value
  const raw = toRaw(value)
  if (raw !== value) return value
  return proxyOf(raw, report)
}

let handler: ProxyHandler<object> | undefined

function objectHandler(report: Report): ProxyHandler<object> {
  handler ??= new ObjectHandler(report)
  return handler
}

class ObjectHandler implements ProxyHandler<object> {
  readonly #report: Report

  constructor(report: Report) {
    this.#report = report
  }

  get(raw: object, key: PropertyKey, receiver: unknown): unknown {
    const array = Array.isArray(raw)
    if (array && typeof key === 'string') {
      const method = ARRAY_METHODS[key]
      if (method !== undefined && (raw as unknown as Fields)[key] === method.original)
        return method.toWrapper(this.#report)
    }
    if (!array && isInstance(raw)) return this.#member(raw, key, receiver)
    const value = Reflect.get(raw, key, receiver) as unknown
    if (typeof value !== 'object' || value === null || isFixed(raw, key)) return value
    return toTracked(value, this.#report)
  }

  /** Of a class instance, whose methods and accessors may need the object itself. */
  #member(raw: object, key: PropertyKey, receiver: unknown): unknown {
    const getter = findGetter.call(raw, key) as Function | undefined
    const hidden = getter !== undefined && isOpaque(getter)
    const value = hidden
      ? runOpaque(raw, () => Reflect.get(raw, key, raw) as unknown, this.#report)
      : (Reflect.get(raw, key, receiver) as unknown)
    if (typeof value === 'function') {
      if (key === 'constructor' || isFixed(raw, key) || !isOpaque(value)) return value
      return toOpaqueMethod(raw, value, this.#report)
    }
    if (typeof value !== 'object' || value === null || isFixed(raw, key)) return value
    return toTracked(value, this.#report)
  }

  set(raw: object, key: PropertyKey, value: unknown, receiver: unknown): boolean {
    const fresh = toRaw(value)
    if (toRaw(receiver) !== raw) return Reflect.set(raw, key, value, receiver)
    if (key === '__proto__' && !Object.hasOwn(raw, key))
      return Reflect.setPrototypeOf(receiver as object, fresh as object)
    const setter = findSetter.call(raw, key) as Function | undefined
    if (setter !== undefined && isOpaque(setter)) {
      return runOpaque(raw, () => Reflect.set(raw, key, fresh, raw), this.#report) as boolean
    }
    if (setter !== undefined || findGetter.call(raw, key) !== undefined) return Reflect.set(raw, key, value, receiver)
    if (Array.isArray(raw) && key === 'length') return this.#length(raw, value as number)
    const had = Object.hasOwn(raw, key)
    const old = (raw as Fields)[key as string]
    const length = Array.isArray(raw) ? raw.length : 0
    if (had && Object.is(old, fresh)) return true
    if (!Reflect.set(raw, key, fresh)) return false
    if (typeof key === 'string') this.#wrote(raw, key, had, old, fresh, length)
    return true
  }

  #wrote(raw: object, key: string, had: boolean, old: unknown, fresh: unknown, length: number): void {
    if (had && !Object.prototype.propertyIsEnumerable.call(raw, key)) return
    link(fresh, raw, key)
    if (had) unlink(old)
    if (Array.isArray(raw) && !this.#fits(raw, key, had, length)) this.#report(raw, undefined)
    else this.#tell(raw, had ? 'replace' : 'add', key, fresh)
  }

  /** Whether one operation can say the write; an array with holes or properties beside its elements is replaced. */
  #fits(raw: unknown[], key: string, had: boolean, length: number): boolean {
    const info = getInfo(raw)
    if (info === undefined) return false
    const index = toIndex(key)
    if (index < 0 || (!had && index !== length)) info.odd = true
    return !info.odd
  }

  #tell(raw: object, op: 'add' | 'replace', key: string, value: unknown): void {
    const copy = typeof value === 'object' && value !== null ? cloneValue(value) : value
    this.#report(raw, (path): PatchOperation[] => [{ op, path: `${path}/${escapeSegment(key)}`, value: copy }])
  }

  #length(raw: unknown[], length: number): boolean {
    const before = raw.length
    const gone = length < before ? raw.slice(length) : []
    if (!Reflect.set(raw, 'length', length)) return false
    for (const value of gone) unlink(value)
    const info = getInfo(raw)
    if (raw.length > before && info !== undefined) info.odd = true
    if (raw.length === before) return true
    if (info?.odd) this.#report(raw, undefined, 'length')
    else this.#report(raw, (path) => toRemovals(path, before, raw.length), 'length')
    return true
  }

  deleteProperty(raw: object, key: PropertyKey): boolean {
    const shown = Object.prototype.propertyIsEnumerable.call(raw, key)
    const old = shown && findGetter.call(raw, key) === undefined ? (raw as Fields)[key as string] : undefined
    if (!Reflect.deleteProperty(raw, key)) return false
    if (!shown || typeof key !== 'string') return true
    unlink(old)
    this.#gone(raw, key)
    return true
  }

  #gone(raw: object, key: string): void {
    const info = getInfo(raw)
    if (Array.isArray(raw) && info !== undefined) {
      info.odd = true
      this.#report(raw, undefined)
    } else this.#report(raw, (path) => [{ op: 'remove', path: `${path}/${escapeSegment(key)}` }])
  }

  defineProperty(raw: object, key: PropertyKey, descriptor: PropertyDescriptor): boolean {
    if (Array.isArray(raw) && key === 'length' && descriptor.value !== undefined) this.#length(raw, descriptor.value)
    const length = Array.isArray(raw) ? raw.length : 0
    const before = Object.getOwnPropertyDescriptor(raw, key)
    const settled = 'value' in descriptor ? { ...descriptor, value: toRaw(descriptor.value) } : descriptor
    if (!Reflect.defineProperty(raw, key, settled)) return false
    if (typeof key === 'string' && key !== 'length') this.#defined(raw, key, before, length)
    return true
  }

  #defined(raw: object, key: string, before: PropertyDescriptor | undefined, length: number): void {
    const after = Object.getOwnPropertyDescriptor(raw, key)
    const value = after?.get === undefined ? after?.value : (raw as Fields)[key]
    if (after?.enumerable) {
      const had = before?.enumerable === true
      if (had && Object.is(before.value, after.value) && before.get === after.get) return
      if (had) unlink(before.value)
      this.#wrote(raw, key, had, undefined, value, before === undefined ? length : Number.NaN)
    } else if (before?.enumerable) {
      unlink(before.value)
      this.#gone(raw, key)
    }
  }

  getOwnPropertyDescriptor(raw: object, key: PropertyKey): PropertyDescriptor | undefined {
    const found = Reflect.getOwnPropertyDescriptor(raw, key)
    if (found === undefined || typeof found.value !== 'object' || found.value === null) return found
    if (!found.configurable && !found.writable) return found
    return { ...found, value: toTracked(found.value, this.#report) }
  }

  setPrototypeOf(raw: object, prototype: object | null): boolean {
    const changed = Object.getPrototypeOf(raw) !== prototype
    if (!Reflect.setPrototypeOf(raw, prototype)) return false
    if (changed && kindOf(raw) !== undefined) this.#report(raw, undefined)
    return true
  }
}

function isInstance(raw: object): boolean {
  const prototype = Object.getPrototypeOf(raw) as object | null
  return prototype !== Object.prototype && prototype !== null
}

/** Operations that take the last elements away. */
export function toRemovals(path: string, from: number, to: number): PatchOperation[] {
  const operations: PatchOperation[] = []
  for (let i = from - 1; i >= to; i--) operations.push({ op: 'remove', path: `${path}/${i}` })
  return operations
}

/** A proxy must answer with the very value of a property that can neither be changed nor redefined. */
function isFixed(raw: object, key: PropertyKey): boolean {
  const found = Reflect.getOwnPropertyDescriptor(raw, key)
  return found !== undefined && !found.configurable && !found.writable && 'value' in found
}

// biome-ignore lint/suspicious/noExplicitAny: the standard library types them so
const { __lookupGetter__: findGetter, __lookupSetter__: findSetter } = Object.prototype as any as {
  readonly __lookupGetter__: (this: object, key: PropertyKey) => unknown
  readonly __lookupSetter__: (this: object, key: PropertyKey) => unknown
}
