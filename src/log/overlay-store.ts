import type { Batch, Entry, KeyValue, Range, WritableKeyValue } from './key-value.js'
import { openMemoryStore } from './memory-store.js'

/** Lets a log be continued that may not be written: what is written stands in memory, above what is there. Nothing is
 *  ever deleted. Closing it leaves the store below open. */
export function openOverlay(below: KeyValue): WritableKeyValue {
  return new OverlayStore(below)
}

class OverlayStore implements WritableKeyValue {
  readonly #below: KeyValue
  readonly #above = openMemoryStore()

  constructor(below: KeyValue) {
    this.#below = below
  }

  async get(key: Uint8Array): Promise<Uint8Array | null | undefined> {
    const above = await this.#above.get(key)
    return above === undefined ? this.#below.get(key) : above
  }

  async *range(range: Range): AsyncGenerator<Entry> {
    const direction = range.reverse ? -1 : 1
    const below = this.#below.range(range)[Symbol.asyncIterator]()
    let left = range.limit ?? Number.POSITIVE_INFINITY
    try {
      let lower = await below.next()
      for await (const upper of this.#above.range(range)) {
        for (; !lower.done; lower = await below.next()) {
          const order = Buffer.compare(lower.value.key, upper.key) * direction
          if (order > 0) break
          if (order === 0) continue
          if (left-- <= 0) return
          yield lower.value
        }
        if (left-- <= 0) return
        yield upper
      }
      for (; !lower.done && left-- > 0; lower = await below.next()) yield lower.value
    } finally {
      await below.return?.()
    }
  }

  async write(batch: Batch): Promise<void> {
    await this.#above.write({ put: batch.put })
  }

  async close(): Promise<void> {
    await this.#above.close()
  }
}
