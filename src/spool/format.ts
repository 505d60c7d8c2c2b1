import { EVENT_KINDS, type EventKind } from '../events.js'

/** A spool file is this, then blocks. */
export const SPOOL_MAGIC = 'RTSPOOL1'

/** What follows a thread's path in the name of the file that takes the path. */
export const CLAIM_SUFFIX = '.claim'

/** A claim's size, and how much of it is its text. Behind the text is room for blocks that the spool did not take. */
export const CLAIM_BYTES = 16 * 1024
export const CLAIM_TEXT_BYTES = 64

/** `u32 length | u32 crc32 | u64 clock anchor | u32 first ordinal | u32 turns`, little-endian: length of the frames
 *  behind it in bytes; CRC-32 of everything behind the crc field; wall-clock time of the block in µs since the Unix
 *  epoch; ordinal of its first event, and the number of turns that its thread had opened before it. The last two keep
 *  ordinals, causes and turns of what follows right when a block before it is damaged. */
export const BLOCK_HEADER_BYTES = 24

/** `u32 length | u8 kind | u8 flags | u16 reserved | u32 subject | u32 Δµs`, little-endian: length of what follows the
 *  header; Δµs since the block's anchor. */
export const FRAME_HEADER_BYTES = 16

/** Kind 0 carries a dictionary and is no event; events are 1 + their index in EVENT_KINDS. */
export const DICTIONARY_FRAME = 0

/** A source that the thread loaded (source-frame.ts); no event either. */
export const SOURCE_FRAME = 255

export const FRAME_FLAGS = {
  /** The event opens a turn of its thread. */
  turn: 1,
  /** A u32 follows the header: ordinal of the cause, in the same thread. */
  cause: 2,
  /** A u32 follows (after that of the cause): ordinal of the origin, in the same thread. */
  origin: 4,
  /** The event opens a further step of its turn. */
  step: 8,
  coalesced: 16,
  unpaired: 32,
  /** Given at ingest, never in a spool. */
  late: 64,
  /** The body is entries of a tape (src/boundary/node/entries.ts), not an encoded value. */
  tape: 128,
} as const

export function toKindCode(kind: EventKind): number {
  return EVENT_KINDS.indexOf(kind) + 1
}

/** undefined for the dictionary frame and for codes of a newer version. */
export function toKind(code: number): EventKind | undefined {
  return EVENT_KINDS[code - 1]
}
