import { ByteBuffer, readU32, readU64, toBuffer } from './byte-buffer.js'
import { PathSet } from './path-set.js'
import type { PathTable } from './path-table.js'

/** An open block is written out and begun anew from here on; short enough that a scan reads little for nothing. */
export const DELTA_BLOCK_BYTES = 64 * 1024

const HEADER_BYTES = 12
const ENTRY_BYTES = 12

/** What an entry does to the state: a patch, a whole new state, nothing, or the end of what is known of it. */
export const DELTA_OPS = { delta: 0, init: 1, keyframe: 2, final: 3, damaged: 4, incomplete: 5 } as const

export type DeltaOp = keyof typeof DELTA_OPS

const OP_NAMES = Object.keys(DELTA_OPS) as DeltaOp[]

interface NewEntry {
  readonly seq: number
  readonly op: number
  readonly flags: number
  readonly previousSeq: number
}

/** Builds one container's delta block: `u32 entries | u64 1 + seq of the entry before the block (0: none)`, then entries
 *  `u32 seq - firstSeq | u8 op | u8 flags of the frame | u16 0 | u32 length | body as it stood in the spool`. The number of
 *  the entry before chains the blocks: a key that damage hides is missed. */
export class DeltaBlockBuilder {
  readonly #bytes = new ByteBuffer(1024)
  readonly paths: PathSet
  firstSeq = -1
  lastSeq = -1
  count = 0

  constructor(table: PathTable) {
    this.paths = new PathSet(table)
  }

  get bytes(): number {
    return this.#bytes.length
  }

  /** Appends an entry whose body stands in [start, end) of `bytes`. `previousSeq`: seq of the container's entry before
   *  this one, −1 for none. @returns where its body stands in the block */
  append({ seq, op, flags, previousSeq }: NewEntry, bytes: Uint8Array, start: number, end: number): number {
    if (this.count === 0) {
      this.firstSeq = seq
      this.#bytes.u32(0)
      this.#bytes.u64(previousSeq + 1)
    }
    this.#bytes.u32(seq - this.firstSeq)
    this.#bytes.u32(op | (flags << 8))
    this.#bytes.u32(end - start)
    this.#bytes.append(bytes, start, end)
    this.lastSeq = seq
    this.count++
    return this.#bytes.length - (end - start)
  }

  /** Visits the entries from `from` on, which is 0 or where one ends, while `visit` returns true. */
  each(from: number, visit: (at: number, start: number, end: number) => boolean): void {
    const bytes = this.#bytes.view()
    for (let at = Math.max(from, HEADER_BYTES); at < bytes.length; ) {
      const start = at + ENTRY_BYTES
      const end = start + readU32(bytes, at + 8)
      if (!visit(at, start, end)) return
      at = end
    }
  }

  /** Says of the entry that begins at `at` what is known of it only now; it may have changed everything. */
  setOp(at: number, op: number): void {
    this.#bytes.patchU8(at + 4, op)
    this.paths.addRoot()
  }

  /** The bytes so far, until the next entry. */
  view(): Buffer {
    return toBuffer(this.#bytes.view())
  }

  /** The block as it stands, until the next entry. */
  toBytes(): Uint8Array {
    this.#bytes.patchU32(0, this.count)
    return this.#bytes.view()
  }

  /** The value under `21`: `u64 last seq | u32 count | path bloom`. */
  toIndexBytes(): Uint8Array {
    const index = new ByteBuffer(256)
    index.u64(this.lastSeq)
    index.u32(this.count)
    index.append(this.paths.toBloom())
    return index.take()
  }

  clear(): void {
    this.#bytes.clear()
    this.paths.clear()
    this.count = 0
  }
}

export interface DeltaRecord {
  readonly seq: number
  readonly op: DeltaOp
  readonly flags: number
  /** Where its body stands in the block's bytes. */
  readonly start: number
  readonly end: number
}

export interface DeltaBlock {
  readonly bytes: Buffer
  /** Seq of the container's entry before the block, −1 for none. */
  readonly previousSeq: number
  readonly entries: readonly DeltaRecord[]
}

/** Splits a block without decoding bodies. @returns null when its lengths don't add up */
export function decodeDeltaBlock(bytes: Uint8Array, firstSeq: number): DeltaBlock | null {
  if (bytes.length < HEADER_BYTES) return null
  const count = readU32(bytes, 0)
  const entries: DeltaRecord[] = []
  let at = HEADER_BYTES
  for (let n = 0; n < count; n++) {
    const start = at + ENTRY_BYTES
    const end = start + readU32(bytes, at + 8)
    const op = OP_NAMES[bytes[at + 4]!]
    if (end > bytes.length || op === undefined) return null
    entries.push({
      seq: firstSeq + readU32(bytes, at),
      op,
      flags: bytes[at + 5]!,
      start,
      end,
    })
    at = end
  }
  return { bytes: toBuffer(bytes), previousSeq: readU64(bytes, 4) - 1, entries }
}

export interface DeltaIndex {
  readonly lastSeq: number
  readonly count: number
  readonly bloom: Uint8Array
}

export function decodeDeltaIndex(bytes: Uint8Array): DeltaIndex {
  return { lastSeq: readU64(bytes, 0), count: readU32(bytes, 8), bloom: bytes.subarray(12) }
}
