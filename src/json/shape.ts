import { types } from 'node:util'
import { isPlaceholder } from '../values/placeholder.js'

/** How a patch may treat a value: step into its elements or fields, or replace it as a whole. */
export type Shape = 'array' | 'object' | 'atom'

const { isProxy } = types

/** What a patch may step into: arrays, plain objects, objects without prototype, class instances. Map, Set, Date, typed
 *  arrays, errors, placeholders and everything else that keeps its content out of its fields are atoms. */
export function shapeOf(value: unknown): Shape {
  if (typeof value !== 'object' || value === null) return 'atom'
  if (Array.isArray(value)) return 'array'
  const prototype = Object.getPrototypeOf(value) as object | null
  if (prototype === Object.prototype || prototype === null) return 'object'
  return isAtom(value) ? 'atom' : 'object'
}

/** Whether the differ may step in: arrays and plain objects. An instance of a class is replaced as a whole, for an
 *  immutable store that makes a new one says nothing of what its class keeps beside its fields. */
export function isPlainContainer(value: unknown): value is object {
  if (typeof value !== 'object' || value === null || isProxy(value)) return false
  const prototype = Object.getPrototypeOf(value) as object | null
  if (prototype === Object.prototype || prototype === null) return true
  return prototype === Array.prototype && Array.isArray(value)
}

function isAtom(value: object): boolean {
  return (
    types.isMap(value) ||
    types.isSet(value) ||
    types.isDate(value) ||
    types.isRegExp(value) ||
    ArrayBuffer.isView(value) ||
    types.isAnyArrayBuffer(value) ||
    types.isBoxedPrimitive(value) ||
    types.isNativeError(value) ||
    types.isPromise(value) ||
    types.isWeakMap(value) ||
    types.isWeakSet(value) ||
    value instanceof Error ||
    value instanceof URL ||
    value instanceof URLSearchParams ||
    isPlaceholder(value)
  )
}
