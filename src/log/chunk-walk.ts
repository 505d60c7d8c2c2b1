import { type Header, hasSlot } from './header.js'
import type { SegmentReader } from './segment-reader.js'

/** Which events are wanted, as far as a header can tell. */
export interface HeaderFilter {
  /** Bit n: kind code n. 0: any. */
  readonly kinds: number
  /** Slots of the processes; undefined: any. */
  readonly slots: readonly number[] | undefined
}

/** A chunk to read, or a range of seqs whose chunk is not there. */
export type WalkStep =
  | { readonly kind: 'chunk'; readonly firstSeq: number }
  | { readonly kind: 'hole'; readonly from: number; readonly to: number }

export interface WalkRange {
  readonly from: number
  readonly to: number
  readonly reverse: boolean
}

/** Visits the chunks of [from, to] that may hold what is wanted, in order or against it. Seqs have no holes, so a chunk
 *  that damage hid is noticed by its neighbours. */
export async function* walkChunks(
  segment: SegmentReader,
  range: WalkRange,
  filter: HeaderFilter,
): AsyncGenerator<WalkStep> {
  const ranges = await toWantedRanges(segment, range, filter)
  for (const part of range.reverse ? ranges.reverse() : ranges) yield* walkRange(segment, part, filter)
}

async function* walkRange(segment: SegmentReader, range: WalkRange, filter: HeaderFilter): AsyncGenerator<WalkStep> {
  let { from, to } = range
  for await (const { firstSeq, header } of segment.headers(range.from, range.to, range.reverse)) {
    const lastSeq = header?.lastSeq ?? (await findLastSeq(segment, firstSeq))
    if (lastSeq < range.from) continue
    if (range.reverse) {
      if (lastSeq < to) yield* fillHole(segment, { from: lastSeq + 1, to, reverse: true })
      to = firstSeq - 1
    } else {
      if (firstSeq > from) yield* fillHole(segment, { from, to: firstSeq - 1, reverse: false })
      from = lastSeq + 1
    }
    if (!header || isWanted(header, filter)) yield { kind: 'chunk', firstSeq }
  }
  if (from <= to) yield* fillHole(segment, { from, to, reverse: range.reverse })
}

/** A header that is missing costs time; a chunk that is missing is a hole. */
async function* fillHole(segment: SegmentReader, hole: WalkRange): AsyncGenerator<WalkStep> {
  const steps: WalkStep[] = []
  let from = hole.from
  while (from <= hole.to) {
    const chunk = await segment.findChunk(from)
    const lastSeq = chunk ? await findLastSeq(segment, chunk.firstSeq) : -1
    if (!chunk || lastSeq < from) {
      steps.push({ kind: 'hole', from, to: hole.to })
      break
    }
    steps.push({ kind: 'chunk', firstSeq: chunk.firstSeq })
    from = lastSeq + 1
  }
  yield* hole.reverse ? steps.reverse() : steps
}

async function findLastSeq(segment: SegmentReader, firstSeq: number): Promise<number> {
  const { bytes } = await segment.loadChunk(firstSeq)
  return bytes ? firstSeq + new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0, true) - 1 : firstSeq
}

async function toWantedRanges(segment: SegmentReader, range: WalkRange, filter: HeaderFilter): Promise<WalkRange[]> {
  const { from, to, reverse } = range
  if (filter.kinds === 0 && !filter.slots) return [range]
  const ranges: WalkRange[] = []
  let start = from
  for (const { firstSeq, header } of await segment.coarse()) {
    if (firstSeq > to || header.lastSeq < start || firstSeq < start || isWanted(header, filter)) continue
    if (firstSeq > start) ranges.push({ from: start, to: firstSeq - 1, reverse })
    start = header.lastSeq + 1
  }
  if (start <= to) ranges.push({ from: start, to, reverse })
  return ranges
}

function isWanted(header: Header, filter: HeaderFilter): boolean {
  if (filter.kinds !== 0 && (header.kinds & filter.kinds) === 0) return false
  return filter.slots === undefined || filter.slots.some((slot) => hasSlot(header.processes, slot))
}
