import { EVENT_KINDS, type EventKind } from '../events.js'
import { toKind } from '../spool/format.js'
import { ChunkCursor } from './chunk.js'
import { walkChunks } from './chunk-walk.js'
import type { SegmentReader } from './segment-reader.js'

export type EventCounts = Record<EventKind, number>

export function toEmptyCounts(): EventCounts {
  return Object.fromEntries(EVENT_KINDS.map((kind) => [kind, 0])) as EventCounts
}

/** Adds the events of one segment, without decoding any; what cannot be read counts as one gap, as `events` shows it.
 *  @param onSeq is told how far it is */
export async function countEvents(
  segment: SegmentReader,
  counts: EventCounts,
  onSeq?: (seq: number) => void,
): Promise<void> {
  const { firstSeq, endSeq } = segment.log
  const range = { from: firstSeq, to: endSeq - 1, reverse: false }
  for await (const step of walkChunks(segment, range, { kinds: 0, slots: undefined })) {
    const bytes = step.kind === 'chunk' ? (await segment.loadChunk(step.firstSeq)).bytes : null
    if (step.kind === 'hole' || !bytes) {
      counts.gap++
      continue
    }
    const cursor = new ChunkCursor(bytes, step.firstSeq)
    while (cursor.next()) counts[toKind(cursor.frame.kindCode) ?? 'gap']++
    onSeq?.(cursor.seq)
  }
}
