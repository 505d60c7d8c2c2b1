import type { Event, EventBodies, EventHead } from '../events.js'
import { type EventRef, toPid } from '../ids.js'
import { FRAME_FLAGS, toKind, toKindCode } from '../spool/format.js'
import type { ValueDecoder } from '../values/codec.js'
import type { ChunkCursor } from './chunk.js'
import type { DeltaBlock, DeltaRecord } from './delta-block.js'
import type { LogTables } from './log-tables.js'
import type { SegmentReader } from './segment-reader.js'

const STATE = toKindCode('state')

/** Makes the event that a cursor stands at, if what it takes is at hand; undefined: `loadEvent` makes it. */
export function readEvent(cursor: ChunkCursor, segment: SegmentReader, tables: LogTables): Event | undefined {
  const decoder = segment.getDecoder(cursor.thread)
  if (!decoder) return undefined
  if (cursor.frame.kindCode !== STATE) return toEvent(cursor, tables, decoder, undefined)
  const block = segment.getDeltaBlock(cursor.thread, cursor.frame.subject, cursor.seq)
  return block && toEvent(cursor, tables, decoder, block)
}

/** The same, with what has to be read first. */
export async function loadEvent(cursor: ChunkCursor, segment: SegmentReader, tables: LogTables): Promise<Event> {
  const { thread, frame, seq } = cursor
  const decoder = await segment.decoder(thread)
  const { subject } = frame
  const block = frame.kindCode === STATE ? await segment.findDeltaBlock({ thread, subject }, seq) : undefined
  return toEvent(cursor, tables, decoder, block)
}

/** What cannot be read comes out as a gap in its place. */
function toEvent(
  cursor: ChunkCursor,
  tables: LogTables,
  decoder: ValueDecoder,
  block: DeltaBlock | null | undefined,
): Event {
  const { frame } = cursor
  const head = toHead(cursor, tables)
  const kind = toKind(frame.kindCode)
  if (kind === 'gap') {
    const row = tables.findGap(head.seq)
    if (row) return Object.assign(head, { kind, body: row }) as Event
  }
  if (frame.flags & FRAME_FLAGS.tape && (kind === 'delivery' || kind === 'values')) {
    return toTapeEvent(head, kind, frame.payload.slice())
  }
  try {
    const body = kind === 'state' ? decodeState(cursor, decoder, block) : kind && decodeFrame(cursor, decoder)
    if (body !== undefined) {
      head.kind = kind
      head.body = body
      return head as Event
    }
  } catch {
    // A gap says it.
  }
  const { kind: _kind, body: _body, ...known } = head
  return toGapEvent(known, { reason: 'damaged', count: 1, detail: `the ${kind ?? 'unknown'} event cannot be read` })
}

function decodeFrame({ bytes, frame }: ChunkCursor, decoder: ValueDecoder): unknown {
  return decoder.decode(bytes, frame.payloadStart, frame.end)
}

function decodeState({ seq }: ChunkCursor, decoder: ValueDecoder, block: DeltaBlock | null | undefined): unknown {
  const entry = block ? findEntry(block.entries, seq) : undefined
  return entry && decoder.decode(block!.bytes, entry.start, entry.end)
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

/** A head with room for the rest: events are many, and objects that grow afterwards or are copied cost twice. */
type OpenHead = EventHead & { kind: unknown; body: unknown }

function toHead(cursor: ChunkCursor, tables: LogTables): OpenHead {
  const { frame, thread, seq } = cursor
  const { flags, subject, cause, origin } = frame
  return {
    seq: seq as never,
    thread: thread as never,
    ordinal: cursor.ordinal as never,
    timeUs: Math.max(0, cursor.timeUs - tables.startedAtUs),
    turn: cursor.turn,
    step: cursor.step,
    subject: subject as never,
    pid: tables.getPid(thread, subject, seq),
    cause: (cursor.linked as EventRef | undefined) ?? toRef(thread, cause),
    origin: toRef(thread, origin),
    late: (flags & FRAME_FLAGS.late) !== 0,
    coalesced: (flags & FRAME_FLAGS.coalesced) !== 0,
    unpaired: (flags & FRAME_FLAGS.unpaired) !== 0,
    kind: undefined,
    body: undefined,
  }
}

function toRef(thread: number, ordinal: number): EventRef | null {
  return ordinal < 0 ? null : ({ thread, ordinal } as EventRef)
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
