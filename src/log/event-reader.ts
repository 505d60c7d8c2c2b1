import type { Event, EventBodies, EventHead } from '../events.js'
import { type EventRef, toPid } from '../ids.js'
import { FRAME_FLAGS, toKind } from '../spool/format.js'
import type { ChunkCursor } from './chunk.js'
import type { DeltaRecord } from './delta-block.js'
import type { LogTables } from './log-tables.js'
import type { SegmentReader } from './segment-reader.js'

/** Makes the event that a cursor stands at. What cannot be read comes out as a gap in its place. */
export async function readEvent(cursor: ChunkCursor, segment: SegmentReader, tables: LogTables): Promise<Event> {
  const { frame } = cursor
  const head = toHead(cursor, tables)
  const kind = toKind(frame.kindCode)
  if (kind === 'gap') {
    const row = tables.findGap(head.seq)
    if (row) return { ...head, kind, body: row } as Event
  }
  if (frame.flags & FRAME_FLAGS.tape && (kind === 'delivery' || kind === 'values')) {
    return toTapeEvent(head, kind, frame.payload.slice())
  }
  try {
    const bytes = kind === 'state' ? await loadStateBody(cursor, segment) : frame.payload
    if (kind && bytes) {
      const decoder = await segment.decoder(cursor.thread)
      return { ...head, kind, body: decoder.decode(bytes) as never } as Event
    }
  } catch {
    // A gap says it.
  }
  return toGapEvent(head, { reason: 'damaged', count: 1, detail: `the ${kind ?? 'unknown'} event cannot be read` })
}

function toTapeEvent(head: EventHead, kind: 'delivery' | 'values', entries: Uint8Array): Event {
  if (kind === 'delivery') return { ...head, kind, body: { op: 'native', entries } }
  return { ...head, kind, body: { values: [], entries } }
}

export function toGapEvent(head: EventHead, body: EventBodies['gap']): Event {
  return { ...head, kind: 'gap', body }
}

/** The head of an event of which nothing but its position is known. */
export function toUnknownHead(seq: number): EventHead {
  return {
    seq: seq as never,
    thread: 0 as never,
    ordinal: 0 as never,
    timeUs: 0,
    turn: 0,
    step: 0,
    subject: 0 as never,
    pid: toPid(0, 0, 0),
    cause: null,
    origin: null,
    late: false,
    coalesced: false,
    unpaired: false,
  }
}

function toHead(cursor: ChunkCursor, tables: LogTables): EventHead {
  const { frame, thread } = cursor
  const toRef = (ordinal: number) => (ordinal < 0 ? null : ({ thread, ordinal } as EventRef))
  const { flags, subject } = frame
  return {
    seq: cursor.seq as never,
    thread: thread as never,
    ordinal: cursor.ordinal as never,
    timeUs: Math.max(0, cursor.timeUs - tables.startedAtUs),
    turn: cursor.turn,
    step: cursor.step,
    subject: subject as never,
    pid: toPid(thread, subject, tables.findIncarnation(thread, subject, cursor.seq)),
    cause: (cursor.linked as EventRef | undefined) ?? toRef(frame.cause),
    origin: toRef(frame.origin),
    late: (flags & FRAME_FLAGS.late) !== 0,
    coalesced: (flags & FRAME_FLAGS.coalesced) !== 0,
    unpaired: (flags & FRAME_FLAGS.unpaired) !== 0,
  }
}

async function loadStateBody(cursor: ChunkCursor, segment: SegmentReader): Promise<Uint8Array | undefined> {
  const { thread, frame, seq } = cursor
  const block = await segment.findDeltaBlock({ thread, subject: frame.subject }, seq)
  const entry = block ? findEntry(block.entries, seq) : undefined
  return entry && block?.bytes.subarray(entry.start, entry.end)
}

/** A block holds some 700 entries in ascending order; whoever reads a log from end to end looks for each of them. */
function findEntry(entries: readonly DeltaRecord[], seq: number): DeltaRecord | undefined {
  let low = 0
  let high = entries.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (entries[middle]!.seq < seq) low = middle + 1
    else high = middle
  }
  return entries[low]?.seq === seq ? entries[low] : undefined
}
