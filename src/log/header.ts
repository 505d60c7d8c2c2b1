import { ByteBuffer, readU32, readU64 } from './byte-buffer.js'

const BITMAP_BYTES = 64
const FIXED_BYTES = 36 + BITMAP_BYTES

/** What a chunk, or a row of chunks, holds, so that readers skip it unread. */
export interface Header {
  readonly minTimeUs: number
  readonly maxTimeUs: number
  readonly count: number
  readonly lastSeq: number
  /** Bit n: kind code n. */
  readonly kinds: number
  /** Bit `toSlot(thread, subject)` for every process with an event in it. */
  readonly processes: Uint8Array
  /** Names of the channels with messages in it. Empty in a coarse header. */
  readonly channels: Uint8Array
}

/** Where a process stands in the bitmap: 512 slots, shared by hash where there are more. */
export function toSlot(thread: number, subject: number): number {
  return (Math.imul(subject + 1, 0x9e3779b1) ^ Math.imul(thread + 1, 0x85ebca6b)) >>> 23
}

export function setSlot(bitmap: Uint8Array, slot: number): void {
  bitmap[slot >>> 3]! |= 1 << (slot & 7)
}

export function hasSlot(bitmap: Uint8Array, slot: number): boolean {
  return (bitmap[slot >>> 3]! & (1 << (slot & 7))) !== 0
}

export function makeBitmap(): Uint8Array {
  return new Uint8Array(BITMAP_BYTES)
}

/** `u64 min time | u64 max time | u32 count | u64 last seq | u32 kinds | 64 bytes processes | u32 n | n bytes channels`. */
export function encodeHeader(header: Header): Uint8Array {
  const bytes = new ByteBuffer(FIXED_BYTES + header.channels.length)
  bytes.u64(header.minTimeUs)
  bytes.u64(header.maxTimeUs)
  bytes.u32(header.count)
  bytes.u64(header.lastSeq)
  bytes.u32(header.kinds)
  bytes.append(header.processes)
  bytes.u32(header.channels.length)
  bytes.append(header.channels)
  return bytes.toBytes()
}

export function decodeHeader(bytes: Uint8Array): Header {
  const channelsAt = 32 + BITMAP_BYTES
  const size = readU32(bytes, channelsAt)
  return {
    minTimeUs: readU64(bytes, 0),
    maxTimeUs: readU64(bytes, 8),
    count: readU32(bytes, 16),
    lastSeq: readU64(bytes, 20),
    kinds: readU32(bytes, 28),
    processes: bytes.subarray(32, channelsAt),
    channels: bytes.subarray(channelsAt + 4, channelsAt + 4 + size),
  }
}

/** The header of several chunks together. */
export function mergeHeaders(one: Header, other: Header): Header {
  return {
    minTimeUs: Math.min(one.minTimeUs, other.minTimeUs),
    maxTimeUs: Math.max(one.maxTimeUs, other.maxTimeUs),
    count: one.count + other.count,
    lastSeq: Math.max(one.lastSeq, other.lastSeq),
    kinds: one.kinds | other.kinds,
    processes: one.processes.map((byte, index) => byte | other.processes[index]!),
    channels: new Uint8Array(0),
  }
}
