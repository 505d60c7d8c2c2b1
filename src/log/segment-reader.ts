import type { ValueDecoder } from '../values/codec.js'
import { createDecoder } from '../values/decoder.js'
import { BlockCache } from './block-cache.js'
import { readU32, readU64, toBuffer } from './byte-buffer.js'
import { type DeltaBlock, decodeDeltaBlock } from './delta-block.js'
import { decodeHeader, type Header } from './header.js'
import type { KeyValue, Range } from './key-value.js'
import {
  type ContainerNumbers,
  PREFIX,
  toContainerKey,
  toKeyTime,
  toLastU32,
  toLastU64,
  toMetaKey,
  toSeqKey,
  toThreadKey,
  toTimeKey,
} from './keys.js'
import { isEmpty, loadDictionary } from './resume.js'
import { decodeRow, type LogRow, TABLE } from './tables.js'

const CACHE_BYTES = 16 * 1024 * 1024
const END = Number.MAX_SAFE_INTEGER

/** A chunk as it was found: `bytes` is null where they fail their checksum. */
export interface FoundChunk {
  readonly firstSeq: number
  readonly bytes: Uint8Array | null
}

export interface ThreadChunk {
  readonly firstOrdinal: number
  readonly firstSeq: number
  readonly firstTurn: number
  readonly lastTurn: number
}

/** Reads what stands under the keys of one segment. */
export class SegmentReader {
  readonly store: KeyValue
  readonly #log: LogRow
  readonly #chunks = new BlockCache<FoundChunk>(CACHE_BYTES)
  readonly #blocks = new BlockCache<DeltaBlock>(CACHE_BYTES)
  #latest: (ContainerNumbers & { readonly block: DeltaBlock }) | undefined
  readonly #decoders = new Map<number, ValueDecoder>()

  private constructor(store: KeyValue, log: LogRow) {
    this.store = store
    this.#log = log
  }

  /** @returns undefined when nothing was committed to it; null when its first row cannot be read */
  static async open(store: KeyValue): Promise<SegmentReader | null | undefined> {
    const stored = await store.get(toMetaKey(TABLE.log))
    if (stored === undefined) return (await isEmpty(store)) ? undefined : null
    const log = decodeRow<LogRow>(stored)
    return log && new SegmentReader(store, log)
  }

  get log(): LogRow {
    return this.#log
  }

  has(seq: number): boolean {
    return seq >= this.#log.firstSeq && seq < this.#log.endSeq
  }

  /** What `decoder` loaded before. */
  getDecoder(thread: number): ValueDecoder | undefined {
    return this.#decoders.get(thread)
  }

  async decoder(thread: number): Promise<ValueDecoder> {
    const known = this.#decoders.get(thread)
    if (known) return known
    const decoder = createDecoder()
    const dictionary = await loadDictionary(this.store, thread)
    try {
      if (dictionary) decoder.learn(dictionary)
    } catch {
      // What needs it will say so.
    }
    this.#decoders.set(thread, decoder)
    return decoder
  }

  /** The chunk that holds `seq`, if its neighbours' numbers are right. */
  async findChunk(seq: number): Promise<FoundChunk | undefined> {
    const first = await this.#findLast(PREFIX.chunk, toSeqKey(PREFIX.chunk, seq))
    if (!first) return undefined
    const found = { firstSeq: toLastU64(first.key), bytes: first.value }
    if (first.value) this.#chunks.set(String(found.firstSeq), found, first.value.length)
    return found
  }

  async loadChunk(firstSeq: number): Promise<FoundChunk> {
    const known = this.#chunks.get(String(firstSeq))
    if (known) return known
    const bytes = (await this.store.get(toSeqKey(PREFIX.chunk, firstSeq))) ?? null
    const found = { firstSeq, bytes: bytes && toBuffer(bytes) }
    if (bytes) this.#chunks.set(String(firstSeq), found, bytes.length)
    return found
  }

  /** Headers of the chunks that hold [from, to], in order or against it; null where one fails its checksum. */
  async *headers(
    from: number,
    to: number,
    reverse: boolean,
  ): AsyncGenerator<{ firstSeq: number; header: Header | null }> {
    const first = await this.#findLast(PREFIX.header, toSeqKey(PREFIX.header, from))
    const range = { gte: first?.key ?? toSeqKey(PREFIX.header, from), lte: toSeqKey(PREFIX.header, to), reverse }
    for await (const { key, value } of this.store.range(range)) {
      yield { firstSeq: toLastU64(key), header: value && decodeHeader(value) }
    }
  }

  /** Rows of chunks, each under its first seq. */
  async coarse(): Promise<{ readonly firstSeq: number; readonly header: Header }[]> {
    const rows: { firstSeq: number; header: Header }[] = []
    const range = { gte: toSeqKey(PREFIX.coarse, 0), lte: toSeqKey(PREFIX.coarse, END) }
    for await (const { key, value } of this.store.range(range)) {
      if (value) rows.push({ firstSeq: toLastU64(key), header: decodeHeader(value) })
    }
    return rows
  }

  /** The last chunk that began at or before that time, and the time that it began at; undefined when none did. */
  async findChunkByTime(timeUs: number): Promise<{ readonly firstSeq: number; readonly timeUs: number } | undefined> {
    const found = await this.#findLast(PREFIX.time, toTimeKey(timeUs, END))
    return found && { firstSeq: toLastU64(found.key), timeUs: toKeyTime(found.key) }
  }

  /** First seq of the chunk after that one. */
  async findNextChunk(firstSeq: number): Promise<number | undefined> {
    const range = { gt: toSeqKey(PREFIX.chunk, firstSeq), lte: toSeqKey(PREFIX.chunk, END), limit: 1 }
    for await (const { key } of this.store.range(range)) return toLastU64(key)
    return undefined
  }

  /** The last chunk that has events of the thread from that ordinal or before. */
  async findThreadChunk(thread: number, ordinal: number): Promise<ThreadChunk | undefined> {
    const range = {
      gte: toThreadKey(PREFIX.ordinal, thread, 0),
      lte: toThreadKey(PREFIX.ordinal, thread, ordinal),
      reverse: true,
      limit: 1,
    }
    for await (const { key, value } of this.store.range(range)) return value ? toThreadChunk(key, value) : undefined
    return undefined
  }

  /** First seqs of the first and the last chunk with events of that turn; turns ascend with ordinals. */
  async findTurnChunks(thread: number, turn: number): Promise<number[]> {
    let low = 0
    let high = 0xffffffff
    while (low < high) {
      const middle = Math.floor((low + high) / 2)
      const chunk = await this.findThreadChunk(thread, middle)
      if (!chunk || chunk.lastTurn < turn) low = middle + 1
      else high = chunk.firstOrdinal
    }
    const found: number[] = []
    const range = {
      gte: toThreadKey(PREFIX.ordinal, thread, low),
      lte: toThreadKey(PREFIX.ordinal, thread, 0xffffffff),
    }
    for await (const { key, value } of this.store.range(range)) {
      if (!value) continue
      const chunk = toThreadChunk(key, value)
      if (chunk.firstTurn > turn) break
      found.push(chunk.firstSeq)
      if (found.length > 2) found.splice(1, 1)
    }
    return found
  }

  /** The block that holds that entry, if `findDeltaBlock` found it lately. */
  getDeltaBlock(thread: number, subject: number, seq: number): DeltaBlock | undefined {
    let latest = this.#latest
    if (latest?.thread !== thread || latest.subject !== subject) {
      const block = this.#blocks.get(`${thread}.${subject}`)
      if (!block) return undefined
      latest = this.#latest = { thread, subject, block }
    }
    const { entries } = latest.block
    return entries[0]!.seq <= seq && entries[entries.length - 1]!.seq >= seq ? latest.block : undefined
  }

  /** The delta block that holds the container's entry of that seq. */
  async findDeltaBlock(container: ContainerNumbers, seq: number): Promise<DeltaBlock | null | undefined> {
    const { thread, subject } = container
    const recent = this.getDeltaBlock(thread, subject, seq)
    if (recent) return recent
    const range = {
      gte: toContainerKey(PREFIX.delta, container, 0),
      lte: toContainerKey(PREFIX.delta, container, seq),
      reverse: true,
      limit: 1,
    }
    for await (const { key, value } of this.store.range(range)) {
      const block = value && decodeDeltaBlock(value, toLastU64(key))
      if (block && value && block.entries.length > 0) {
        this.#blocks.set(`${thread}.${subject}`, block, value.length)
        this.#latest = { thread, subject, block }
      }
      return block
    }
    return undefined
  }

  async #findLast(prefix: number, atMost: Uint8Array) {
    const range: Range = { gte: new Uint8Array([prefix]), lte: atMost, reverse: true, limit: 1 }
    for await (const entry of this.store.range(range)) return entry
    return undefined
  }
}

function toThreadChunk(key: Uint8Array, value: Uint8Array): ThreadChunk {
  return {
    firstOrdinal: toLastU32(key),
    firstSeq: readU64(value, 0),
    firstTurn: readU32(value, 8),
    lastTurn: readU32(value, 12),
  }
}
