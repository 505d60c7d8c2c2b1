import type { LevelDamage } from './leveldb/check.js'
import type { BlockPlace } from './packed-block.js'

/** Length that stands for a value that was damaged already when it was packed. */
export const LOST_VALUE = 0xffffffff

const BLOCK_HEAD_BYTES = 16
const PAIR_HEAD_BYTES = 6

/** Position of a pair: its key, and where its value stands in its block. */
export interface IndexedPair {
  readonly key: Uint8Array
  readonly block: BlockPlace
  /** null when the value was lost before it was packed. */
  readonly value: { readonly offset: number; readonly bytes: number } | null
}

/** One pair's entry, alike in a block's own table of keys and in the index of its segment: `u16 key length |
 *  u32 value length | key`. */
export function encodePairHead(key: Uint8Array, valueBytes: number): Uint8Array {
  const head = Buffer.alloc(PAIR_HEAD_BYTES + key.length)
  head.writeUInt16LE(key.length, 0)
  head.writeUInt32LE(valueBytes, 2)
  head.set(key, PAIR_HEAD_BYTES)
  return head
}

/** Collects the index of one segment while its blocks are written: per block `u64 offset | u32 bytes | u32 count`, then
 *  the table of keys of that block. Costs the keys' own bytes and six each. */
export class SegmentIndexWriter {
  readonly #parts: Uint8Array[] = []
  #pairs = 0

  get pairs(): number {
    return this.#pairs
  }

  add(place: BlockPlace, count: number, table: Uint8Array): void {
    const head = Buffer.alloc(BLOCK_HEAD_BYTES)
    head.writeBigUInt64LE(BigInt(place.offset), 0)
    head.writeUInt32LE(place.bytes, 8)
    head.writeUInt32LE(count, 12)
    this.#parts.push(head, table)
    this.#pairs += count
  }

  encode(): Uint8Array {
    return Buffer.concat(this.#parts)
  }
}

/** The index of one segment, held as its own bytes and three numbers per pair. */
export class SegmentIndex {
  readonly length: number
  readonly #bytes: Uint8Array
  readonly #view: DataView
  /** Start of each pair's head, of its block's head, and of its value in the block's payload. */
  readonly #heads: Float64Array
  readonly #blocks: Float64Array
  readonly #values: Float64Array

  private constructor(bytes: Uint8Array, pairs: number) {
    this.length = pairs
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.#heads = new Float64Array(pairs)
    this.#blocks = new Float64Array(pairs)
    this.#values = new Float64Array(pairs)
  }

  /** null unless the bytes are an index of exactly that many pairs, in order, in blocks before `end`. */
  static decode(bytes: Uint8Array, pairs: number, end: number): SegmentIndex | null {
    if (pairs > bytes.length / PAIR_HEAD_BYTES) return null
    const index = new SegmentIndex(bytes, pairs)
    return index.#fill(end) ? index : null
  }

  pair(at: number): IndexedPair {
    const blockHead = this.#blocks[at]!
    const bytes = this.#view.getUint32(this.#heads[at]! + 2, true)
    return {
      key: this.key(at),
      block: this.#place(blockHead),
      value: bytes === LOST_VALUE ? null : { offset: this.#values[at]!, bytes },
    }
  }

  key(at: number): Uint8Array {
    const head = this.#heads[at]!
    const length = this.#view.getUint16(head, true)
    return this.#bytes.subarray(head + PAIR_HEAD_BYTES, head + PAIR_HEAD_BYTES + length)
  }

  /** Number of keys below `key`; with `orEqual`, below it or equal to it. */
  countBelow(key: Uint8Array, orEqual = false): number {
    let low = 0
    let high = this.length
    while (low < high) {
      const middle = (low + high) >> 1
      const order = Buffer.compare(this.key(middle), key)
      if (order < 0 || (orEqual && order === 0)) low = middle + 1
      else high = middle
    }
    return low
  }

  *blocks(): Generator<BlockPlace> {
    let last = -1
    for (const head of this.#blocks) {
      if (head !== last) yield this.#place(head)
      last = head
    }
  }

  #place(blockHead: number): BlockPlace {
    const offset = Number(this.#view.getBigUint64(blockHead, true))
    return { offset, bytes: this.#view.getUint32(blockHead + 8, true) }
  }

  #fill(end: number): boolean {
    let at = 0
    let pair = 0
    while (at < this.#bytes.length) {
      if (at + BLOCK_HEAD_BYTES > this.#bytes.length) return false
      const { offset, bytes } = this.#place(at)
      if (offset + bytes > end) return false
      const count = this.#view.getUint32(at + 12, true)
      if (count > this.length - pair) return false
      at = this.#fillBlock({ at: at + BLOCK_HEAD_BYTES, blockHead: at, pair, count })
      if (at < 0) return false
      pair += count
    }
    return pair === this.length
  }

  /** @returns where the next block's head starts; -1 when the table is none */
  #fillBlock(block: { at: number; blockHead: number; pair: number; count: number }): number {
    let { at } = block
    const tableStart = at
    let values = 0
    for (let pair = block.pair; pair < block.pair + block.count; pair++) {
      if (at + PAIR_HEAD_BYTES > this.#bytes.length) return -1
      this.#heads[pair] = at
      this.#blocks[pair] = block.blockHead
      this.#values[pair] = values
      const valueBytes = this.#view.getUint32(at + 2, true)
      values += valueBytes === LOST_VALUE ? 0 : valueBytes
      at += PAIR_HEAD_BYTES + this.#view.getUint16(at, true)
      if (at > this.#bytes.length) return -1
      if (pair > 0 && Buffer.compare(this.key(pair - 1), this.key(pair)) >= 0) return -1
    }
    for (let pair = block.pair; pair < block.pair + block.count; pair++) this.#values[pair]! += at - tableStart
    return at
  }
}

/** Ordered pairs in blocks of their own. */
export interface PackedPairs {
  readonly keys: BlockPlace
  readonly pairs: number
}

/** What the root of a packed file names, as JSON. */
export interface PackedRoot {
  /** `copy`: the tables and dictionaries once more, without which nothing else says anything. */
  readonly segments: readonly (PackedPairs & { readonly copy?: PackedPairs })[]
  readonly files: readonly PackedFileEntry[]
  /** What was damaged of the recording when it was packed. */
  readonly damage: readonly LevelDamage[]
}

export interface PackedFileEntry {
  /** Relative, with `/`, without `..`. */
  readonly name: string
  readonly bytes: number
  readonly blocks: readonly BlockPlace[]
}

export function encodeRoot(root: PackedRoot): Uint8Array {
  return Buffer.from(JSON.stringify(root))
}

/** null unless the bytes are a root whose every block stands before `end`. */
export function decodeRoot(bytes: Uint8Array, end: number): PackedRoot | null {
  try {
    const root = JSON.parse(Buffer.from(bytes).toString('utf8')) as PackedRoot
    const isPairs = ({ keys, pairs }: PackedPairs) => isPlace(keys, end) && isNatural(pairs)
    const isSegment = (segment: PackedRoot['segments'][number]) =>
      isPairs(segment) && (segment.copy === undefined || isPairs(segment.copy))
    const isFile = ({ name, bytes: size, blocks }: PackedFileEntry) =>
      isSafeName(name) && isNatural(size) && Array.isArray(blocks) && blocks.every((place) => isPlace(place, end))
    const isDamage = ({ file, what }: LevelDamage) => typeof file === 'string' && typeof what === 'string'
    return root.segments.every(isSegment) && root.files.every(isFile) && root.damage.every(isDamage) ? root : null
  } catch {
    return null
  }
}

/** Whether a name stays inside the directory that it is unpacked into, on every system. */
export function isSafeName(name: unknown): name is string {
  if (typeof name !== 'string' || name.length > 1024 || /[\0\\:]/.test(name)) return false
  return name.split('/').every((part) => part !== '' && part !== '.' && part !== '..')
}

function isPlace(place: BlockPlace, end: number): boolean {
  return isNatural(place.offset) && isNatural(place.bytes) && place.offset + place.bytes <= end
}

function isNatural(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}
