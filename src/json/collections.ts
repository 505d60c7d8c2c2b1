import { getInfo, type Kind, link, toRaw, unlink } from './graph.js'
import type { Report } from './tracker.js'
import { toTracked } from './traps.js'

type Method = (...args: unknown[]) => unknown

/** Handler of a Map, Set or Date in tracked state: its methods run on the object itself, and each one that writes is
 *  told as a replacement of the whole. */
export function collectionHandler(raw: object, kind: Kind, report: Report): ProxyHandler<object> {
  const own = toMethods(raw, kind, report)
  const bound = new Map<PropertyKey, Method>()
  return {
    get(target, key) {
      const value = Reflect.get(target, key, target) as unknown
      if (typeof value !== 'function' || key === 'constructor') return value
      let method = bound.get(key)
      if (method === undefined) {
        method = toBound(raw, kind, key, value as Method, own, report)
        bound.set(key, method)
      }
      return method
    },
    set(target, key, value) {
      return Reflect.set(target, key, toRaw(value))
    },
  }
}

type Methods = Readonly<Record<PropertyKey, Method | undefined>>

const NATIVE: Readonly<Record<Kind, object>> = {
  map: Map.prototype,
  set: Set.prototype,
  date: Date.prototype,
  array: Array.prototype,
  object: Object.prototype,
}

function toMethods(raw: object, kind: Kind, report: Report): Methods {
  if (kind === 'map') return mapMethods(raw as Map<unknown, unknown>, report)
  return kind === 'set' ? setMethods(raw as Set<unknown>, report) : {}
}

function toBound(raw: object, kind: Kind, key: PropertyKey, value: Method, own: Methods, report: Report): Method {
  const native = (NATIVE[kind] as Record<PropertyKey, unknown>)[key] === value
  if (kind === 'date') return native && !isSetter(key) ? value.bind(raw) : toWriter(raw, value, String(key), report)
  const known = native ? own[key] : undefined
  // A method of a class that extends Map or Set needs the object itself for `super` and private names.
  return known ?? (native ? value.bind(raw) : toComparing(raw as Map<unknown, unknown>, value, String(key), report))
}

function toComparing(
  raw: Map<unknown, unknown> | Set<unknown>,
  method: Method,
  trigger: string,
  report: Report,
): Method {
  return (...args) => {
    const before = [...raw].flat()
    try {
      return toTracked(method.apply(raw, args.map(toRaw)), report)
    } finally {
      const after = [...raw].flat()
      if (after.length !== before.length || after.some((value, i) => !Object.is(value, before[i]))) {
        for (const value of after) link(value, raw, '')
        for (const value of before) unlink(value)
        report(raw, undefined, trigger)
      }
    }
  }
}

function isSetter(key: PropertyKey): boolean {
  return typeof key === 'string' && key.startsWith('set')
}

function toWriter(raw: object, native: Method, trigger: string, report: Report): Method {
  return (...args) => {
    const before = Number(raw)
    const result = native.apply(raw, args)
    if (!Object.is(Number(raw), before)) report(raw, undefined, trigger)
    return result
  }
}

function mapMethods(raw: Map<unknown, unknown>, report: Report): Record<PropertyKey, Method> {
  const show = (value: unknown) => toTracked(value, report)
  const pairs = function* (): Generator<[unknown, unknown]> {
    for (const [key, value] of raw) yield [show(key), show(value)]
  }
  return {
    get: (key) => show(raw.get(toRaw(key))),
    has: (key) => raw.has(toRaw(key)),
    set(key, value) {
      setEntry(raw, toRaw(key), toRaw(value), report)
      return getInfo(raw)?.proxy
    },
    delete(key) {
      const inner = toRaw(key)
      const old = raw.get(inner)
      if (!raw.delete(inner)) return false
      unlink(inner)
      unlink(old)
      report(raw, undefined, 'delete')
      return true
    },
    clear: () => clear(raw, report),
    forEach(visit, self) {
      for (const [key, value] of pairs()) (visit as Method).call(self, value, key, getInfo(raw)?.proxy)
    },
    entries: pairs,
    [Symbol.iterator]: pairs,
    *keys() {
      for (const key of raw.keys()) yield show(key)
    },
    *values() {
      for (const value of raw.values()) yield show(value)
    },
  }
}

function setEntry(raw: Map<unknown, unknown>, key: unknown, value: unknown, report: Report): void {
  const had = raw.has(key)
  const old = raw.get(key)
  if (had && Object.is(old, value)) return
  raw.set(key, value)
  if (!had) link(key, raw, '')
  link(value, raw, '')
  unlink(old)
  report(raw, undefined, 'set')
}

function setMethods(raw: Set<unknown>, report: Report): Record<PropertyKey, Method> {
  const show = (value: unknown) => toTracked(value, report)
  const members = function* (): Generator<unknown> {
    for (const member of raw) yield show(member)
  }
  return {
    has: (member) => raw.has(toRaw(member)),
    add(member) {
      const inner = toRaw(member)
      if (!raw.has(inner)) {
        raw.add(inner)
        link(inner, raw, '')
        report(raw, undefined, 'add')
      }
      return getInfo(raw)?.proxy
    },
    delete(member) {
      const inner = toRaw(member)
      if (!raw.delete(inner)) return false
      unlink(inner)
      report(raw, undefined, 'delete')
      return true
    },
    clear: () => clear(raw, report),
    forEach(visit, self) {
      for (const member of members()) (visit as Method).call(self, member, member, getInfo(raw)?.proxy)
    },
    values: members,
    keys: members,
    [Symbol.iterator]: members,
    *entries() {
      for (const member of members()) yield [member, member]
    },
  }
}

function clear(raw: Map<unknown, unknown> | Set<unknown>, report: Report): void {
  if (raw.size === 0) return
  const gone = raw instanceof Map ? [...raw].flat() : [...raw]
  raw.clear()
  for (const value of gone) unlink(value)
  report(raw, undefined, 'clear')
}
