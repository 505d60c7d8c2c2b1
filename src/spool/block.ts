import { type ByteTarget, Scratch } from '../values/target.js'
import { crc32 } from './crc.js'
import {
  BLOCK_HEADER_BYTES,
  DICTIONARY_FRAME,
  FRAME_FLAGS,
  FRAME_HEADER_BYTES,
  SOURCE_FRAME,
  SPOOL_MAGIC,
} from './format.js'

/** Buffer that a writer starts with and goes back to after an unusually large block. */
const BUFFER_BYTES = 128 * 1024

/** A frame's header, cause and origin. */
const MOST_BEFORE_PAYLOAD = FRAME_HEADER_BYTES + 8

const NONE = -1

/** No writer makes a larger block; a header that claims one is damage, not a block still being written. */
export const MAX_BLOCK_BYTES = 1024 * 1024 * 1024

const TWO_32 = 4294967296
const MAX_U32 = 0xffffffff
const CAUSE_AND_ORIGIN = FRAME_FLAGS.cause | FRAME_FLAGS.origin

/** Collects frames and seals them into one block. What a frame carries is encoded in its place; appending copies and
 *  allocates nothing. Counts the events and turns of its thread for the blocks' headers: one writer per spool. */
export class BlockWriter {
  readonly #buffer = new Scratch(BUFFER_BYTES)
  /** Where the block's frames begin: behind its header, but for the one frame that was open when a block was sealed. */
  #start = BLOCK_HEADER_BYTES
  /** Where the open frame begins; −1 while none is. */
  #open = NONE
  #openTurns = 0
  #firstOrdinal: number
  #firstTurns: number
  #ordinal: number
  #turns: number

  /** @param ordinal of its first event @param turns that its thread opened before that */
  constructor(ordinal = 0, turns = 0) {
    this.#firstOrdinal = this.#ordinal = ordinal
    this.#firstTurns = this.#turns = turns
    this.#buffer.end = BLOCK_HEADER_BYTES
  }

  /** Ordinal of the first event in the block that is being filled, of the next event, and turns before the former. */
  get firstOrdinal(): number {
    return this.#firstOrdinal
  }

  get nextOrdinal(): number {
    return this.#ordinal
  }

  get firstTurns(): number {
    return this.#firstTurns
  }

  /** Bytes of the frames that wait. */
  get bytes(): number {
    return (this.#open === NONE ? this.#buffer.end : this.#open) - this.#start
  }

  /** Opens an event's frame. `cause` and `origin` are ordinals, −1 for none; their flags are set here.
   *  @returns where its payload is to be encoded, before `end` */
  begin(kindCode: number, flags: number, subject: number, deltaUs: number, cause: number, origin: number): ByteTarget {
    const buffer = this.#buffer
    if (this.#open !== NONE) this.#abandon()
    let at = buffer.end
    if (at + MOST_BEFORE_PAYLOAD > buffer.bytes.length) buffer.makeRoom(at, MOST_BEFORE_PAYLOAD)
    const { view } = buffer
    let bits = flags & ~CAUSE_AND_ORIGIN
    if (cause >= 0) bits |= FRAME_FLAGS.cause
    if (origin >= 0) bits |= FRAME_FLAGS.origin
    view.setUint32(at + 4, kindCode | (bits << 8), true)
    view.setUint32(at + 8, subject, true)
    view.setUint32(at + 12, deltaUs < 0 ? 0 : deltaUs > MAX_U32 ? MAX_U32 : deltaUs, true)
    this.#open = at
    this.#openTurns = flags & FRAME_FLAGS.turn
    at += FRAME_HEADER_BYTES
    if (cause >= 0) {
      view.setUint32(at, cause, true)
      at += 4
    }
    if (origin >= 0) {
      view.setUint32(at, origin, true)
      at += 4
    }
    buffer.end = at
    return buffer
  }

  /** Ends the open frame. @param dictionary that its payload is the first to need; it gets a frame before it */
  end(dictionary?: Uint8Array): void {
    const buffer = this.#buffer
    buffer.view.setUint32(this.#open, buffer.end - this.#open - FRAME_HEADER_BYTES, true)
    if (dictionary) this.#insert(dictionary)
    if (this.#start !== BLOCK_HEADER_BYTES) this.#pullUp()
    this.#open = NONE
    this.#ordinal++
    this.#turns += this.#openTurns
  }

  /** Appends a frame that is encoded already. */
  frame(
    kindCode: number,
    flags: number,
    subject: number,
    deltaUs: number,
    cause: number,
    origin: number,
    payload: Uint8Array,
  ): void {
    const target = this.begin(kindCode, flags, subject, deltaUs, cause, origin)
    if (target.end + payload.length > target.bytes.length) target.makeRoom(target.end, payload.length)
    target.bytes.set(payload, target.end)
    target.end += payload.length
    this.end()
    if (kindCode === DICTIONARY_FRAME || kindCode === SOURCE_FRAME) this.#ordinal--
  }

  /** Ends the block. The bytes are valid until the next frame. `anchorUs`: wall clock in µs since the Unix epoch. A frame
   *  that is open goes into the next block: what is being encoded may run code that flushes. */
  seal(anchorUs: number): Uint8Array {
    const buffer = this.#buffer
    const length = this.bytes
    const end = BLOCK_HEADER_BYTES + length
    const { bytes } = buffer
    writeU32(bytes, 0, length)
    writeU32(bytes, 8, anchorUs % TWO_32)
    writeU32(bytes, 12, Math.floor(anchorUs / TWO_32))
    writeU32(bytes, 16, this.#firstOrdinal)
    writeU32(bytes, 20, this.#firstTurns)
    writeU32(bytes, 4, crc32(bytes, 8, end))
    this.#firstOrdinal = this.#ordinal
    this.#firstTurns = this.#turns
    if (this.#open === NONE) {
      buffer.reset()
      buffer.end = BLOCK_HEADER_BYTES
    } else this.#start = this.#open
    return bytes.subarray(0, end)
  }

  /** The frame was left by an error. */
  #abandon(): void {
    this.#buffer.end = this.#start === BLOCK_HEADER_BYTES ? this.#open : BLOCK_HEADER_BYTES
    this.#start = BLOCK_HEADER_BYTES
    this.#open = NONE
  }

  #insert(dictionary: Uint8Array): void {
    const buffer = this.#buffer
    const size = FRAME_HEADER_BYTES + dictionary.length
    if (buffer.end + size > buffer.bytes.length) buffer.makeRoom(buffer.end, size)
    const { bytes } = buffer
    const at = this.#open
    bytes.copyWithin(at + size, at, buffer.end)
    bytes.fill(0, at, at + FRAME_HEADER_BYTES)
    writeU32(bytes, at, dictionary.length)
    bytes[at + 4] = DICTIONARY_FRAME
    bytes.set(dictionary, at + FRAME_HEADER_BYTES)
    buffer.end += size
  }

  /** The frame that was open when a block was sealed becomes the first of the next. */
  #pullUp(): void {
    const buffer = this.#buffer
    buffer.bytes.copyWithin(BLOCK_HEADER_BYTES, this.#start, buffer.end)
    buffer.end -= this.#start - BLOCK_HEADER_BYTES
    this.#start = BLOCK_HEADER_BYTES
  }
}

/** Walks the frames of a checked block without decoding and without an object per frame:
 *  `while (frames.next()) use(frames.kindCode, frames.payload)`. */
export class FrameCursor {
  readonly #buffer: Uint8Array
  readonly #end: number
  /** Where the frame's header and its payload begin, and where it ends, in the buffer given to `readBlocks`. */
  start = 0
  payloadStart = 0
  end: number
  kindCode = 0
  flags = 0
  subject = 0
  deltaUs = 0
  /** Ordinals in the same thread; −1 for none. */
  cause = -1
  origin = -1

  constructor(buffer: Uint8Array, start: number, end: number) {
    this.#buffer = buffer
    this.#end = end
    this.end = start
  }

  /** Moves to the next frame. @returns false behind the last one */
  next(): boolean {
    const at = this.end
    if (at >= this.#end) return false
    const buffer = this.#buffer
    this.start = at
    this.kindCode = buffer[at + 4]!
    this.flags = buffer[at + 5]!
    this.subject = readU32(buffer, at + 8)
    this.deltaUs = readU32(buffer, at + 12)
    this.end = at + FRAME_HEADER_BYTES + readU32(buffer, at)
    let payload = at + FRAME_HEADER_BYTES
    this.cause = -1
    this.origin = -1
    if (this.flags & FRAME_FLAGS.cause) {
      this.cause = readU32(buffer, payload)
      payload += 4
    }
    if (this.flags & FRAME_FLAGS.origin) {
      this.origin = readU32(buffer, payload)
      payload += 4
    }
    this.payloadStart = payload
    return true
  }

  /** A view of the encoded body, not a copy. */
  get payload(): Uint8Array {
    return this.#buffer.subarray(this.payloadStart, this.end)
  }
}

/** A block whose checksum and structure are right. Offsets are those of the buffer given to `readBlocks`. */
export interface Block {
  readonly kind: 'block'
  readonly offset: number
  readonly end: number
  /** Wall clock of the block, µs since the Unix epoch. */
  readonly anchorUs: number
  /** Ordinal of its first event, and the number of turns that its thread had opened before it. */
  readonly firstOrdinal: number
  readonly turns: number
  frames(): FrameCursor
}

/** Bytes that fail their checksum or structure, followed by a block that is right (or by nothing): an unknown number of
 *  events is missing here. */
export interface DamagedBytes {
  readonly kind: 'damaged'
  readonly offset: number
  readonly end: number
}

/** The last bytes are less than a block: still being written, or cut off by the death of their writer. Read again from
 *  `offset` when there may be more; drop them when there won't. */
export interface TornBytes {
  readonly kind: 'torn'
  readonly offset: number
  readonly end: number
}

export type SpoolPart = Block | DamagedBytes | TornBytes

/** Reads blocks from `offset` on (`SPOOL_MAGIC.length` in a whole file, any block's `end` later). Never throws on any
 *  bytes: each comes out as part of exactly one block, damaged or torn part, in order.
 *  @param live the writer may still be writing: an unfinished block is torn at once, and nothing is looked for behind it */
export function* readBlocks(buffer: Uint8Array, offset = 0, live = false): Generator<SpoolPart, void, undefined> {
  for (let at = offset; at < buffer.length; ) {
    const part = readBlock(buffer, at, live)
    yield part
    at = part.end
  }
}

/** Reads one part as `readBlocks` does, from `at` on, which lies in the buffer. */
export function readBlock(buffer: Uint8Array, at: number, live = false): SpoolPart {
  const end = findEnd(buffer, at)
  if (end > 0) return toBlock(buffer, at, end)
  const next = live && end === TORN ? -1 : findBlock(buffer, at + 1)
  if (next < 0 && end === TORN) return { kind: 'torn', offset: at, end: buffer.length }
  return { kind: 'damaged', offset: at, end: next < 0 ? buffer.length : next }
}

/** Whether these first bytes of a file are those of a spool; undefined while there are too few to say. */
export function isSpool(head: Uint8Array): boolean | undefined {
  for (let at = 0; at < SPOOL_MAGIC.length && at < head.length; at++) {
    if (head[at] !== SPOOL_MAGIC.charCodeAt(at)) return false
  }
  return head.length < SPOOL_MAGIC.length ? undefined : true
}

const TORN = -1
const WRONG = -2

/** End of the block that begins at `at`, or why there is none. */
function findEnd(buffer: Uint8Array, at: number): number {
  if (buffer.length - at < BLOCK_HEADER_BYTES) return TORN
  const length = readU32(buffer, at)
  if (length > MAX_BLOCK_BYTES) return WRONG
  const end = at + BLOCK_HEADER_BYTES + length
  if (end > buffer.length) return TORN
  if (crc32(buffer, at + 8, end) !== readU32(buffer, at + 4)) return WRONG
  return areFramesWhole(buffer, at + BLOCK_HEADER_BYTES, end) ? end : WRONG
}

/** A checksum that is right says nothing of who wrote the frames: their lengths must add up. */
function areFramesWhole(buffer: Uint8Array, start: number, end: number): boolean {
  let at = start
  while (at < end) {
    if (end - at < FRAME_HEADER_BYTES) return false
    const size = readU32(buffer, at)
    const flags = buffer[at + 5]!
    const refs = (flags & FRAME_FLAGS.cause ? 4 : 0) + (flags & FRAME_FLAGS.origin ? 4 : 0)
    if (size < refs) return false
    at += FRAME_HEADER_BYTES + size
  }
  return at === end
}

/** High words of clock anchors from 2020 to 2200: what a search for the next header accepts before it computes a CRC. */
const ANCHOR_HIGH_MIN = Math.floor(1_577_836_800_000_000 / TWO_32)
const ANCHOR_HIGH_MAX = Math.floor(7_258_118_400_000_000 / TWO_32)

/** What one search may spend on checksums: without a bound, bytes made for it would cost the square of their length. */
const SEARCH_BYTES = 256 * 1024 * 1024

/** Finds the next block that is right behind damage. Blocks carry no mark to look for: the checksum is the mark. */
function findBlock(buffer: Uint8Array, from: number): number {
  let budget = SEARCH_BYTES
  for (let at = from; at + BLOCK_HEADER_BYTES <= buffer.length; at++) {
    const high = readU32(buffer, at + 12)
    if (high < ANCHOR_HIGH_MIN || high > ANCHOR_HIGH_MAX) continue
    const length = readU32(buffer, at)
    if (length < FRAME_HEADER_BYTES || at + BLOCK_HEADER_BYTES + length > buffer.length) continue
    if (findEnd(buffer, at) > 0) return at
    budget -= length
    if (budget < 0) return -1
  }
  return -1
}

function toBlock(buffer: Uint8Array, offset: number, end: number): Block {
  return {
    kind: 'block',
    offset,
    end,
    anchorUs: readU32(buffer, offset + 8) + readU32(buffer, offset + 12) * TWO_32,
    firstOrdinal: readU32(buffer, offset + 16),
    turns: readU32(buffer, offset + 20),
    frames: () => new FrameCursor(buffer, offset + BLOCK_HEADER_BYTES, end),
  }
}

function writeU32(buffer: Uint8Array, at: number, value: number): void {
  buffer[at] = value
  buffer[at + 1] = value >>> 8
  buffer[at + 2] = value >>> 16
  buffer[at + 3] = value >>> 24
}

function readU32(buffer: Uint8Array, at: number): number {
  return (buffer[at]! | (buffer[at + 1]! << 8) | (buffer[at + 2]! << 16) | (buffer[at + 3]! << 24)) >>> 0
}
