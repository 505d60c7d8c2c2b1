import { RetroscopeError } from '../errors.js'
import { toPrototype } from './class-names.js'
import { LIMITS } from './limits.js'
import { Placeholder } from './placeholder.js'
import { TAG, type Tag } from './wire.js'

type Fields = Record<string, unknown>

/** Turns wire forms back into values, in place where it can, so that cycles and shared references stay what they are. */
export function revive(wire: unknown): unknown {
  return new Reviver().revive(wire)
}

/** What a form makes: the object at once, so that a cycle may point at it, then its content. */
interface Shell {
  readonly value: unknown
  readonly fill?: () => void
}

class Reviver {
  readonly #done = new Map<object, unknown>()

  revive(wire: unknown): unknown {
    if (typeof wire !== 'object' || wire === null) return wire
    const done = this.#done.get(wire)
    if (done !== undefined) return done
    if (Array.isArray(wire)) return this.#array(wire)
    if (wire instanceof Map) return this.#map(wire)
    if (wire instanceof Set) return this.#set(wire)
    // What the unpacker gives is a window on the bytes that were decoded.
    if (Buffer.isBuffer(wire)) return this.#keep(wire, Buffer.from(wire))
    if (Object.getPrototypeOf(wire) !== Object.prototype) return wire
    const fields = wire as Fields
    if (typeof fields.$type !== 'string') return this.#fields(fields)
    if (!fields.$type.startsWith('=')) return this.#keep(wire, toPlaceholder(fields))
    const shell = this.#shell(fields.$type as Tag, fields)
    this.#keep(wire, shell.value)
    shell.fill?.()
    return shell.value
  }

  #keep<T>(wire: object, value: T): T {
    this.#done.set(wire, value)
    return value
  }

  #array(wire: unknown[]): unknown[] {
    this.#keep(wire, wire)
    for (let i = 0; i < wire.length; i++) wire[i] = this.revive(wire[i])
    return wire
  }

  #fields(wire: Fields): Fields {
    this.#keep(wire, wire)
    for (const key of Object.keys(wire)) wire[key] = this.revive(wire[key])
    return wire
  }

  #map(wire: Map<unknown, unknown>): Map<unknown, unknown> {
    this.#keep(wire, wire)
    const entries = [...wire]
    wire.clear()
    for (const [key, value] of entries) wire.set(this.revive(key), this.revive(value))
    return wire
  }

  #set(wire: Set<unknown>): Set<unknown> {
    this.#keep(wire, wire)
    const members = [...wire]
    wire.clear()
    for (const member of members) wire.add(this.revive(member))
    return wire
  }

  #shell(tag: Tag, wire: Fields): Shell {
    switch (tag) {
      case TAG.negativeZero:
        return { value: -0 }
      case TAG.string:
        return { value: toBuffer(wire.units).toString('utf16le') }
      case TAG.bigint:
        return { value: toBigInt(toText(wire.hex)) }
      case TAG.url:
        return { value: new URL(toText(this.revive(wire.href))) }
      case TAG.query:
        return { value: new URLSearchParams(toText(this.revive(wire.text))) }
      case TAG.boxed:
        return { value: Object(this.revive(wire.value)) }
      case TAG.empty:
        return { value: toEmpty(toText(wire.name)) }
      case TAG.regexp:
        return { value: this.#regexp(wire) }
      case TAG.error:
        return this.#error(wire)
      case TAG.object:
        return this.#into({}, wire)
      case TAG.bare:
        return this.#into(Object.create(null) as object, wire.fields)
      case TAG.instance:
        return this.#into(Object.create(toPrototype(toText(wire.name))) as object, wire.fields)
      case TAG.array:
        return this.#into(toSparse(wire.length), wire.fields)
      case TAG.extended:
        return this.#extended(wire)
      default:
        throw new RetroscopeError('DAMAGED', `The recording has a value of an unknown form ${JSON.stringify(tag)}.`)
    }
  }

  /** `from` is a record of fields, or an `=object` form. */
  #into(value: object, from: unknown): Shell {
    const wire = toRecord(from)
    return {
      value,
      fill: () => {
        if (wire.$type !== TAG.object) {
          for (const key of Object.keys(wire)) define(value, key, this.revive(wire[key]))
          return
        }
        const keys = toList(wire.keys)
        const values = toList(wire.values)
        for (let i = 0; i < keys.length; i++) define(value, toText(this.revive(keys[i])), this.revive(values[i]))
      },
    }
  }

  #extended(wire: Fields): Shell {
    const base = this.#toShellOf(wire.base)
    const fields = this.#into(base.value as object, wire.fields)
    Object.setPrototypeOf(base.value, toPrototype(toText(wire.name), Object.getPrototypeOf(base.value) as object))
    return {
      value: base.value,
      fill: () => {
        base.fill?.()
        fields.fill?.()
      },
    }
  }

  /** The base of an extended form, not filled yet: its content may point back at the whole. */
  #toShellOf(base: unknown): Shell {
    if (Array.isArray(base)) return { value: base, fill: () => void this.#array(base) }
    if (Buffer.isBuffer(base)) return { value: Buffer.from(base) }
    if (base instanceof Map) return { value: base, fill: () => void this.#map(base) }
    if (base instanceof Set) return { value: base, fill: () => void this.#set(base) }
    const form = toRecord(base)
    if (typeof form.$type === 'string' && form.$type.startsWith('=')) return this.#shell(form.$type as Tag, form)
    if (typeof form.$type === 'string') return { value: toPlaceholder(form) }
    return { value: base }
  }

  #regexp(wire: Fields): RegExp {
    const value = new RegExp(toText(this.revive(wire.source)), toText(wire.flags))
    value.lastIndex = typeof wire.lastIndex === 'number' ? wire.lastIndex : 0
    return value
  }

  #error(wire: Fields): Shell {
    const name = toText(this.revive(wire.class))
    const value = Object.create(toErrorPrototype(name)) as object
    const { fill } = this.#into(value, wire.fields)
    return {
      value,
      fill: () => {
        for (const key of ['name', 'message', 'stack']) {
          Object.defineProperty(value, key, { value: this.revive(wire[key]), writable: true, configurable: true })
        }
        for (const cause of toList(wire.causes)) {
          Object.defineProperty(value, 'cause', { value: this.revive(cause), writable: true, configurable: true })
        }
        fill?.()
      },
    }
  }
}

const ERRORS = {
  Error,
  EvalError,
  RangeError,
  ReferenceError,
  SyntaxError,
  TypeError,
  URIError,
  AggregateError,
} as const

function toErrorPrototype(name: string): object {
  const native = Object.hasOwn(ERRORS, name) ? ERRORS[name as keyof typeof ERRORS] : undefined
  return native === undefined ? toPrototype(name, Error.prototype) : (native.prototype as object)
}

const EMPTY: Readonly<Record<string, () => unknown>> = {
  Buffer: () => Buffer.alloc(0),
  ArrayBuffer: () => new ArrayBuffer(0),
  DataView: () => new DataView(new ArrayBuffer(0)),
  Int8Array: () => new Int8Array(0),
  Uint8Array: () => new Uint8Array(0),
  Uint8ClampedArray: () => new Uint8ClampedArray(0),
  Int16Array: () => new Int16Array(0),
  Uint16Array: () => new Uint16Array(0),
  Int32Array: () => new Int32Array(0),
  Uint32Array: () => new Uint32Array(0),
  Float32Array: () => new Float32Array(0),
  Float64Array: () => new Float64Array(0),
  BigInt64Array: () => new BigInt64Array(0),
  BigUint64Array: () => new BigUint64Array(0),
}

function toEmpty(name: string): unknown {
  const make = Object.hasOwn(EMPTY, name) ? EMPTY[name] : undefined
  return make === undefined ? new Placeholder('bytes', '0 bytes', name) : make()
}

function toPlaceholder(wire: Fields): Placeholder {
  return new Placeholder(toText(wire.$type), toText(wire.name), toText(wire.preview))
}

/** Never through a setter: `__proto__` is a key like any other. */
function define(object: object, key: string, value: unknown): void {
  if (key === '__proto__' || key in Object.prototype || Array.isArray(object)) {
    Object.defineProperty(object, key, { value, writable: true, enumerable: true, configurable: true })
  } else (object as Fields)[key] = value
}

function toText(value: unknown): string {
  if (typeof value !== 'string') throw malformed()
  return value
}

function toList(value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw malformed()
  return value
}

function toRecord(value: unknown): Fields {
  if (typeof value !== 'object' || value === null) throw malformed()
  return value as Fields
}

function toBuffer(value: unknown): Buffer {
  if (!(value instanceof Uint8Array)) throw malformed()
  return Buffer.from(value.buffer, value.byteOffset, value.byteLength)
}

function toBigInt(hex: string): bigint {
  if (!/^-?[0-9a-f]+$/.test(hex)) throw malformed()
  return hex.startsWith('-') ? -BigInt(`0x${hex.slice(1)}`) : BigInt(`0x${hex}`)
}

function toSparse(length: unknown): unknown[] {
  if (typeof length !== 'number' || !Number.isSafeInteger(length) || length < 0 || length > LIMITS.sparse) {
    throw malformed()
  }
  const array: unknown[] = []
  array.length = length
  return array
}

function malformed(): RetroscopeError {
  return new RetroscopeError('DAMAGED', 'A value in the recording has a form whose parts are not what they must be.')
}
