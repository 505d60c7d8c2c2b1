import { types } from 'node:util'
import type { Redactor } from './codec.js'
import { KEY, type Keys } from './keys.js'
import { LIMITS } from './limits.js'
import { isDense } from './plain.js'
import { type Reads, ReadTrace } from './reads.js'
import { FIRST_ID, MAX_SHARED, type Place, type Structures, WIDEST_SHARED } from './structures.js'
import type { ByteTarget } from './target.js'

const { getPrototypeOf, keys: keysOf } = Object
const { isArray } = Array
const { isProxy, isNativeError } = types
const PLAIN_OBJECT = Object.prototype
const PLAIN_ARRAY = Array.prototype
const EMPTY = {}

/** It is not plain: the answer in place of an end. */
const NO = -1

/** Up to so many objects, comparing each with those before costs less than a set. */
const FEW_OBJECTS = 16

/** Longer texts are faster encoded by the platform, in spite of the call. */
const SHORT_TEXT = 64

/** Free behind the place of the next value: more than anything but a text takes. */
const SLACK = 16

/** What the trace keeps allocated. */
const KEEP_READS = 65_536

/** Record id of structures that are defined where they stand. */
const OWN_ID = FIRST_ID + MAX_SHARED

/** Wide objects that are compared with those before. */
const MOST_WIDES = 32

const textEncoder = new TextEncoder()
const encodeInto = textEncoder.encodeInto.bind(textEncoder)

/** Writes plain values as msgpackr with shared structures does: objects, arrays and primitives that MessagePack can say as
 *  they are, each object in one place only, and nothing in them secret. One walk decides that and writes; it reads each
 *  property once. Anything else answers "no", and what was written is left over. Runs none of the program's code but
 *  getters. */
export class PlainWriter {
  readonly #redact: Redactor | undefined
  readonly #keys: Keys
  readonly #structures: Structures
  /** Every text is shown to the redactor: it does not say what it looks for. */
  readonly #eager: boolean
  readonly #marks: Int32Array
  readonly #marked: number
  readonly #trace = new ReadTrace()
  #top = 0
  #count = 0
  #seen: Set<object> | undefined
  #nodes = 0
  #units = 0
  /** Names of the wide objects in the value. */
  #wides: (readonly string[])[] | undefined
  #target: ByteTarget | undefined
  #bytes: Uint8Array = new Uint8Array(0)
  #view: DataView = new DataView(this.#bytes.buffer)
  #limit = 0

  constructor(structures: Structures, keys: Keys, redact: Redactor | undefined) {
    this.#structures = structures
    this.#keys = keys
    this.#redact = redact
    const marks = redact?.marks
    this.#eager = redact !== undefined && marks === undefined
    this.#marks = marks?.table ?? new Int32Array(1024)
    this.#marked = marks?.shortest ?? Number.POSITIVE_INFINITY
  }

  /** Writes one value at `at`. To be followed by `forget`. @returns its end, −1 when it is not plain */
  write(value: unknown, target: ByteTarget, at: number): number {
    // Inherited by every object, and no part of any.
    for (const _ in EMPTY) return NO
    this.#target = target
    this.#use(target)
    this.#nodes = LIMITS.nodes
    this.#units = LIMITS.total
    return this.#value(value, at, LIMITS.depth)
  }

  /** What getters returned that the last `write` ran; undefined where none did. */
  toReads(): Reads | undefined {
    return this.#trace.toReads(this.#count, this.#top)
  }

  /** Lets go of the value that was written last. */
  forget(): void {
    const { values, objects } = this.#trace
    for (let at = this.#top - 1; at >= 0; at--) values[at] = undefined
    for (let at = this.#count - 1; at >= 0; at--) objects[at] = EMPTY
    if (values.length > KEEP_READS) values.length = 0
    if (objects.length > KEEP_READS) {
      objects.length = 0
      this.#trace.names.length = 0
    }
    this.#trace.thrown = -1
    this.#top = 0
    this.#count = 0
    this.#seen = undefined
    this.#wides = undefined
    this.#target = undefined
  }

  #use({ bytes, view }: ByteTarget): void {
    this.#bytes = bytes
    this.#view = view
    this.#limit = bytes.length - SLACK
  }

  #makeRoom(used: number, more: number): void {
    this.#target!.makeRoom(used, more + SLACK)
    this.#use(this.#target!)
  }

  #value(value: unknown, at: number, depth: number): number {
    if (at > this.#limit) this.#makeRoom(at, SLACK)
    switch (typeof value) {
      case 'string':
        return this.#text(value, at)
      case 'number':
        return this.#number(value, at)
      case 'object':
        if (value !== null) return this.#object(value, at, depth)
        this.#bytes[at] = 0xc0
        return at + 1
      case 'boolean':
        this.#bytes[at] = value ? 0xc3 : 0xc2
        return at + 1
      case 'undefined':
        this.#bytes[at] = 0xd4
        this.#bytes[at + 1] = 0
        this.#bytes[at + 2] = 0
        return at + 3
      case 'bigint':
        if (BigInt.asIntN(64, value) !== value) return NO
        this.#bytes[at] = 0xd3
        this.#view.setBigInt64(at + 1, value)
        return at + 9
      default:
        return NO
    }
  }

  #number(value: number, at: number): number {
    const bytes = this.#bytes
    if (value >>> 0 === value) {
      if (value < 0x40) {
        if (value === 0 && 1 / value < 0) return NO
        bytes[at] = value
        return at + 1
      }
      if (value < 0x100) {
        bytes[at] = 0xcc
        bytes[at + 1] = value
        return at + 2
      }
      if (value < 0x10000) {
        bytes[at] = 0xcd
        bytes[at + 1] = value >> 8
        bytes[at + 2] = value
        return at + 3
      }
      bytes[at] = 0xce
      this.#view.setUint32(at + 1, value)
      return at + 5
    }
    return value >> 0 === value ? this.#negative(value, at) : this.#float(value, at)
  }

  #negative(value: number, at: number): number {
    const bytes = this.#bytes
    if (value >= -0x20) {
      bytes[at] = value
      return at + 1
    }
    if (value >= -0x80) {
      bytes[at] = 0xd0
      bytes[at + 1] = value
      return at + 2
    }
    if (value >= -0x8000) {
      bytes[at] = 0xd1
      this.#view.setInt16(at + 1, value)
      return at + 3
    }
    bytes[at] = 0xd2
    this.#view.setInt32(at + 1, value)
    return at + 5
  }

  #float(value: number, at: number): number {
    this.#bytes[at] = 0xcb
    this.#view.setFloat64(at + 1, value)
    return at + 9
  }

  #text(value: string, at: number): number {
    const { length } = value
    if (this.#eager || length > SHORT_TEXT) return this.#anyText(value, at)
    if (at + length > this.#limit) this.#makeRoom(at, length)
    if ((this.#units -= length) < 0) return NO
    const bytes = this.#bytes
    const start = length < 0x20 ? at + 1 : at + 2
    let all = 0
    if (length < this.#marked) {
      for (let i = 0; i < length; i++) {
        const unit = value.charCodeAt(i)
        all |= unit
        bytes[start + i] = unit
      }
    } else {
      const table = this.#marks
      let found = 0
      let pair = 0
      for (let i = 0; i < length; i++) {
        const unit = value.charCodeAt(i)
        all |= unit
        bytes[start + i] = unit
        found |= table[pair]! >>> unit
        pair = ((pair << 5) | (unit & 31)) & 1023
      }
      if ((found & 1) !== 0 && this.#redact!.text(value) !== value) return NO
    }
    if (all >= 0x80) return this.#units8(value, at)
    if (length < 0x20) bytes[at] = 0xa0 | length
    else {
      bytes[at] = 0xd9
      bytes[at + 1] = length
    }
    return start + length
  }

  #anyText(value: string, at: number): number {
    if (value.length > LIMITS.string || (this.#units -= value.length) < 0) return NO
    if (this.#redact !== undefined && this.#redact.text(value) !== value) return NO
    return this.#units8(value, at)
  }

  /** Writes a text as UTF-8, of any length and alphabet. */
  #units8(value: string, at: number): number {
    if (!value.isWellFormed()) return NO
    const most = value.length * 3
    if (at + most > this.#limit) this.#makeRoom(at, most)
    const guess = toTextHeader(value.length)
    const bytes = this.#bytes
    const { written } = encodeInto(value, bytes.subarray(at + guess))
    const header = toTextHeader(written)
    if (header !== guess) bytes.copyWithin(at + header, at + guess, at + guess + written)
    if (header === 1) bytes[at] = 0xa0 | written
    else if (header === 2) {
      bytes[at] = 0xd9
      bytes[at + 1] = written
    } else if (header === 3) {
      bytes[at] = 0xda
      this.#view.setUint16(at + 1, written)
    } else {
      bytes[at] = 0xdb
      this.#view.setUint32(at + 1, written)
    }
    return at + header + written
  }

  #object(value: object, at: number, depth: number): number {
    if (depth === 0 || --this.#nodes < 0 || isProxy(value)) return NO
    const prototype = getPrototypeOf(value)
    const array = prototype === PLAIN_ARRAY && isArray(value)
    if ((!array && prototype !== PLAIN_OBJECT) || this.#met(value)) return NO
    return array
      ? this.#array(value as unknown[], at, depth - 1)
      : this.#fields(value as Record<string, unknown>, at, depth - 1)
  }

  /** Whether the object was met before; takes it into the trace when not. */
  #met(value: object): boolean {
    const { objects, starts, names } = this.#trace
    const count = this.#count
    if (count < FEW_OBJECTS) {
      for (let no = 0; no < count; no++) if (objects[no] === value) return true
    } else {
      this.#seen ??= new Set(objects.slice(0, count))
      if (this.#seen.has(value)) return true
      this.#seen.add(value)
    }
    objects[count] = value
    starts[count] = this.#top
    names[count] = undefined
    this.#count = count + 1
    return false
  }

  #fields(value: Record<string, unknown>, at: number, depth: number): number {
    const { values, names } = this.#trace
    const no = this.#count - 1
    const start = this.#top
    let top = start
    let place: Place = this.#structures.root
    try {
      for (const key in value) {
        let next = place.firstKey === key ? place.first : place.others?.get(key)
        if (next === undefined) {
          if (this.#structures.isFull || keysOf(value).length > WIDEST_SHARED) {
            names[no] = place
            this.#top = top
            return this.#wide(value, no, at, depth)
          }
          next = this.#structures.extend(place, key)
          if (next === undefined) {
            names[no] = place
            this.#top = top
            return NO
          }
        }
        place = next
        values[top] = value[key]
        top++
      }
    } catch (error) {
      names[no] = place
      this.#top = top
      return this.#thrown(error)
    }
    names[no] = place
    this.#top = top
    const id = place.id === 0 ? this.#structures.share(place) : place.id
    if (id === 0) return this.#wide(value, no, at, depth)
    return this.#elements(start, top, this.#recordId(id, at), depth)
  }

  #recordId(id: number, at: number): number {
    if (id < FIRST_ID + 0x20) {
      this.#bytes[at] = id
      return at + 1
    }
    this.#bytes[at] = 0x60 | (id & 0x1f)
    this.#bytes[at + 1] = (id - 0x60) >> 5
    return at + 2
  }

  /** Writes the values of the trace in [start, top). */
  #elements(start: number, top: number, at: number, depth: number): number {
    const { values } = this.#trace
    let end = at
    for (let no = start; no < top; no++) {
      end = this.#value(values[no], end, depth)
      if (end < 0) return NO
    }
    return end
  }

  /** An object whose structure is not shared: reads what `#fields` has not, and writes the names with the values. */
  #wide(value: Record<string, unknown>, no: number, at: number, depth: number): number {
    const { values, names, starts } = this.#trace
    const start = starts[no]!
    const read = (names[no] as Place).toKeys()
    const keys = keysOf(value)
    if (read.some((key, order) => keys[order] !== key)) return NO
    for (const key of keys) if (this.#keys.classify(key) !== KEY.plain) return NO
    names[no] = keys
    try {
      for (let order = this.#top - start; order < keys.length; order++) {
        values[this.#top] = value[keys[order]!]
        this.#top++
      }
    } catch (error) {
      return this.#thrown(error)
    }
    if ((this.#nodes -= keys.length) < 0) return NO
    const top = this.#top
    const behind = this.#ownStructure(keys, at)
    return behind < 0 ? NO : this.#elements(start, top, behind, depth)
  }

  /** Defines a structure where it stands. The second of its kind in one value shows that its names are no ids: it is
   *  shared from there on. */
  #ownStructure(keys: readonly string[], at: number): number {
    this.#wides ??= []
    if (this.#wides.some((wide) => wide.length === keys.length && wide.every((key, no) => key === keys[no]))) {
      const id = this.#structures.shareWide(keys)
      if (id !== 0) return this.#recordId(id, at)
    } else if (this.#wides.length < MOST_WIDES) this.#wides.push(keys)
    this.#bytes[at] = 0xd5
    this.#bytes[at + 1] = 0x72
    let end = this.#arrayHeader(keys.length, this.#recordId(OWN_ID, at + 2))
    for (const key of keys) {
      if (end > this.#limit) this.#makeRoom(end, SLACK)
      end = this.#anyText(key, end)
      if (end < 0) return NO
    }
    if (end > this.#limit) this.#makeRoom(end, SLACK)
    return end
  }

  #array(value: readonly unknown[], at: number, depth: number): number {
    const { length } = value
    if ((this.#nodes -= length) < 0 || !isDense(value)) return NO
    const { values } = this.#trace
    const start = this.#top
    try {
      for (let i = 0; i < length; i++) {
        values[start + i] = value[i]
        this.#top++
      }
    } catch (error) {
      return this.#thrown(error)
    }
    return this.#elements(start, start + length, this.#arrayHeader(length, at), depth)
  }

  #arrayHeader(length: number, at: number): number {
    const bytes = this.#bytes
    if (length < 0x10) {
      bytes[at] = 0x90 | length
      return at + 1
    }
    if (length < 0x10000) {
      bytes[at] = 0xdc
      this.#view.setUint16(at + 1, length)
      return at + 3
    }
    bytes[at] = 0xdd
    this.#view.setUint32(at + 1, length)
    return at + 5
  }

  /** A getter threw: that is what it gave. A stack that is used up says nothing of the getter. */
  #thrown(error: unknown): number {
    if (isNativeError(error) && error instanceof RangeError && error.message.startsWith('Maximum call')) throw error
    this.#trace.values[this.#top] = error
    this.#trace.thrown = this.#top++
    return NO
  }
}

/** Bytes in front of a text of so many. */
function toTextHeader(length: number): number {
  return length < 0x20 ? 1 : length < 0x100 ? 2 : length < 0x10000 ? 3 : 5
}
