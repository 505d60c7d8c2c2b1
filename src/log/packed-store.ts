import { type FileHandle, open } from 'node:fs/promises'
import { crc32 } from 'node:zlib'
import { RetroscopeError } from '../errors.js'
import { assertReadable, detectRecording, PACKED_MAGIC, parseFormat, type RecordingFormat } from './format-file.js'
import type { Entry, KeyValue, Range } from './key-value.js'
import { PREFIX } from './keys.js'
import type { LevelDamage } from './leveldb/check.js'
import { BLOCK_BYTES, BLOCK_TYPES, type BlockPlace, readBlock, readBytes, toDamaged } from './packed-block.js'
import { decodeRoot, type IndexedPair, type PackedFileEntry, type PackedRoot, SegmentIndex } from './packed-index.js'

/** `8 bytes RETROPAK | u32 format version | u32 crc32 of these twelve`, in every version. */
export const PACKED_HEAD_BYTES = 16

/** `u64 offset of the root | u32 its bytes | u32 crc32 of these twelve | 32 bytes SHA-256 | 8 bytes RETROEND`: the digest
 *  is that of everything before it. */
export const PACKED_TAIL_BYTES = 56
export const PACKED_END = 'RETROEND'
export const DIGEST_BYTES = 32

/** Keys from here on are no tables and dictionaries. */
export const BEHIND_TABLES = Uint8Array.of(PREFIX.chunk)

/** Decoded blocks that a segment keeps: neighbours are asked for together. */
const CACHED_BYTES = 4 << 20

export interface PackedRecording {
  readonly format: RecordingFormat
  /** Read only. The file stays open until the last of them, or the recording, is closed. */
  readonly segments: readonly KeyValue[]
  readonly files: readonly PackedFileEntry[]
  /** What was damaged of the recording already when it was packed, beyond values that are null; and, as it is met, what
   *  was read from a copy. */
  readonly damage: readonly LevelDamage[]
  /** In blocks of at most 64 KB. @throws NOT_FOUND; DAMAGED at the first block that is */
  readFile(name: string): AsyncIterable<Uint8Array>
  close(): Promise<void>
}

/** Opens a packed recording: reads its head, tail and root, and a segment's keys when that segment is first asked.
 *  Runs nothing, and takes no more memory than the keys and a few blocks.
 *  @throws NOT_FOUND, NO_PERMISSION, NOT_A_RECORDING, FORMAT_TOO_NEW; DAMAGED when its end is missing or its index is
 *  damaged. A damaged block makes its values null, and throws nothing. */
export async function openPackedStore(path: string): Promise<PackedRecording> {
  if (detectRecording(path).form !== 'packed') {
    throw new RetroscopeError('NOT_A_RECORDING', `${path} is no packed recording.`, {
      hint: '`retroscope pack` makes one from a recording directory.',
    })
  }
  const file = await open(path, 'r')
  try {
    const { format, root } = await readRoot(path, file)
    return toRecording({ path, file, format, root })
  } catch (error) {
    await file.close()
    throw error
  }
}

/** What stands at fixed places of a packed file, checked. @throws FORMAT_TOO_NEW, DAMAGED */
export async function readRoot(path: string, file: FileHandle): Promise<{ format: RecordingFormat; root: PackedRoot }> {
  const { size } = await file.stat()
  const head = await readBytes(file, { offset: 0, bytes: PACKED_HEAD_BYTES })
  if (!head) throw toDamaged(path, `it ends after ${size} bytes`)
  assertHead(path, head)
  const tail = size < PACKED_HEAD_BYTES + PACKED_TAIL_BYTES ? null : await readBytes(file, toTailPlace(size))
  const rootPlace = toRootPlace(path, tail, size)
  const rootBlock = await readBlock(file, rootPlace, BLOCK_TYPES.root)
  const root = rootBlock && decodeRoot(rootBlock.raw, rootPlace.offset)
  if (!root) throw toDamaged(path, 'its index fails its checksum')
  return { format: await readPackedFormat(path, file, rootPlace.offset), root }
}

export function toTailPlace(size: number): BlockPlace {
  return { offset: size - PACKED_TAIL_BYTES, bytes: PACKED_TAIL_BYTES }
}

function assertHead(path: string, head: Uint8Array): void {
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength)
  if (Buffer.from(head.subarray(0, PACKED_MAGIC.length)).toString('latin1') !== PACKED_MAGIC) {
    throw toDamaged(path, 'its first bytes have changed')
  }
  if (view.getUint32(12, true) !== crc32(head.subarray(0, 12))) throw toDamaged(path, 'its head fails its checksum')
  assertReadable(view.getUint32(8, true), path)
}

function toRootPlace(path: string, tail: Uint8Array | null, size: number): BlockPlace {
  const end = tail && Buffer.from(tail.subarray(-PACKED_END.length)).toString('latin1')
  if (!tail || end !== PACKED_END) {
    throw toDamaged(path, `its last bytes are missing or have changed (it has ${size} bytes)`)
  }
  const view = new DataView(tail.buffer, tail.byteOffset, tail.byteLength)
  if (view.getUint32(12, true) !== crc32(tail.subarray(0, 12))) throw toDamaged(path, 'its tail fails its checksum')
  const place = { offset: Number(view.getBigUint64(0, true)), bytes: view.getUint32(8, true) }
  if (place.offset + place.bytes > size) throw toDamaged(path, 'its tail names an index beyond its end')
  return place
}

async function readPackedFormat(path: string, file: FileHandle, end: number): Promise<RecordingFormat> {
  const head = await readBytes(file, { offset: PACKED_HEAD_BYTES, bytes: BLOCK_BYTES })
  const stored = head ? new DataView(head.buffer, head.byteOffset, head.byteLength).getUint32(0, true) : 0
  const place = { offset: PACKED_HEAD_BYTES, bytes: BLOCK_BYTES + stored }
  const block = PACKED_HEAD_BYTES + place.bytes > end ? null : await readBlock(file, place, BLOCK_TYPES.format)
  if (!block) throw toDamaged(path, 'its format block fails its checksum')
  return parseFormat(Buffer.from(block.raw).toString('utf8'), path)
}

interface OpenFile {
  readonly path: string
  readonly file: FileHandle
  readonly format: RecordingFormat
  readonly root: PackedRoot
}

function toRecording({ path, file, format, root }: OpenFile): PackedRecording {
  let isOpen = true
  let openSegments = root.segments.length
  const close = async () => {
    if (!isOpen) return
    isOpen = false
    await file.close()
  }
  const closeSegment = async () => {
    if (--openSegments === 0) await close()
  }
  const damage = [...root.damage]
  const open = (segment: PackedRoot['segments'][number]): KeyValue => {
    const copy = segment.copy && new PackedSegment({ path, file, ...segment.copy, onClose: async () => {} })
    return new PackedSegment({ path, file, ...segment, onClose: closeSegment, copy: copy && { store: copy, damage } })
  }
  return {
    format,
    segments: root.segments.map(open),
    files: root.files,
    damage,
    readFile: (name) => readPackedFile(path, file, root.files.find((entry) => entry.name === name) ?? name),
    close,
  }
}

async function* readPackedFile(
  path: string,
  file: FileHandle,
  entry: PackedFileEntry | string,
): AsyncGenerator<Uint8Array> {
  if (typeof entry === 'string') throw new RetroscopeError('NOT_FOUND', `${path} holds no file ${entry}.`)
  for (const place of entry.blocks) {
    const block = await readBlock(file, place, BLOCK_TYPES.file)
    if (!block) throw toDamaged(path, `a block of its file ${entry.name} fails its checksum`)
    yield block.raw
  }
}

interface SegmentPlace {
  readonly path: string
  readonly file: FileHandle
  readonly keys: BlockPlace
  readonly pairs: number
  readonly onClose: () => Promise<void>
  /** Where tables and dictionaries stand once more, and what is told of a block that is read there. */
  readonly copy?: { readonly store: KeyValue; readonly damage: LevelDamage[] } | undefined
}

class PackedSegment implements KeyValue {
  readonly #place: SegmentPlace
  readonly #told = new Set<number>()
  #index: Promise<SegmentIndex> | undefined
  /** Payloads of blocks by their offset, the one used last at the end; null for a damaged one. */
  readonly #cache = new Map<number, Uint8Array | null>()
  #cachedBytes = 0
  #isOpen = true

  constructor(place: SegmentPlace) {
    this.#place = place
  }

  async get(key: Uint8Array): Promise<Uint8Array | null | undefined> {
    const index = await this.#loadIndex()
    const at = index.countBelow(key)
    if (at === index.length || Buffer.compare(index.key(at), key) !== 0) return undefined
    return this.#readValue(index.pair(at))
  }

  async *range(range: Range): AsyncGenerator<Entry> {
    const index = await this.#loadIndex()
    const { from, to } = toInterval(index, range)
    const count = Math.min(Math.max(to - from, 0), range.limit ?? Number.POSITIVE_INFINITY)
    for (let i = 0; i < count; i++) {
      const pair = index.pair(range.reverse ? to - 1 - i : from + i)
      yield { key: pair.key, value: await this.#readValue(pair) }
    }
  }

  async close(): Promise<void> {
    if (!this.#isOpen) return
    this.#isOpen = false
    this.#cache.clear()
    await this.#place.onClose()
  }

  #loadIndex(): Promise<SegmentIndex> {
    if (!this.#isOpen) throw new RetroscopeError('CLOSED', `The packed recording ${this.#place.path} was closed.`)
    return (this.#index ??= loadIndex(this.#place))
  }

  async #readValue({ key, block, value }: IndexedPair): Promise<Uint8Array | null> {
    if (value === null) return null
    const payload = await this.#readPayload(block)
    if (payload === null) return this.#readCopy(key, block)
    if (value.offset + value.bytes > payload.length) return null
    return payload.subarray(value.offset, value.offset + value.bytes)
  }

  async #readCopy(key: Uint8Array, { offset, bytes }: BlockPlace): Promise<Uint8Array | null> {
    const { copy } = this.#place
    const value = copy && (await copy.store.get(key).catch(toNull))
    if (!value) return null
    if (!this.#told.has(offset)) {
      const what = 'a block fails its checksum; its tables were read from their copy'
      copy.damage.push({ file: 'the file', range: { from: offset, to: offset + bytes }, what, structural: false })
    }
    this.#told.add(offset)
    return value
  }

  async #readPayload(place: BlockPlace): Promise<Uint8Array | null> {
    const cached = this.#cache.get(place.offset)
    if (cached !== undefined) return cached
    const payload = (await readBlock(this.#place.file, place, BLOCK_TYPES.pairs))?.raw ?? null
    if (!this.#isOpen || this.#cache.has(place.offset)) return payload
    this.#cache.set(place.offset, payload)
    this.#cachedBytes += payload?.length ?? 0
    for (const [offset, oldest] of this.#cache) {
      if (this.#cachedBytes <= CACHED_BYTES || this.#cache.size === 1) break
      this.#cache.delete(offset)
      this.#cachedBytes -= oldest?.length ?? 0
    }
    return payload
  }
}

function toNull(): null {
  return null
}

/** The keys of one segment. @throws DAMAGED */
export async function loadIndex({
  path,
  file,
  keys,
  pairs,
}: Omit<SegmentPlace, 'onClose' | 'copy'>): Promise<SegmentIndex> {
  const block = await readBlock(file, keys, BLOCK_TYPES.keys)
  const index = block && SegmentIndex.decode(block.raw, pairs, keys.offset)
  if (!index) throw toDamaged(path, 'the keys of a segment fail their checksum')
  return index
}

function toInterval(index: SegmentIndex, range: Range): { from: number; to: number } {
  let from = 0
  let to = index.length
  if (range.gte) from = Math.max(from, index.countBelow(range.gte))
  if (range.gt) from = Math.max(from, index.countBelow(range.gt, true))
  if (range.lte) to = Math.min(to, index.countBelow(range.lte, true))
  if (range.lt) to = Math.min(to, index.countBelow(range.lt))
  return { from, to }
}
