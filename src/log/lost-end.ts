import { readCollectorNote } from './collector-lock.js'
import type { KeyValue } from './key-value.js'
import type { LevelDamage } from './leveldb/check.js'
import { SegmentReader } from './segment-reader.js'

/** How many seqs a recording's collectors had given when the last of them that ended in order did so. Read it before the log: one that ends
 *  meanwhile would otherwise have given more than the log holds that was looked at. */
export function readEndSeq(recording: string): number | undefined {
  const note = readCollectorNote(recording)
  return note?.ended?.endSeq ?? note?.endSeq
}

/** A write-ahead log that was cut off looks like that of a killed writer. That its writer was not killed shows in what
 *  it said of itself at its end. @param last the store of the newest segment, if there is any */
export async function findLostEnd(
  last: KeyValue | undefined,
  endSeq: number | undefined,
): Promise<readonly LevelDamage[]> {
  if (endSeq === undefined) return []
  const segment = last && (await SegmentReader.open(last))
  // A row that cannot be read is said by whoever needs it.
  if (segment === null) return []
  const found = segment?.log.endSeq ?? 0
  if (found >= endSeq) return []
  const what = `it ends before seq ${found}, and ${endSeq} had been given`
  return [{ file: 'log', range: null, what, structural: false }]
}

/** Seqs between two segments that neither holds: the earlier one had lost its end when the log was collected again.
 *  @param stores oldest segment first; one that cannot be read says nothing of its neighbours */
export async function findLostSeqs(stores: readonly KeyValue[]): Promise<readonly LevelDamage[]> {
  const found: LevelDamage[] = []
  let endSeq: number | undefined
  for (const store of stores) {
    const segment = await SegmentReader.open(store)
    const firstSeq = segment?.log.firstSeq
    if (firstSeq !== undefined && endSeq !== undefined && endSeq < firstSeq) {
      const what = `seqs ${endSeq} to ${firstSeq - 1} were given, and the log has lost them`
      found.push({ file: 'log', range: null, what, structural: false })
    }
    // An empty one was begun and never written to.
    if (segment !== undefined) endSeq = segment?.log.endSeq
  }
  return found
}
