import { createHash } from 'node:crypto'
import { existsSync, rmSync } from 'node:fs'
import { chmod, type FileHandle, mkdir, open, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { crc32 } from 'node:zlib'
import { RetroscopeError } from '../errors.js'
import { createFormat, FORMAT_VERSION, PACKED_MAGIC, type RecordingFormat } from './format-file.js'
import type { KeyValue, Range } from './key-value.js'
import { openLevelStore } from './level-store.js'
import type { LevelDamage } from './leveldb/check.js'
import { BLOCK_TYPES, type BlockPlace, encodeBlock, type PackedBlock } from './packed-block.js'
import {
  encodePairHead,
  encodeRoot,
  isSafeName,
  LOST_VALUE,
  type PackedFileEntry,
  type PackedPairs,
  type PackedRoot,
  SegmentIndexWriter,
} from './packed-index.js'
import {
  BEHIND_TABLES,
  DIGEST_BYTES,
  openPackedStore,
  PACKED_END,
  PACKED_HEAD_BYTES,
  PACKED_TAIL_BYTES,
  type PackedRecording,
} from './packed-store.js'
import { createSegment, toSegmentDir } from './segments.js'

/** A block is closed when it holds this much: about one chunk, so that reading one event unpacks one chunk. */
const BLOCK_TARGET_BYTES = 64 << 10

/** Blocks that are being compressed at a time: as many as libuv has threads. */
const COMPRESSING = 4

const UNPACK_BATCH_BYTES = 4 << 20

/** A file to carry along, such as `sources/app.js`. */
export interface ExtraFile {
  readonly name: string
  readonly content: AsyncIterable<Uint8Array> | Iterable<Uint8Array>
}

export interface PackExtras {
  readonly files?: Iterable<ExtraFile> | AsyncIterable<ExtraFile>
  /** What was damaged where the stores come from, beyond values that are null. */
  readonly damage?: readonly LevelDamage[]
}

/** Writes stores into one packed file (0600), under another name until it is whole. Streams: takes the keys' memory and
 *  a few blocks, whatever the size. Values that are damaged stay damaged, and are known to have been there.
 *  @throws EXISTS when the target is there already; NOT_FOUND, NO_PERMISSION or WRITE_FAILED when it cannot be written */
export async function packStores(
  segments: readonly KeyValue[],
  format: RecordingFormat,
  target: string,
  extras: PackExtras = {},
): Promise<void> {
  if (existsSync(target)) throw toExists(target)
  const temporary = `${target}.${process.pid}.part`
  const file = await open(temporary, 'w', 0o600).catch((error) => {
    throw toPackError(target, error)
  })
  try {
    await writePacked(new PackedWriter(file), { segments, format, ...extras })
    await file.sync()
    await file.close()
    await rename(temporary, target)
  } catch (error) {
    await file.close().catch(() => {})
    rmSync(temporary, { force: true })
    throw toPackError(target, error)
  }
}

interface Contents extends PackExtras {
  readonly segments: readonly KeyValue[]
  readonly format: RecordingFormat
}

async function writePacked(writer: PackedWriter, { segments, format, files, damage }: Contents): Promise<void> {
  await writer.writeHead()
  const json = Buffer.from(`${JSON.stringify(format)}\n`)
  await writer.add({ type: BLOCK_TYPES.format, stream: 0, count: 0, raw: json })
  const root = {
    segments: [] as PackedRoot['segments'][number][],
    files: [] as PackedFileEntry[],
    damage: damage ?? [],
  }
  for (const [stream, store] of segments.entries()) root.segments.push(await writeSegment(writer, store, stream))
  for await (const { name, content } of files ?? []) {
    if (!isSafeName(name)) throw new RetroscopeError('INTERNAL', `not a file name to pack: ${JSON.stringify(name)}`)
    root.files.push(await writeFile(writer, { name, content }, root.files.length))
  }
  const place = await writer.finish({ type: BLOCK_TYPES.root, stream: 0, count: 0, raw: encodeRoot(root) })
  await writer.writeTail(place)
}

async function writeSegment(
  writer: PackedWriter,
  store: KeyValue,
  stream: number,
): Promise<PackedRoot['segments'][number]> {
  const [tables, rest] = [{ lt: BEHIND_TABLES }, { gte: BEHIND_TABLES }]
  const all = await writePairs(writer, { store, stream, ranges: [tables, rest] })
  return { ...all, copy: await writePairs(writer, { store, stream, ranges: [tables] }) }
}

interface Pairs {
  readonly store: KeyValue
  readonly stream: number
  /** A block ends with each. */
  readonly ranges: readonly Range[]
}

async function writePairs(writer: PackedWriter, { store, stream, ranges }: Pairs): Promise<PackedPairs> {
  const index = new SegmentIndexWriter()
  let heads: Uint8Array[] = []
  let values: Uint8Array[] = []
  let bytes = 0
  const flush = async () => {
    if (heads.length === 0) return
    const table = Buffer.concat(heads)
    const count = heads.length
    const raw = Buffer.concat([table, ...values])
    ;[heads, values, bytes] = [[], [], 0]
    await writer.add({ type: BLOCK_TYPES.pairs, stream, count, raw }, (place) => index.add(place, count, table))
  }
  for (const range of ranges) {
    for await (const { key, value } of store.range(range)) {
      heads.push(encodePairHead(key, value === null ? LOST_VALUE : value.length))
      if (value) values.push(value)
      bytes += key.length + (value?.length ?? 0)
      if (bytes >= BLOCK_TARGET_BYTES) await flush()
    }
    await flush()
  }
  await writer.drain()
  const keys = await writer.finish({ type: BLOCK_TYPES.keys, stream, count: index.pairs, raw: index.encode() })
  return { keys, pairs: index.pairs }
}

async function writeFile(writer: PackedWriter, file: ExtraFile, stream: number): Promise<PackedFileEntry> {
  const blocks: BlockPlace[] = []
  let size = 0
  for await (const part of file.content) {
    for (let at = 0; at < part.length; at += BLOCK_TARGET_BYTES) {
      const raw = part.slice(at, at + BLOCK_TARGET_BYTES)
      size += raw.length
      await writer.add({ type: BLOCK_TYPES.file, stream: stream & 0xffff, count: 0, raw }, (place) =>
        blocks.push(place),
      )
    }
  }
  await writer.drain()
  return { name: file.name, bytes: size, blocks }
}

type OnPlaced = (place: BlockPlace) => void

/** Appends blocks in the order in which they were added, compressing a few at a time, and keeps the digest. */
class PackedWriter {
  readonly #file: FileHandle
  readonly #hash = createHash('sha256')
  readonly #pending: { readonly bytes: Promise<Uint8Array>; readonly onPlaced: OnPlaced }[] = []
  #offset = 0

  constructor(file: FileHandle) {
    this.#file = file
  }

  async writeHead(): Promise<void> {
    const head = Buffer.alloc(PACKED_HEAD_BYTES)
    head.write(PACKED_MAGIC, 'latin1')
    head.writeUInt32LE(FORMAT_VERSION, 8)
    head.writeUInt32LE(crc32(head.subarray(0, 12)), 12)
    await this.#append(head)
  }

  async add(block: PackedBlock, onPlaced: OnPlaced = () => {}): Promise<void> {
    const bytes = encodeBlock(block)
    // It is awaited when its turn comes; until then a failure of an earlier one must not find it unhandled.
    bytes.catch(() => {})
    this.#pending.push({ bytes, onPlaced })
    while (this.#pending.length >= COMPRESSING) await this.#writeNext()
  }

  async drain(): Promise<void> {
    while (this.#pending.length > 0) await this.#writeNext()
  }

  /** Adds a block and waits until it is written. */
  async finish(block: PackedBlock): Promise<BlockPlace> {
    let found: BlockPlace | undefined
    await this.add(block, (place) => {
      found = place
    })
    await this.drain()
    return found!
  }

  async writeTail(root: BlockPlace): Promise<void> {
    const tail = Buffer.alloc(PACKED_TAIL_BYTES - DIGEST_BYTES - PACKED_END.length)
    tail.writeBigUInt64LE(BigInt(root.offset), 0)
    tail.writeUInt32LE(root.bytes, 8)
    tail.writeUInt32LE(crc32(tail.subarray(0, 12)), 12)
    await this.#append(tail)
    await this.#append(Buffer.concat([this.#hash.digest(), Buffer.from(PACKED_END, 'latin1')]), false)
  }

  async #writeNext(): Promise<void> {
    const { bytes, onPlaced } = this.#pending.shift()!
    const block = await bytes
    const place = { offset: this.#offset, bytes: block.length }
    await this.#append(block)
    onPlaced(place)
  }

  async #append(bytes: Uint8Array, digested = true): Promise<void> {
    if (digested) this.#hash.update(bytes)
    for (let at = 0; at < bytes.length; ) {
      const { bytesWritten } = await this.#file.write(bytes, at, bytes.length - at)
      at += bytesWritten
    }
    this.#offset += bytes.length
  }
}

/** Turns a packed file back into a recording directory, under another name until it is whole.
 *  @throws EXISTS when the directory is there and not empty; DAMAGED when a carried file is; what opening and writing
 *  throw */
export async function unpackTo(path: string, dir: string): Promise<void> {
  const packed = await openPackedStore(path)
  const temporary = `${dir}.${process.pid}.part`
  try {
    createFormat(temporary, packed.format)
    for (const store of packed.segments) await unpackSegment(store, temporary)
    for (const { name } of packed.files) await unpackFile(packed, name, temporary)
    await rename(temporary, dir)
  } catch (error) {
    await rm(temporary, { recursive: true, force: true })
    const { code } = error as NodeJS.ErrnoException
    throw code === 'ENOTEMPTY' || code === 'EEXIST' || code === 'ENOTDIR' ? toExists(dir) : toPackError(dir, error)
  } finally {
    await packed.close()
  }
}

async function unpackSegment(source: KeyValue, recording: string): Promise<void> {
  const segment = createSegment(recording)
  const store = await openLevelStore(toSegmentDir(recording, segment), { create: true })
  try {
    let put: { key: Uint8Array; value: Uint8Array }[] = []
    let lost: Uint8Array[] = []
    let bytes = 0
    for await (const { key, value } of source.range({})) {
      if (value) put.push({ key, value })
      else lost.push(key)
      bytes += value?.length ?? 0
      if (bytes < UNPACK_BATCH_BYTES) continue
      await store.write({ put, lost })
      ;[put, lost, bytes] = [[], [], 0]
    }
    await store.write({ put, lost })
  } finally {
    await store.close()
  }
}

async function unpackFile(packed: PackedRecording, name: string, dir: string): Promise<void> {
  const path = join(dir, name)
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  const file = await open(path, 'wx', 0o600)
  try {
    for await (const part of packed.readFile(name)) await file.write(part)
  } finally {
    await file.close()
  }
  await chmod(path, 0o600)
}

function toPackError(target: string, error: unknown): unknown {
  const { code } = error as NodeJS.ErrnoException
  if (code === 'ENOENT') {
    return new RetroscopeError('NOT_FOUND', `There is no directory ${dirname(target)}.`, {
      hint: 'Make it first, or name another target.',
      cause: error,
    })
  }
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') {
    return new RetroscopeError('NO_PERMISSION', `The system refuses to write ${target} (${code}).`, {
      hint: 'Name another target with -o.',
      cause: error,
    })
  }
  if (code === 'ENOSPC' || code === 'EDQUOT' || code === 'EFBIG' || code === 'EIO') {
    return new RetroscopeError('WRITE_FAILED', `${target} cannot be written (${code}).`, {
      hint: 'Make room on the disk, or name another target with -o.',
      cause: error,
    })
  }
  return error
}

function toExists(path: string): RetroscopeError {
  return new RetroscopeError('EXISTS', `${path} exists already.`, { hint: 'Name another target, or remove it first.' })
}
