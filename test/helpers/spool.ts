import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { EventBodies, EventKind } from '../../src/events.js'
import { isSpool, readBlocks } from '../../src/spool/block.js'
import { DICTIONARY_FRAME, FRAME_FLAGS, SPOOL_MAGIC, toKind } from '../../src/spool/format.js'
import { createDecoder } from '../../src/values/decoder.js'

/** One event as it stands in a spool. */
export type SpoolEvent = {
  [K in EventKind]: {
    readonly kind: K
    readonly body: EventBodies[K]
    readonly ordinal: number
    readonly turn: number
    readonly subject: number
    readonly timeUs: number
    /** −1 for none. */
    readonly cause: number
    readonly origin: number
    readonly coalesced: boolean
    readonly unpaired: boolean
  }
}[EventKind]

export interface SpoolContent {
  readonly events: readonly SpoolEvent[]
  /** `damaged` and `torn` parts. */
  readonly faults: readonly string[]
}

/** Everything in one spool, read from its file. @throws when it is no spool */
export function readSpool(recording: string, thread = '0'): SpoolContent {
  const bytes = readFileSync(join(recording, 'spool', thread))
  if (bytes.length > 0 && !isSpool(bytes)) throw new Error(`${thread} is no spool`)
  const decoder = createDecoder()
  const events: SpoolEvent[] = []
  const faults: string[] = []
  for (const part of readBlocks(bytes, SPOOL_MAGIC.length)) {
    if (part.kind !== 'block') {
      faults.push(part.kind)
      continue
    }
    let ordinal = part.firstOrdinal
    let turns = part.turns
    const frames = part.frames()
    while (frames.next()) {
      if (frames.kindCode === DICTIONARY_FRAME) {
        decoder.learn(frames.payload)
        continue
      }
      if (frames.flags & FRAME_FLAGS.turn) turns++
      events.push({
        kind: toKind(frames.kindCode)!,
        body: decoder.decode(frames.payload),
        ordinal: ordinal++,
        turn: turns - 1,
        subject: frames.subject,
        timeUs: part.anchorUs + frames.deltaUs,
        cause: frames.cause,
        origin: frames.origin,
        coalesced: (frames.flags & FRAME_FLAGS.coalesced) !== 0,
        unpaired: (frames.flags & FRAME_FLAGS.unpaired) !== 0,
      } as SpoolEvent)
    }
  }
  return { events, faults }
}

/** Threads that have a spool. */
export function listSpools(recording: string): string[] {
  return readdirSync(join(recording, 'spool'))
    .filter((name) => !name.endsWith('.claim'))
    .sort()
}

export function isKind<K extends EventKind>(kind: K) {
  return (event: SpoolEvent): event is Extract<SpoolEvent, { kind: K }> => event.kind === kind
}
