import { type Block, type FrameCursor, isSpool, readBlock, type SpoolPart } from '../spool/block.js'
import { BLOCK_HEADER_BYTES, DICTIONARY_FRAME, SOURCE_FRAME, SPOOL_MAGIC } from '../spool/format.js'
import { readU32 } from './byte-buffer.js'
import type { FrameSource } from './chunk-writer.js'
import type { SpoolSource } from './spool-source.js'
import type { ThreadLog } from './thread-log.js'
import type { LogWriter } from './writer.js'

/** What is read at once, which a processor's cache holds until it is copied. */
const WINDOW_BYTES = 256 * 1024

/** A window is never smaller, so that a spool that grows little by little is read into the same memory. */
const MIN_WINDOW_BYTES = 16 * 1024
const MAX_KEPT_BYTES = 4 * 1024 * 1024

/** A window grows up to this to hold one block, or to find one behind damage. */
const MAX_WINDOW_BYTES = 1024 * 1024 * 1024

const NOTHING = new Uint8Array(0)

/** One thread's spool, read block by block; its next event stands at `frame`. */
export class SpoolStream {
  readonly path: string
  readonly thread: ThreadLog
  readonly #source: SpoolSource
  readonly #writer: LogWriter
  #memory: Uint8Array = NOTHING
  #window: Uint8Array = NOTHING
  #bytes: Uint8Array = NOTHING
  #windowAt = 0
  #kept: Uint8Array | undefined
  #keptAt = 0
  /** Offset of the first byte that was not parsed. */
  #at: number
  /** Offset behind the block at hand. */
  #blockEnd = 0
  #cursor: FrameCursor | undefined
  #nextOrdinal = 0
  /** The next event; undefined when none is at hand. */
  frame: FrameCursor | undefined
  ordinal = 0
  /** Turns that the thread had opened before the block at hand. */
  turns = 0
  /** What `frame` stands in. */
  origin: FrameSource = { buffer: this.#window, bytes: this.#window, anchorUs: 0 }
  /** Bytes that were no block, since the last event. */
  damagedBytes = 0
  /** Nothing more will be written to it. */
  final = false

  constructor(path: string, source: SpoolSource, writer: LogWriter) {
    this.path = path
    this.#source = source
    this.#writer = writer
    this.thread = writer.thread(path)
    this.#at = this.thread.row.offset
  }

  /** Time of the next event, µs since the Unix epoch. */
  get timeUs(): number {
    return this.origin.anchorUs + this.frame!.deltaUs
  }

  /** Bytes of the spool behind the last block that was read. */
  get unread(): number {
    return Math.max(0, this.#source.size(this.path) - this.#at)
  }

  /** Finds the next event if none is at hand. @returns whether there is one */
  fill(): boolean {
    while (this.frame === undefined) {
      if (this.#cursor === undefined && !this.#openBlock() && !this.#openKept()) return false
      this.advance()
    }
    return true
  }

  /** Moves to the next event of the block at hand; `frame` is undefined behind its last. */
  advance(): void {
    const cursor = this.#cursor!
    const { row } = this.thread
    while (cursor.next()) {
      if (cursor.kindCode === DICTIONARY_FRAME) {
        this.#writer.learn(this.thread, cursor.payload)
        continue
      }
      if (cursor.kindCode === SOURCE_FRAME) {
        this.#writer.takeSource(this.thread, cursor.payload)
        continue
      }
      this.ordinal = this.#nextOrdinal++
      // A commit in the middle of the block took those before.
      if (this.ordinal < row.ordinal) continue
      this.frame = cursor
      return
    }
    this.frame = undefined
    this.#cursor = undefined
    row.offset = this.#blockEnd
    this.thread.dirty = true
  }

  #openBlock(): boolean {
    if (this.#at === 0 && !this.#readMagic()) return false
    for (let want = WINDOW_BYTES; ; ) {
      if (this.#at >= this.#windowAt + this.#window.length && !this.#load(want)) return false
      const part = this.#readPart()
      if (part.kind === 'block') {
        this.#takeBlock(part)
        return true
      }
      const atEnd = this.#hasAll
      if (part.kind === 'damaged' && part.end < this.#window.length) {
        this.#skip(part.end - part.offset)
      } else if (!atEnd || this.#windowAt < this.#at) {
        // It is cut off by the window's end, not by the file's.
        want = this.#windowAt < this.#at ? WINDOW_BYTES : Math.min(MAX_WINDOW_BYTES, this.#window.length * 2)
        if (part.kind === 'torn') want = Math.max(want, toBlockBytes(this.#window, part.offset))
        if (!this.#load(want)) return false
      } else if (this.final) {
        if (part.kind === 'damaged') this.#skip(part.end - part.offset)
        else this.#at += part.end - part.offset
        return false
      } else return false
    }
  }

  /** What a thread that has ended could not write into its spool. */
  #openKept(): boolean {
    if (!this.final) return false
    this.#kept ??= this.#source.readKept(this.path)
    while (this.#keptAt < this.#kept.length) {
      const part = readBlock(this.#kept, this.#keptAt, true)
      if (part.kind !== 'block') break
      this.#keptAt = part.end
      // It went into the spool after all, or is in the log.
      if (part.firstOrdinal < this.thread.row.ordinal) continue
      this.#blockEnd = this.#at
      this.#begin(part, this.#kept, this.#kept)
      return true
    }
    return false
  }

  #readPart(): SpoolPart {
    const at = this.#at - this.#windowAt
    const part = readBlock(this.#window, at, true)
    // Only what is torn needs to be known as the end, which costs a call of the system.
    if (part.kind === 'torn' && this.final && this.#hasAll) return readBlock(this.#window, at)
    return part
  }

  /** Whether the window reaches to the end of what was written. */
  get #hasAll(): boolean {
    return this.#windowAt + this.#window.length >= this.#source.size(this.path)
  }

  #takeBlock(block: Block): void {
    this.thread.row.offset = this.#at
    this.thread.dirty = true
    this.#at += block.end - block.offset
    this.#blockEnd = this.#at
    this.#begin(block, this.#window, this.#bytes)
  }

  #begin(block: Block, buffer: Uint8Array, bytes: Uint8Array): void {
    this.#cursor = block.frames()
    this.#nextOrdinal = block.firstOrdinal
    this.turns = block.turns
    this.origin = { buffer, bytes, anchorUs: block.anchorUs }
  }

  #skip(bytes: number): void {
    this.#at += bytes
    this.damagedBytes += bytes
  }

  /** @returns false while its bytes are not all there, or when they are another file's */
  #readMagic(): boolean {
    if (!this.#load(WINDOW_BYTES)) return false
    const known = isSpool(this.#window)
    if (known) this.#at = SPOOL_MAGIC.length
    else if (known === false) this.#skip(this.unread)
    return known === true
  }

  /** Reads the window again from the first byte that was not parsed. @returns whether it has any */
  #load(bytes: number): boolean {
    const size = Math.min(bytes, this.unread)
    if (size <= 0) return false
    // What was taken from the old window is copied first; then its memory serves again.
    this.#writer.flush()
    const room = this.#memory.length >= size ? this.#memory : allocate(size)
    this.#memory = room.length <= MAX_KEPT_BYTES ? room : NOTHING
    const window = room.subarray(0, size)
    const filled = this.#source.read(this.path, this.#at, window)
    this.#window = window.subarray(0, filled)
    this.#bytes = new Uint8Array(window.buffer, 0, filled)
    this.#windowAt = this.#at
    return filled > 0
  }
}

/** A Buffer: it decodes in place. */
function allocate(bytes: number): Uint8Array {
  return Buffer.allocUnsafeSlow(Math.max(bytes, MIN_WINDOW_BYTES))
}

function toBlockBytes(window: Uint8Array, at: number): number {
  return window.length - at < 4 ? 0 : Math.min(MAX_WINDOW_BYTES, BLOCK_HEADER_BYTES + readU32(window, at))
}
