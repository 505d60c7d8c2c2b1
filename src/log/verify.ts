import { createHash } from 'node:crypto'
import { type FileHandle, open, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { isThreadPath } from '../ids.js'
import { isSpool } from '../spool/block.js'
import { SPOOL_MAGIC } from '../spool/format.js'
import { detectRecording, type RecordingFormat, readFormat } from './format-file.js'
import { toKeyName } from './key-names.js'
import type { KeyValue } from './key-value.js'
import { checkLevelFiles } from './leveldb/check.js'
import { findLostEnd, findLostSeqs, readEndSeq } from './lost-end.js'
import { BLOCK_TYPES, type BlockPlace, readBlock } from './packed-block.js'
import { DIGEST_BYTES, loadIndex, openPackedStore, PACKED_END, type PackedRecording, readRoot } from './packed-store.js'
import { toSegmentDir } from './segments.js'
import { takeSnapshot } from './snapshot.js'
import { findSpoolFaults } from './spool-parts.js'

/** One place that is damaged. */
export interface DamagedRange {
  /** File within the recording, such as `log/000001/000005.ldb`; empty for the packed file itself. */
  readonly file: string
  /** Bytes of that file; null where the file as a whole, or a value in it, is meant. */
  readonly range: { readonly from: number; readonly to: number } | null
  /** What is wrong, in words. */
  readonly what: string
}

export interface VerifyReport {
  readonly path: string
  readonly form: 'directory' | 'packed'
  readonly format: RecordingFormat
  /** What was read and checked. */
  readonly bytes: number
  readonly values: number
  readonly damage: readonly DamagedRange[]
}

/** A further check, over the same stores: what the log's entries mean to each other. `dir` is a snapshot laid out like a
 *  recording directory, null for a packed file. */
export type MeaningCheck = (log: {
  readonly segments: readonly KeyValue[]
  readonly dir: string | null
}) => AsyncIterable<DamagedRange>

/** Reads every byte of a recording and checks it: checksums of files, blocks and values, the digest of a packed file,
 *  and whatever `meaning` checks. Changes nothing, blocks no writer, runs nothing. Costs one pass over all bytes.
 *  @throws NOT_FOUND, NO_PERMISSION, NOT_A_RECORDING, FORMAT_TOO_NEW; DAMAGED when so little is left that no store opens */
export async function verifyRecording(path: string, meaning?: MeaningCheck): Promise<VerifyReport> {
  return detectRecording(path).form === 'packed' ? verifyPacked(path, meaning) : verifyDirectory(path, meaning)
}

async function verifyDirectory(path: string, meaning: MeaningCheck | undefined): Promise<VerifyReport> {
  const format = readFormat(path)
  const endSeq = readEndSeq(path)
  const snapshot = await takeSnapshot(path)
  try {
    const tally = new Tally()
    await checkSpools(snapshot.dir, tally)
    const segments: KeyValue[] = []
    for (const segment of snapshot.segments) {
      const dir = toSegmentDir(snapshot.dir, segment)
      const name = toSegmentDir('', segment)
      // Before it is opened: LevelDB would tidy up what is damaged.
      for (const { file, range, what } of await checkLevelFiles(dir, { deep: true })) {
        tally.add({ file: `${name}/${file}`, range, what })
      }
      for (const file of await readdir(dir)) tally.bytes += (await stat(join(dir, file))).size
      const { store } = await snapshot.openSegment(segment)
      await checkValues(store, name, tally)
      segments.push(store)
    }
    for (const { file, range, what } of await findLostEnd(segments.at(-1), endSeq)) tally.add({ file, range, what })
    for (const { file, range, what } of await findLostSeqs(segments)) tally.add({ file, range, what })
    if (meaning) for await (const range of meaning({ segments, dir: snapshot.dir })) tally.add(range)
    return { path, form: 'directory', format, ...tally.result() }
  } finally {
    await snapshot.close()
  }
}

async function checkSpools(dir: string, tally: Tally): Promise<void> {
  // Beside the spools stand the claims of their threads, which hold nothing.
  for (const name of (await readdir(join(dir, 'spool'))).filter(isThreadPath)) {
    const path = join(dir, 'spool', name)
    const file = `spool/${name}`
    tally.bytes += (await stat(path)).size
    if (isSpool(await readHead(path)) === false) {
      tally.add({ file, range: { from: 0, to: SPOOL_MAGIC.length }, what: 'its first bytes are not those of a spool' })
    }
    for (const { kind, offset, end } of findSpoolFaults(path)) {
      if (kind === 'damaged') tally.add({ file, range: { from: offset, to: end }, what: 'a block fails its checksum' })
    }
  }
}

async function readHead(path: string): Promise<Uint8Array> {
  const file = await open(path, 'r')
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(SPOOL_MAGIC.length), 0, SPOOL_MAGIC.length, 0)
    return buffer.subarray(0, bytesRead)
  } finally {
    await file.close()
  }
}

async function checkValues(store: KeyValue, file: string, tally: Tally): Promise<void> {
  try {
    for await (const { key, value } of store.range({})) {
      tally.values++
      if (value !== null) continue
      tally.add({ file, range: null, what: `${toKeyName(key)}: the value fails its checksum` })
    }
  } catch (error) {
    tally.add({ file, range: null, what: (error as Error).message })
  }
}

async function verifyPacked(path: string, meaning: MeaningCheck | undefined): Promise<VerifyReport> {
  const packed = await openPackedStore(path)
  const file = await open(path, 'r')
  try {
    const tally = new Tally()
    tally.bytes = (await file.stat()).size
    if (!(await isDigestRight(file, tally.bytes))) {
      tally.add({ file: '', range: null, what: 'its SHA-256 digest is wrong: bytes were changed after packing' })
    }
    for (const { file: name, range, what } of packed.damage) {
      tally.add({ file: name, range, what: `${what} (before it was packed)` })
    }
    await checkBlocks(path, file, tally)
    for (const [at, store] of packed.segments.entries()) {
      await checkValues(store, toSegmentDir('', at + 1), tally)
    }
    for (const { file: name, range, what } of await findLostSeqs(packed.segments))
      tally.add({ file: name, range, what })
    await checkMeaning(packed, meaning, tally)
    return { path, form: 'packed', format: packed.format, ...tally.result() }
  } finally {
    await file.close()
    await packed.close()
  }
}

async function checkMeaning(
  { segments }: PackedRecording,
  meaning: MeaningCheck | undefined,
  tally: Tally,
): Promise<void> {
  if (meaning) for await (const range of meaning({ segments, dir: null })) tally.add(range)
}

/** Names each block that is damaged by its bytes; `checkValues` names the keys in it. */
async function checkBlocks(path: string, file: FileHandle, tally: Tally): Promise<void> {
  const { root } = await readRoot(path, file)
  for (const { keys, pairs } of root.segments.flatMap((segment) => [segment, segment.copy ?? []].flat())) {
    const index = await loadIndex({ path, file, keys, pairs }).catch((error: Error) => {
      tally.add({ file: '', range: toRange(keys), what: error.message })
      return null
    })
    for (const place of index?.blocks() ?? []) {
      if (await readBlock(file, place, BLOCK_TYPES.pairs)) continue
      tally.add({ file: '', range: toRange(place), what: 'a block fails its checksum' })
    }
  }
  for (const { name, blocks } of root.files) {
    for (const place of blocks) {
      if (await readBlock(file, place, BLOCK_TYPES.file)) continue
      tally.add({ file: '', range: toRange(place), what: `a block of the file ${name} fails its checksum` })
    }
  }
}

const READ_BYTES = 1 << 20

/** Whether the SHA-256 before the last eight bytes is that of everything before it. */
async function isDigestRight(file: FileHandle, size: number): Promise<boolean> {
  const end = size - DIGEST_BYTES - PACKED_END.length
  const hash = createHash('sha256')
  const buffer = Buffer.allocUnsafe(READ_BYTES)
  for (let at = 0; at < end; ) {
    const { bytesRead } = await file.read(buffer, 0, Math.min(READ_BYTES, end - at), at)
    if (bytesRead === 0) return false
    hash.update(buffer.subarray(0, bytesRead))
    at += bytesRead
  }
  const digest = Buffer.alloc(DIGEST_BYTES)
  await file.read(digest, 0, DIGEST_BYTES, end)
  return digest.equals(hash.digest())
}

class Tally {
  readonly #damage: DamagedRange[] = []
  bytes = 0
  values = 0

  add(range: DamagedRange): void {
    this.#damage.push(range)
  }

  result(): { bytes: number; values: number; damage: readonly DamagedRange[] } {
    return { bytes: this.bytes, values: this.values, damage: this.#damage }
  }
}

function toRange({ offset, bytes }: BlockPlace): { from: number; to: number } {
  return { from: offset, to: offset + bytes }
}
