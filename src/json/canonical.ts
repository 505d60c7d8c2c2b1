import { types } from 'node:util'
import { getClassName } from '../values/class-names.js'

/** Whether two values are the same as a recording keeps them: NaN is NaN, −0 is not 0, an absent key is not an undefined
 *  one, Map and Set count in their order, objects in any order of keys, class instances by class name and own
 *  enumerable fields, errors without their stacks. Follows cycles. Functions and symbols are the same only when identical. Never throws:
 *  what cannot be read is the same as nothing but itself. */
export function isSameValue(a: unknown, b: unknown): boolean {
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return Object.is(a, b)
  try {
    return new Comparison().same(a, b)
  } catch {
    return false
  }
}

type Fields = Readonly<Record<string, unknown>>

class Comparison {
  /** Pairs that are being compared or were found the same: meeting one again proves nothing new. */
  readonly #met = new Map<object, Set<object>>()

  same(a: unknown, b: unknown): boolean {
    if (Object.is(a, b)) return true
    if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
    const met = this.#met.get(a)
    if (met?.has(b)) return true
    if (met === undefined) this.#met.set(a, new Set([b]))
    else met.add(b)
    if (getClassName(Object.getPrototypeOf(a)) !== getClassName(Object.getPrototypeOf(b))) return false
    return this.#content(a, b)
  }

  #content(a: object, b: object): boolean {
    if (Array.isArray(a)) return Array.isArray(b) && a.length === b.length && this.#fields(a, b)
    if (Array.isArray(b)) return false
    if (ArrayBuffer.isView(a)) return ArrayBuffer.isView(b) && sameBytes(a, b)
    const [x, y] = [toInner(a), toInner(b)]
    if (x === undefined || y === undefined) return x === y && this.#fields(a, b)
    return x.length === y.length && x.every((part, i) => this.same(part, y[i])) && this.#fields(a, b)
  }

  #fields(a: object, b: object): boolean {
    const keys = Object.keys(a)
    if (keys.length !== Object.keys(b).length) return false
    return keys.every((key) => Object.hasOwn(b, key) && this.same((a as Fields)[key], (b as Fields)[key]))
  }
}

/** What a value is beside its fields, as parts to compare in order; undefined when its fields are all. */
export function toInner(value: object): readonly unknown[] | undefined {
  if (types.isMap(value)) return [...Map.prototype.entries.call(value)].flat()
  if (types.isSet(value)) return [...Set.prototype.values.call(value)]
  if (types.isDate(value)) return [Date.prototype.getTime.call(value)]
  if (types.isRegExp(value)) return [value.source, value.flags, value.lastIndex]
  if (types.isAnyArrayBuffer(value)) return [Buffer.from(new Uint8Array(value)).toString('latin1')]
  if (types.isBoxedPrimitive(value)) return [(value as { valueOf(): unknown }).valueOf()]
  if (value instanceof Error) return [value.name, value.message, Object.hasOwn(value, 'cause'), value.cause]
  if (value instanceof URL) return [value.href]
  if (value instanceof URLSearchParams) return [value.toString()]
  return undefined
}

function sameBytes(a: ArrayBufferView, b: ArrayBufferView): boolean {
  return a.byteLength === b.byteLength && toBuffer(a).equals(toBuffer(b))
}

function toBuffer(view: ArrayBufferView): Buffer {
  return Buffer.from(view.buffer, view.byteOffset, view.byteLength)
}
