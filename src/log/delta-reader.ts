import type { StateBody } from '../events.js'
import type { Seq } from '../ids.js'
import { FRAME_FLAGS } from '../spool/format.js'
import type { ValueDecoder } from '../values/codec.js'
import { type DeltaBlock, type DeltaRecord, decodeDeltaBlock, decodeDeltaIndex } from './delta-block.js'
import { type ContainerNumbers, PREFIX, toContainerKey, toLastU64 } from './keys.js'
import type { PathQuestion } from './path-set.js'
import type { DeltaEntry } from './reader.js'
import type { SegmentReader } from './segment-reader.js'

export interface DeltaRange {
  readonly from: number
  readonly to: number
  readonly reverse: boolean
}

/** State events of a container within one segment, blocks whose bloom denies the question left unread. A block that
 *  cannot be read comes out as one entry that may have changed everything: the state there says what is wrong. */
export async function* readDeltas(
  segment: SegmentReader,
  container: ContainerNumbers,
  range: DeltaRange,
  question: PathQuestion | undefined,
): AsyncGenerator<DeltaEntry> {
  const decoder = await segment.decoder(container.thread)
  for await (const firstSeq of findBlocks(segment, container, range, question)) {
    const bytes = await segment.store.get(toContainerKey(PREFIX.delta, container, firstSeq))
    const block = bytes && decodeDeltaBlock(bytes, firstSeq)
    if (!block) {
      if (firstSeq >= range.from) yield { seq: firstSeq as Seq, patch: null, coalesced: false }
      continue
    }
    for (const entry of range.reverse ? [...block.entries].reverse() : block.entries) {
      if (entry.seq < range.from || entry.seq > range.to || entry.op === 'final') continue
      const delta = toEntry(block, entry, decoder)
      if (!question || delta.patch === null || question.judge(delta.patch) !== 'no') yield delta
    }
  }
}

async function* findBlocks(
  segment: SegmentReader,
  container: ContainerNumbers,
  range: DeltaRange,
  question: PathQuestion | undefined,
): AsyncGenerator<number> {
  const index = PREFIX.deltaIndex
  const start = toContainerKey(index, container, range.from)
  let gte = start
  const before = { gte: toContainerKey(index, container, 0), lte: start, reverse: true, limit: 1 }
  for await (const { key } of segment.store.range(before)) gte = key as Uint8Array<ArrayBuffer>
  const wanted = { gte, lte: toContainerKey(index, container, range.to), reverse: range.reverse }
  for await (const { key, value } of segment.store.range(wanted)) {
    const row = value && decodeDeltaIndex(value)
    if (row && row.lastSeq < range.from) continue
    if (!row || !question || question.mayBeIn(row.bloom)) yield toLastU64(key)
  }
}

function toEntry({ bytes }: DeltaBlock, entry: DeltaRecord, decoder: ValueDecoder): DeltaEntry {
  return {
    seq: entry.seq as Seq,
    patch: entry.op === 'delta' ? toPatch(bytes, entry, decoder) : null,
    coalesced: (entry.flags & FRAME_FLAGS.coalesced) !== 0,
  }
}

function toPatch(bytes: Uint8Array, { start, end }: DeltaRecord, decoder: ValueDecoder) {
  try {
    const decoded = decoder.decode(bytes, start, end) as StateBody
    return decoded.op === 'delta' ? decoded.patch : null
  } catch {
    return null
  }
}
