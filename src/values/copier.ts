import { types } from 'node:util'
import { copyBuiltIn, toHostName } from './built-ins.js'
import { getClassInfo, getClassName, isEmitterField } from './class-names.js'
import type { Redactor } from './codec.js'
import { KEY, type Keys } from './keys.js'
import { LIMITS } from './limits.js'
import { isPlaceholder } from './placeholder.js'
import { isDense } from './plain.js'
import type { Read, Reads } from './reads.js'
import { WIDEST_SHARED } from './structures.js'
import { TAG } from './wire.js'

/** A value as the packer may see it: plain objects, arrays, primitives, Map, Set, Date, typed arrays. */
export type Wire = unknown

type WireRecord = Record<string, Wire>

export interface CopierOptions {
  readonly keys: Keys
  readonly redact: Redactor | undefined
  readonly depth: number
  /** What need not be read again. */
  readonly reads: Reads | undefined
}

/** Copies one value into its wire form. Reads each property once, survives whatever reading does, and puts a
 *  placeholder where a value cannot be kept. One instance per value: it remembers what it met, so that cycles and shared
 *  references stay what they are. */
export class Copier {
  readonly #keys: Keys
  readonly #redact: Redactor | undefined
  readonly #reads: Reads | undefined
  readonly #met = new Map<object, Wire>()
  #nodes: number = LIMITS.nodes
  #units: number = LIMITS.total
  #depth: number

  constructor({ keys, redact, depth, reads }: CopierOptions) {
    this.#keys = keys
    this.#redact = redact
    this.#reads = reads
    this.#depth = depth
  }

  copy(value: unknown): Wire {
    switch (typeof value) {
      case 'string':
        return this.#string(value)
      case 'number':
        return value === 0 && 1 / value < 0 ? { $type: TAG.negativeZero } : value
      case 'bigint':
        return this.#bigint(value)
      case 'symbol':
        return this.placeholder('symbol', value.description ?? '', String(value))
      case 'function':
        return this.#function(value)
      case 'object':
        return value === null ? null : this.#object(value)
      default:
        return value
    }
  }

  placeholder(type: string, name: string, preview: string): WireRecord {
    return { $type: type, name: this.#line(name), preview: this.#line(preview) }
  }

  /** Redacted, well-formed and short. Redacted before it is cut, or half a secret would be left. */
  #line(text: string): string {
    const head = text.length > LIMITS.key ? text.slice(0, LIMITS.key) : text
    const clean = this.#redact === undefined ? head : this.#redact.text(head)
    return (clean.length > LIMITS.preview ? `${clean.slice(0, LIMITS.preview - 1)}…` : clean).toWellFormed()
  }

  #string(value: string): Wire {
    if (!this.affords(value.length)) return this.placeholder('string', `${value.length} characters`, value)
    const text = this.#redact === undefined ? value : this.#redact.text(value)
    return text.isWellFormed() ? text : { $type: TAG.string, units: Buffer.from(text, 'utf16le') }
  }

  #bigint(value: bigint): Wire {
    if (BigInt.asIntN(64, value) === value) return value
    const hex = value.toString(16)
    if (!this.affords(hex.length)) return this.placeholder('bigint', `${hex.length} hex digits`, `0x${hex}`)
    return { $type: TAG.bigint, hex }
  }

  #function(value: Function): Wire {
    const own = types.isProxy(value) ? undefined : Object.getOwnPropertyDescriptor(value, 'name')?.value
    const name = typeof own === 'string' ? own : ''
    return this.placeholder('function', name, name === '' ? 'function' : `function ${name}`)
  }

  #object(value: object): Wire {
    const met = this.#met.get(value)
    if (met !== undefined) return met
    this.#nodes -= types.isProxy(value) ? LIMITS.proxy : 1
    if (this.#nodes < 0) return this.placeholder('size', 'object', 'left out: the value is too large')
    if (this.#depth <= 0) return this.placeholder('depth', 'object', 'left out: nested too deeply')
    this.#depth--
    try {
      return this.#read(value)
    } catch (error) {
      if (isStackOverflow(error)) throw error
      return this.remember(value, this.#unreadable('object', error))
    } finally {
      this.#depth++
    }
  }

  /** The first wire form of an object is the one that later references point at. */
  remember<W extends Wire>(value: object, wire: W): W {
    if (!this.#met.has(value)) this.#met.set(value, wire)
    return wire
  }

  #unreadable(what: string, error: unknown): WireRecord {
    return this.placeholder('unreadable', what, `reading it throws ${toText(error)}`)
  }

  #read(value: object): Wire {
    if (Array.isArray(value)) return this.#array(value)
    const prototype = Object.getPrototypeOf(value) as object | null
    if (prototype === Object.prototype) return this.fields(value, this.remember(value, {}))
    if (!types.isProxy(value)) {
      const host = toHostName(value)
      if (host !== undefined) return this.remember(value, this.placeholder('host', host, host))
      const built = copyBuiltIn(value, prototype, this)
      if (built !== undefined) return built
    }
    if (prototype === null) {
      const wire = this.remember(value, { $type: TAG.bare, fields: {} as Wire })
      wire.fields = this.fields(value, {})
      return wire
    }
    return this.#instance(value, prototype)
  }

  #instance(value: object, prototype: object): Wire {
    if (isPlaceholder(value)) {
      return this.remember(value, this.placeholder(value.$type, value.name, value.preview))
    }
    const { kind, name } = getClassInfo(prototype)
    if (kind === 'host') return this.remember(value, this.placeholder('host', name, name))
    if (kind === 'plain') return this.fields(value, this.remember(value, {}))
    const wire = this.remember(value, { $type: TAG.instance, name: this.#line(name), fields: {} as Wire })
    wire.fields = this.fields(value, {}, kind === 'emitter' ? isEmitterField : undefined)
    return wire
  }

  /** Own enumerable string keys. `wire` is filled in place; its shape is another one when they can't be a record's. */
  fields(value: object, wire: WireRecord, skip?: (key: string) => boolean): WireRecord {
    const keys = Object.keys(value)
    return this.#named(value, skip === undefined ? keys : keys.filter((key) => !skip(key)), wire)
  }

  #named(value: object, keys: readonly string[], wire: WireRecord): WireRecord {
    if (keys.length <= WIDEST_SHARED && !keys.some((key) => this.#keys.classify(key) === KEY.special)) {
      for (const key of keys) wire[key] = this.#property(value, key)
      return wire
    }
    const names: Wire[] = []
    const values: Wire[] = []
    Object.assign(wire, { $type: TAG.object, keys: names, values })
    for (const key of keys) {
      names.push(this.#key(key))
      values.push(this.#property(value, key))
    }
    return wire
  }

  #key(key: string): Wire {
    return this.#string(key.length > LIMITS.key ? `${key.slice(0, LIMITS.key)}… (${key.length})` : key)
  }

  /** Reads one property, once. */
  #property(object: object, key: string): Wire {
    const { value, error, thrown } = this.#readOnce(object, key)
    return thrown ? this.#unreadable(key, error) : this.keyed(key, value)
  }

  #readOnce(object: object, key: string | number): Read {
    const known = this.#reads?.get(object)?.get(String(key))
    if (known) return known
    try {
      return { value: (object as Record<string | number, unknown>)[key], thrown: false }
    } catch (error) {
      if (isStackOverflow(error)) throw error
      return { error, thrown: true }
    }
  }

  /** What stands under a name: its token when the name is secret. */
  keyed(key: string, value: unknown): Wire {
    if (this.#redact !== undefined && this.#keys.classify(key) === KEY.secret) return this.#redact.token(value)
    return this.copy(value)
  }

  #array(value: readonly unknown[]): Wire {
    const prototype = Object.getPrototypeOf(value) as object | null
    if (prototype === Array.prototype) return this.#elements(value)
    return this.extended(value, getClassName(prototype), 'Array', () => this.#elements(value))
  }

  /** Wraps what a built-in became where a class of the program's extends that, or where it has fields of its own. */
  extended(value: object, name: string, builtIn: string, toBase: () => Wire, keys: readonly string[] = []): Wire {
    if (name === builtIn && keys.length === 0) return toBase()
    const wire: WireRecord = this.remember(value, {
      $type: TAG.extended,
      name: this.#line(name),
      base: null,
      fields: null,
    })
    wire.base = toBase()
    wire.fields = this.#named(value, keys, {})
    return wire
  }

  #elements(value: readonly unknown[]): Wire {
    const { length } = value
    if (length > LIMITS.sparse || (this.#nodes -= length) < 0) {
      return this.remember(value, this.placeholder('size', `array of ${length}`, 'left out: the value is too large'))
    }
    if (!isDense(value)) {
      const wire: WireRecord = this.remember(value, { $type: TAG.array, length, fields: null })
      wire.fields = this.fields(value, {})
      return wire
    }
    const wire: Wire[] = this.remember(value, [])
    for (let i = 0; i < length; i++) wire.push(this.#element(value, i))
    return wire
  }

  #element(array: readonly unknown[], index: number): Wire {
    const { value, error, thrown } = this.#readOnce(array, index)
    return thrown ? this.#unreadable(String(index), error) : this.copy(value)
  }

  /** Whether `bytes` more may be kept; counts them when so. */
  affords(bytes: number): boolean {
    if (bytes > LIMITS.string || bytes > this.#units) return false
    this.#units -= bytes
    return true
  }
}

/** Left to the encoder, which tries again with a smaller depth. */
function isStackOverflow(error: unknown): boolean {
  return error instanceof RangeError && error.message.startsWith('Maximum call stack')
}

function toText(error: unknown): string {
  try {
    if (typeof error !== 'object' || error === null) return String(error)
    const { name, message } = error as { name: unknown; message: unknown }
    return `${typeof name === 'string' ? name : 'Error'}: ${typeof message === 'string' ? message : ''}`
  } catch {
    return 'an error that cannot be read either'
  }
}
