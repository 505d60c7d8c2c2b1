import { RetroscopeError } from '../errors.js'
import type { Batch, Entry, Range, WritableKeyValue } from './key-value.js'

/** Where a run of sorted keys is split: insertion moves at most this many. */
const RUN_LENGTH = 512

/** A sorted store that lives as long as its process. Keys and values are copied in; values that come out are the
 *  store's own and must not be changed. A put costs a binary search and a move of at most half a kilobyte of keys. */
export function openMemoryStore(): WritableKeyValue {
  return new MemoryStore()
}

/** Keys are held as strings of one character per byte, which JavaScript compares bytewise. */
class MemoryStore implements WritableKeyValue {
  readonly #values = new Map<string, Uint8Array | null>()
  readonly #keys = new SortedKeys()
  #closed = false

  async get(key: Uint8Array): Promise<Uint8Array | null | undefined> {
    this.#assertOpen()
    return this.#values.get(toText(key))
  }

  async *range(range: Range): AsyncGenerator<Entry> {
    this.#assertOpen()
    const entries = this.#keys.select(range).map((key) => ({ key: toBytes(key), value: this.#values.get(key) ?? null }))
    for (const entry of entries) {
      this.#assertOpen()
      yield entry
    }
  }

  async write(batch: Batch): Promise<void> {
    this.#assertOpen()
    for (const { key, value } of batch.put) this.#set(key, value.slice())
    for (const key of batch.lost ?? []) this.#set(key, null)
    for (const key of batch.del ?? []) {
      const text = toText(key)
      if (this.#values.delete(text)) this.#keys.remove(text)
    }
  }

  #set(key: Uint8Array, value: Uint8Array | null): void {
    const text = toText(key)
    if (!this.#values.has(text)) this.#keys.add(text)
    this.#values.set(text, value)
  }

  async close(): Promise<void> {
    this.#closed = true
  }

  #assertOpen(): void {
    if (this.#closed) throw new RetroscopeError('CLOSED', 'The store in memory was closed.')
  }
}

/** A sorted list of strings in runs, so that neither insertion nor removal moves more than one run. */
class SortedKeys {
  readonly #runs: string[][] = [[]]

  add(key: string): void {
    const at = this.#findRun(key)
    const run = this.#runs[at]!
    run.splice(countBelow(run, key), 0, key)
    if (run.length > RUN_LENGTH) {
      // An ascending fill leaves full runs behind it; splitting those in the middle would leave half-empty ones.
      const keep = run[run.length - 1] === key ? RUN_LENGTH : RUN_LENGTH >> 1
      this.#runs.splice(at + 1, 0, run.splice(keep))
    }
  }

  remove(key: string): void {
    const at = this.#findRun(key)
    const run = this.#runs[at]!
    run.splice(countBelow(run, key), 1)
    if (run.length === 0 && this.#runs.length > 1) this.#runs.splice(at, 1)
  }

  select(range: Range): string[] {
    const limit = range.limit === undefined || range.limit < 0 ? Number.POSITIVE_INFINITY : range.limit
    const inside = toBounds(range)
    const found: string[] = []
    const step = range.reverse === true ? -1 : 1
    let at = range.reverse === true ? this.#findRun(inside.top) : this.#findRun(inside.bottom)
    for (; at >= 0 && at < this.#runs.length; at += step) {
      const run = this.#runs[at]!
      for (let i = step > 0 ? 0 : run.length - 1; i >= 0 && i < run.length; i += step) {
        const key = run[i]!
        if (step > 0 ? inside.isAbove(key) : inside.isBelow(key)) return found
        if (inside.isBelow(key) || inside.isAbove(key)) continue
        if (found.length >= limit) return found
        found.push(key)
      }
    }
    return found
  }

  /** Index of the last run that starts at or below the key; 0 when none does. `undefined` is above everything. */
  #findRun(key: string | undefined): number {
    if (key === undefined) return this.#runs.length - 1
    let low = 0
    let high = this.#runs.length - 1
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if (this.#runs[middle]![0]! <= key) low = middle
      else high = middle - 1
    }
    return low
  }
}

interface Bounds {
  readonly bottom: string
  readonly top: string | undefined
  isBelow(key: string): boolean
  isAbove(key: string): boolean
}

function toBounds(range: Range): Bounds {
  const [gte, gt, lte, lt] = [range.gte, range.gt, range.lte, range.lt].map((key) => key && toText(key))
  return {
    bottom: gte ?? gt ?? '',
    top: lte ?? lt,
    isBelow: (key) => (gte !== undefined && key < gte) || (gt !== undefined && key <= gt),
    isAbove: (key) => (lte !== undefined && key > lte) || (lt !== undefined && key >= lt),
  }
}

function countBelow(run: readonly string[], key: string): number {
  let low = 0
  let high = run.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (run[middle]! < key) low = middle + 1
    else high = middle
  }
  return low
}

function toText(key: Uint8Array): string {
  return Buffer.from(key.buffer, key.byteOffset, key.byteLength).toString('latin1')
}

function toBytes(key: string): Uint8Array {
  const bytes = Buffer.from(key, 'latin1')
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
