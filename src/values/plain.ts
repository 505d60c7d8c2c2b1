import { types } from 'node:util'
import type { Redactor } from './codec.js'
import { LIMITS } from './limits.js'

const { getPrototypeOf, keys: keysOf } = Object
const { isArray } = Array
const { isProxy } = types
/** Finds an own accessor without allocating a descriptor; measured at 20 ns. */
// biome-ignore lint/suspicious/noExplicitAny: the standard library types it so
const findGetter = (Object.prototype as any).__lookupGetter__ as (this: object, key: string | number) => unknown
const PLAIN_OBJECT = Object.prototype
const PLAIN_ARRAY = Array.prototype

/** Nodes that are visited without remembering them; a larger value is walked again with a set, for it may be a graph. */
const BLIND_NODES = 4_096
const BLIND_DEPTH = 64
const KEY_CACHE = 8_192

/** Up to so many objects, comparing each with those before costs less than the packer's map of references. */
const FEW_OBJECTS = 16

/** What a property name means to the encoder. */
export const KEY = { plain: 0, special: 1, secret: 2 } as const
export type KeyClass = (typeof KEY)[keyof typeof KEY]

/** Decides whether a value can be handed to MessagePack as it is: plain objects, arrays and primitives. Runs none of the
 *  program's code (proxies and own accessors answer "no"), so that what it saw is what the packer sees. */
export class PlainWalk {
  readonly #redact: Redactor | undefined
  readonly #keys = new Map<string, KeyClass>()
  #nodes = 0
  #depth = 0
  #units = 0
  #seen: Set<object> | undefined
  /** Objects met so far, while they are few. */
  readonly #met: (object | undefined)[] = new Array(FEW_OBJECTS).fill(undefined)
  #metCount = 0
  /** It stopped because it had seen enough, not because of what it saw. */
  #exceeded = false

  constructor(redact: Redactor | undefined) {
    this.#redact = redact
  }

  /** 0.5 µs and no allocation to speak of for a typical event. */
  isPlain(value: unknown): boolean {
    if (this.#run(value, BLIND_NODES, BLIND_DEPTH, undefined)) return true
    return this.#exceeded && this.#run(value, LIMITS.nodes, LIMITS.depth, new Set())
  }

  /** Whether nothing in the value that was walked last stands in two places: it is small and plain, and each of its objects
   *  was met once. */
  get isSmallTree(): boolean {
    return this.#metCount <= FEW_OBJECTS
  }

  classify(key: string): KeyClass {
    let found = this.#keys.get(key)
    if (found === undefined) {
      found = this.#toKeyClass(key)
      if (key.length <= 256) {
        if (this.#keys.size >= KEY_CACHE) this.#keys.clear()
        this.#keys.set(key, found)
      }
    }
    return found
  }

  #toKeyClass(key: string): KeyClass {
    if (key.length > LIMITS.key) return KEY.special
    if (this.#redact?.isSecretKey(key)) return KEY.secret
    if (key === '$type' || key === '__proto__' || key === 'hasOwnProperty') return KEY.special
    if (!key.isWellFormed() || (this.#redact !== undefined && this.#redact.text(key) !== key)) return KEY.special
    return KEY.plain
  }

  #run(value: unknown, nodes: number, depth: number, seen: Set<object> | undefined): boolean {
    this.#nodes = nodes
    this.#depth = depth
    this.#units = LIMITS.total
    this.#seen = seen
    this.#exceeded = false
    this.#metCount = seen === undefined ? 0 : FEW_OBJECTS + 1
    const plain = this.#visit(value)
    this.#seen = undefined
    for (let at = 0; at < FEW_OBJECTS && this.#met[at] !== undefined; at++) this.#met[at] = undefined
    return plain
  }

  #visit(value: unknown): boolean {
    switch (typeof value) {
      case 'string':
        return this.#string(value)
      case 'number':
        return value !== 0 || 1 / value > 0
      case 'boolean':
      case 'undefined':
        return true
      case 'bigint':
        return BigInt.asIntN(64, value) === value
      case 'object':
        return value === null || this.#object(value)
      default:
        return false
    }
  }

  #string(value: string): boolean {
    if (value.length > LIMITS.string || (this.#units -= value.length) < 0) return false
    return value.isWellFormed() && (this.#redact === undefined || this.#redact.text(value) === value)
  }

  #object(value: object): boolean {
    if (isProxy(value)) return false
    if (this.#seen?.has(value)) return true
    this.#seen?.add(value)
    const prototype = getPrototypeOf(value)
    const array = prototype === PLAIN_ARRAY && isArray(value)
    if (!array && prototype !== PLAIN_OBJECT) return false
    if (--this.#nodes < 0 || this.#depth === 0) {
      this.#exceeded = true
      return false
    }
    if (this.#metCount <= FEW_OBJECTS) this.#meet(value)
    this.#depth--
    const plain = array ? this.#array(value) : this.#fields(value as Record<string, unknown>)
    this.#depth++
    return plain
  }

  #meet(value: object): void {
    const met = this.#met
    const count = this.#metCount
    for (let at = 0; at < count; at++) {
      if (met[at] !== value) continue
      this.#metCount = FEW_OBJECTS + 1
      return
    }
    if (count < FEW_OBJECTS) met[count] = value
    this.#metCount = count + 1
  }

  #fields(value: Record<string, unknown>): boolean {
    for (const key in value) {
      if (this.classify(key) !== KEY.plain || findGetter.call(value, key) !== undefined) return false
      if (!this.#visit(value[key])) return false
    }
    return true
  }

  #array(value: readonly unknown[]): boolean {
    const { length } = value
    if ((this.#nodes -= length) < 0) {
      this.#exceeded = true
      return false
    }
    if (!isDense(value)) return false
    for (let i = 0; i < length; i++) {
      if (findGetter.call(value, i) !== undefined || !this.#visit(value[i])) return false
    }
    return true
  }
}

/** No holes, and no enumerable properties but its elements. Integer keys come first, in order. */
export function isDense(value: readonly unknown[]): boolean {
  const keys = keysOf(value)
  return keys.length === value.length && (keys.length === 0 || keys[keys.length - 1] === String(keys.length - 1))
}
