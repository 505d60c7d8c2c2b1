import type { FrameCursor } from '../spool/block.js'
import { ChunkBuilder, ChunkCursor } from './chunk.js'
import type { FrameSource } from './chunk-writer.js'
import type { KeyValue } from './key-value.js'
import { toLastU64 } from './keys.js'
import { toTableRange } from './resume.js'
import { TABLE, type ThreadRow } from './tables.js'

/** An event that is kept when its segment goes: a chunk of one. */
export interface KeptEvent {
  readonly seq: number
  readonly chunk: Uint8Array
}

/** A chunk of one event. */
export function toKeptChunk(row: ThreadRow, frame: FrameCursor, source: FrameSource): Uint8Array {
  const chunk = new ChunkBuilder()
  const { ordinal, turns, step } = row
  chunk.startRun({ thread: row.no, ordinal, turns, step, anchorUs: source.anchorUs })
  chunk.append(source.buffer, frame.start, frame.end, 1)
  return chunk.view().slice()
}

/** Process events and gaps that outlived their segments. */
export class KeptEvents {
  readonly #chunks: readonly (readonly [seq: number, chunk: Uint8Array])[]

  private constructor(chunks: ReadonlyMap<number, Uint8Array>) {
    this.#chunks = [...chunks].sort((a, b) => a[0] - b[0])
  }

  static async load(stores: readonly KeyValue[], before: number): Promise<KeptEvents> {
    const chunks = new Map<number, Uint8Array>()
    for (const store of before > 0 ? stores : []) {
      for await (const { key, value } of store.range(toTableRange(TABLE.kept))) {
        if (value && toLastU64(key) < before) chunks.set(toLastU64(key), value)
      }
    }
    return new KeptEvents(chunks)
  }

  /** Cursors at the events within [from, to], in order or against it. */
  *select(from: number, to: number, reverse: boolean): Generator<ChunkCursor> {
    for (const [seq, chunk] of reverse ? this.#chunks.toReversed() : this.#chunks) {
      const cursor = new ChunkCursor(chunk, seq)
      if (seq >= from && seq <= to && cursor.next()) yield cursor
    }
  }
}
