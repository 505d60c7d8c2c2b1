import { crc32 } from '../../spool/crc.js'
import { HASH_BYTES } from '../../spool/source-frame.js'
import { EntryBytes } from './entry-bytes.js'
import { reviveError } from './entry-errors.js'
import { type Digest, type Opaque, SMALL, type SourceName, TAG, TYPED_ARRAYS } from './entry-tags.js'
import { Source } from './sources.js'
import { countOwnFrames, formatsStacks } from './stacks.js'

/** A longer text among the arguments of a call is kept as its length and CRC. */
const LITERAL_TEXT = 200

/** What of an object among the arguments of a call is compared. */
const ARGUMENT_KEYS = 64

/** An object of more bytes than this is kept as their number and CRC; of one with more items, the rest is not compared. */
const LITERAL_BYTES = 4096
const ARGUMENT_ITEMS = 65_536

/** How deep a value that a native call returned may be. */
const DEPTH = 64

/** Says which values of the program's are known by a number: handles. 0 for others. */
export type Numbering = (value: object) => number

/** Turns a value that has no tag of its own into bytes by the structured clone algorithm, and back. */
export interface Cloning {
  serialize(value: unknown): Uint8Array
  deserialize(bytes: Uint8Array): unknown
  /** The source with that hash; without it a source stays a word. */
  loadSource?(hash: string): Buffer
}

/** Appends entries: one call of the program's with what came back, or one delivery to it. */
export class EntryWriter extends EntryBytes {
  readonly #numberOf: Numbering
  readonly #cloning: Cloning
  /** Items of the argument of the moment that may still be looked at. */
  #left = 0
  /** Keeps a source somewhere else. @returns its hash */
  onSource: (source: Source) => Uint8Array = () => new Uint8Array(HASH_BYTES)

  constructor(numberOf: Numbering, cloning: Cloning, capacity = 96 * 1024) {
    super(capacity)
    this.#numberOf = numberOf
    this.#cloning = cloning
  }

  /** What came back from a native call, or with a delivery. */
  value(value: unknown, depth = 0): void {
    switch (typeof value) {
      case 'undefined':
        return this.tag(TAG.undefined)
      case 'boolean':
        return this.tag(value ? TAG.true : TAG.false)
      case 'number':
        return this.number(value)
      case 'string':
        return this.text(value)
      case 'bigint':
        return this.#bigint(value)
      case 'function':
        return this.tag(TAG.function)
      case 'symbol':
        return this.tag(TAG.opaque)
      default:
        return value === null ? this.tag(TAG.null) : this.#object(value as object, depth)
    }
  }

  /** What the program gave to a native call: long texts and bytes as length and CRC, objects by their own enumerable
   *  primitives. */
  argument(value: unknown): void {
    if (typeof value === 'string') {
      if (value.length <= LITERAL_TEXT) this.text(value)
      else this.digest(TAG.textDigest, Buffer.from(value, 'utf16le'))
    } else if (typeof value !== 'object' || value === null) this.value(value)
    else if (ArrayBuffer.isView(value)) this.digest(TAG.bytesDigest, toBytes(value))
    else this.#argumentGraph(value)
  }

  /** What stands for it may be far larger than itself, where its parts are met on many ways. */
  #argumentGraph(value: object): void {
    const start = this.at
    this.#left = ARGUMENT_ITEMS
    this.#argumentObject(value, 0)
    if (this.at - start <= LITERAL_BYTES) return
    const all = this.bytes.subarray(start, this.at)
    const length = all.length
    const crc = crc32(all)
    this.at = start
    this.tag(TAG.objectDigest)
    this.varint(length)
    this.varint(crc)
  }

  digest(tag: number, bytes: Uint8Array): void {
    this.tag(tag)
    this.varint(bytes.length)
    this.varint(crc32(bytes))
  }

  #argumentObject(value: object, depth: number): void {
    const number = this.#numberOf(value)
    if (number > 0) return this.#handle(number)
    if (Array.isArray(value)) {
      this.tag(TAG.array)
      this.varint(value.length)
      for (let index = 0; index < value.length; index++) this.#argumentItem(value[index], depth)
      return
    }
    if (!isPlain(value)) return this.tag(TAG.opaque)
    const keys = Object.keys(value).slice(0, ARGUMENT_KEYS)
    this.tag(TAG.object)
    this.varint(keys.length)
    for (let index = 0; index < keys.length; index++) {
      const key = keys[index]!
      this.text(key)
      this.#argumentItem((value as Record<string, unknown>)[key], depth)
    }
  }

  #argumentItem(value: unknown, depth: number): void {
    if (this.#left-- <= 0) this.tag(TAG.opaque)
    else if (typeof value === 'object' && value !== null && !ArrayBuffer.isView(value)) {
      if (depth >= 4) this.tag(TAG.opaque)
      else this.#argumentObject(value, depth + 1)
    } else this.argument(value)
  }

  #handle(number: number): void {
    this.tag(TAG.handle)
    this.varint(number)
  }

  #bigint(value: bigint): void {
    this.tag(TAG.bigint)
    const text = value.toString()
    this.reserve(text.length + 16)
    this.varint(text.length)
    this.at += this.bytes.write(text, this.at, 'latin1')
  }

  #object(value: object, depth: number): void {
    const number = this.#numberOf(value)
    if (number > 0) return this.#handle(number)
    if (Buffer.isBuffer(value)) return this.blob(TAG.buffer, value)
    if (value instanceof Uint8Array) return this.blob(TAG.bytes, value)
    if (value instanceof ArrayBuffer) return this.blob(TAG.arrayBuffer, new Uint8Array(value))
    if (ArrayBuffer.isView(value)) return this.#typed(value)
    if (depth > DEPTH) return this.tag(TAG.opaque)
    if (Array.isArray(value)) return this.#array(value, depth)
    if (value instanceof Error) return this.#error(value, depth)
    if (isPlain(value)) return this.#plain(value as Record<string, unknown>, depth)
    if (value instanceof Source) return this.#source(value)
    this.#clone(value)
  }

  #source(source: Source): void {
    const hash = this.onSource(source)
    this.tag(source.isText ? TAG.sourceText : TAG.sourceBytes)
    this.reserve(HASH_BYTES)
    this.bytes.set(hash, this.at)
    this.at += HASH_BYTES
  }

  #array(value: readonly unknown[], depth: number): void {
    this.tag(TAG.array)
    this.varint(value.length)
    for (let index = 0; index < value.length; index++) this.value(value[index], depth + 1)
  }

  #plain(value: Record<string, unknown>, depth: number): void {
    const keys = Object.keys(value)
    this.tag(Object.getPrototypeOf(value) === null ? TAG.bareObject : TAG.object)
    this.varint(keys.length)
    for (let index = 0; index < keys.length; index++) {
      const key = keys[index]!
      this.text(key)
      this.value(value[key], depth + 1)
    }
  }

  #typed(value: ArrayBufferView): void {
    const type = TYPED_ARRAYS.findIndex((one) => value instanceof one)
    if (type < 0) return this.#clone(value)
    this.reserve(value.byteLength + 16)
    this.tag(TAG.typed)
    this.varint(type)
    this.varint(value.byteLength)
    this.bytes.set(toBytes(value), this.at)
    this.at += value.byteLength
  }

  #error(error: Error, depth: number): void {
    this.tag(TAG.error)
    this.text(String(error.name))
    this.text(String(error.message))
    // The program's code would run within the entry, and the replayed error has the same frames.
    this.value(formatsStacks() ? countOwnFrames() : String(error.stack))
    this.#plain({ ...error }, depth)
  }

  #clone(value: object): void {
    let bytes: Uint8Array
    try {
      bytes = this.#cloning.serialize(value)
    } catch {
      return this.tag(TAG.opaque)
    }
    this.blob(TAG.clone, bytes)
  }
}

/** Reads what an EntryWriter wrote, value by value. */
export class EntryReader {
  bytes: Buffer
  at = 0
  end: number
  readonly #revive: (number: number) => unknown
  readonly #cloning: Cloning

  /** @param revive the object that a handle's number stands for */
  constructor(bytes: Uint8Array, revive: (number: number) => unknown, cloning: Cloning) {
    this.bytes = toBuffer(bytes)
    this.end = bytes.length
    this.#revive = revive
    this.#cloning = cloning
  }

  load(bytes: Uint8Array): void {
    this.bytes = toBuffer(bytes)
    this.at = 0
    this.end = bytes.length
  }

  get tag(): number {
    return this.bytes[this.at]!
  }

  varint(): number {
    const { bytes } = this
    let value = 0
    let factor = 1
    for (;;) {
      const byte = bytes[this.at++]
      if (byte === undefined) throw new RangeError('an entry ends within a number')
      value += (byte & 127) * factor
      if (byte < 128) return value
      factor *= 128
    }
  }

  value(): unknown {
    const tag = this.bytes[this.at++]
    if (tag === undefined) throw new RangeError('an entry ends within a value')
    if (tag >= SMALL) return tag - SMALL
    switch (tag) {
      case TAG.undefined:
        return undefined
      case TAG.null:
        return null
      case TAG.true:
        return true
      case TAG.false:
        return false
      case TAG.natural:
        return this.varint()
      case TAG.negative:
        return -this.varint()
      case TAG.double:
        this.at += 8
        return this.bytes.readDoubleLE(this.at - 8)
      case TAG.bigint:
        return BigInt(this.#text('latin1'))
      case TAG.latin1:
        return this.#text('latin1')
      case TAG.utf8:
        return this.#text('utf8')
      case TAG.utf16:
        return this.#text('utf16le')
      default:
        return this.#rest(tag)
    }
  }

  #rest(tag: number): unknown {
    switch (tag) {
      case TAG.buffer:
        return toOwnBuffer(this.#blob())
      case TAG.bytes:
        return new Uint8Array(this.#blob())
      case TAG.arrayBuffer:
        return new Uint8Array(this.#blob()).buffer
      case TAG.typed:
        return this.#typed()
      case TAG.array:
        return this.#array(this.varint())
      case TAG.object:
        return this.#object({})
      case TAG.bareObject:
        return this.#object(Object.create(null) as Record<string, unknown>)
      case TAG.error:
        return this.#error()
      case TAG.handle:
        return this.#revive(this.varint())
      case TAG.clone:
        return this.#cloning.deserialize(this.#blob())
      case TAG.sourceText:
        return this.#source((source) => source.toString())
      case TAG.sourceBytes:
        return this.#source((source) => source)
      case TAG.textDigest:
        return { digest: 'text', length: this.varint() / 2, crc: this.varint() } satisfies Digest
      case TAG.bytesDigest:
        return { digest: 'bytes', length: this.varint(), crc: this.varint() } satisfies Digest
      case TAG.objectDigest:
        return { digest: 'object', length: this.varint(), crc: this.varint() } satisfies Digest
      case TAG.function:
        return { opaque: 'function' } satisfies Opaque
      case TAG.opaque:
        return { opaque: 'object' } satisfies Opaque
      default:
        throw new RangeError(`no value has the tag ${tag}`)
    }
  }

  /** Without a protocol that a program may have changed. */
  #array(length: number): unknown[] {
    const values: unknown[] = []
    for (let left = length; left > 0; left--) values.push(this.value())
    return values
  }

  #blob(): Buffer {
    const size = this.varint()
    const start = this.at
    if (start + size > this.end) throw new RangeError('an entry ends within its bytes')
    this.at = start + size
    return this.bytes.subarray(start, this.at)
  }

  #source(view: (source: Buffer) => unknown): unknown {
    const start = this.at
    this.at = start + HASH_BYTES
    if (this.at > this.end) throw new RangeError('an entry ends within a hash')
    const hash = this.bytes.toString('hex', start, this.at)
    const { loadSource } = this.#cloning
    return loadSource ? view(loadSource(hash)) : ({ source: hash } satisfies SourceName)
  }

  #text(encoding: 'latin1' | 'utf8' | 'utf16le'): string {
    return this.#blob().toString(encoding)
  }

  #typed(): ArrayBufferView {
    const type = TYPED_ARRAYS[this.varint()]
    if (!type) throw new RangeError('no typed array has that number')
    const bytes = new Uint8Array(this.#blob())
    return new type(bytes.buffer)
  }

  #object(target: Record<string, unknown>): Record<string, unknown> {
    for (let left = this.varint(); left > 0; left--) {
      const key = this.value() as string
      Object.defineProperty(target, key, {
        value: this.value(),
        writable: true,
        enumerable: true,
        configurable: true,
      })
    }
    return target
  }

  #error(): Error {
    const name = this.value() as string
    const message = this.value() as string
    const stack = this.value() as string | number
    return reviveError(name, message, stack, this.value() as object)
  }
}

export function toBytes(view: ArrayBufferView): Uint8Array {
  return view instanceof Uint8Array ? view : new Uint8Array(view.buffer, view.byteOffset, view.byteLength)
}

function toBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

/** A buffer outside the pool, in which the program's small ones shall lie where they lay. */
function toOwnBuffer(bytes: Uint8Array): Buffer {
  const buffer = Buffer.allocUnsafeSlow(bytes.length)
  buffer.set(bytes)
  return buffer
}

function isPlain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}
