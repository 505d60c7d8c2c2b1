import type { EventKind } from '../../events.js'

/** One frame of a thread's tape as its replay reads it. */
export interface TapeFrame {
  /** Events of processes and marks say no more than where the program's own stand. */
  readonly kind: Extract<EventKind, 'delivery' | 'values' | 'process' | 'mark'>
  /** The event that it was. */
  readonly seq: number
  readonly ordinal: number
  readonly turn: number
  /** When it was handed over, in µs since the Unix epoch. */
  readonly timeUs: number
  readonly bytes: Uint8Array
}

/** `u8 kind | u32 seq | u32 ordinal | u32 turn | f64 time | u32 length`, little-endian, then the entries. */
const HEADER_BYTES = 25
const KINDS = ['delivery', 'values', 'process', 'mark'] as const

export function toTapeBytes({ kind, seq, ordinal, turn, timeUs, bytes }: TapeFrame): Buffer {
  const frame = Buffer.allocUnsafe(HEADER_BYTES + bytes.length)
  frame[0] = KINDS.indexOf(kind)
  frame.writeUInt32LE(seq, 1)
  frame.writeUInt32LE(ordinal, 5)
  frame.writeUInt32LE(turn, 9)
  frame.writeDoubleLE(timeUs, 13)
  frame.writeUInt32LE(bytes.length, 21)
  frame.set(bytes, HEADER_BYTES)
  return frame
}

/** Reads that many bytes from a position of the file; fewer at its end. */
export type ReadAt = (size: number, position: number) => Uint8Array

const AHEAD_BYTES = 1024 * 1024

/** Reads a tape file frame by frame, some 1 MB ahead. */
export class TapeFile {
  readonly #read: ReadAt
  #ahead: Buffer = Buffer.alloc(0)
  #position = 0
  #at = 0

  constructor(read: ReadAt) {
    this.#read = read
  }

  next(): TapeFrame | undefined {
    if (!this.#has(HEADER_BYTES)) return undefined
    const header = this.#ahead.subarray(this.#at, this.#at + HEADER_BYTES)
    const size = header.readUInt32LE(21)
    const kind = KINDS[header[0]!]!
    const seq = header.readUInt32LE(1)
    const ordinal = header.readUInt32LE(5)
    const turn = header.readUInt32LE(9)
    const timeUs = header.readDoubleLE(13)
    if (!this.#has(HEADER_BYTES + size)) return undefined
    const start = this.#at + HEADER_BYTES
    this.#at = start + size
    return { kind, seq, ordinal, turn, timeUs, bytes: this.#ahead.subarray(start, this.#at) }
  }

  #has(size: number): boolean {
    if (this.#at + size <= this.#ahead.length) return true
    const rest = this.#ahead.subarray(this.#at)
    const more = this.#read(Math.max(AHEAD_BYTES, size - rest.length), this.#position)
    this.#position += more.length
    // None of the program's pool.
    const ahead = Buffer.allocUnsafeSlow(rest.length + more.length)
    ahead.set(rest)
    ahead.set(more, rest.length)
    this.#ahead = ahead
    this.#at = 0
    return size <= this.#ahead.length
  }
}
