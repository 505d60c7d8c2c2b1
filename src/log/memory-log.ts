import { Ingest } from './ingest.js'
import type { KeyValue } from './key-value.js'
import { openLogReader } from './log-reader.js'
import { openMemoryStore } from './memory-store.js'
import type { LogReader } from './reader.js'
import { toEmptyState } from './resume.js'
import { Retention, type RetentionLimits } from './retention.js'
import { SpoolMemory } from './spool-source.js'
import { LogWriter } from './writer.js'

/** The log of a scope that records into memory: takes sealed blocks and is up to date when `append` returns. */
export class MemoryLog {
  readonly #startedAtUs: number
  readonly #source = new SpoolMemory()
  readonly #stores: KeyValue[] = []
  readonly #writer: LogWriter
  readonly #ingest: Ingest

  /** @param limits `maxEvents` bounds what is held, process events and gaps aside */
  constructor(startedAtUs: number, limits: RetentionLimits) {
    this.#startedAtUs = startedAtUs
    const create = () => {
      const store = openMemoryStore()
      this.#stores.push(store)
      return store
    }
    const drop = () => {
      this.#stores.shift()
      return undefined
    }
    this.#writer = new LogWriter(create(), toEmptyState(startedAtUs), true)
    const retention = new Retention(this.#writer, { create, drop }, limits)
    this.#ingest = new Ingest(this.#writer, this.#source, { retention })
  }

  /** Number of seqs given so far. */
  get endSeq(): number {
    return this.#writer.endSeq
  }

  /** Takes bytes of a thread's spool: its magic once, then sealed blocks. They belong to the log from here on. */
  append(path: string, bytes: Uint8Array): void {
    this.#source.append(path, bytes)
    this.#ingest.takeNow()
  }

  /** A reader on what was appended so far; its `refresh` takes in what came since. */
  open(): Promise<LogReader> {
    // Dropped segments stay with the readers that hold them until their next refresh.
    return openLogReader(
      async () => ({ stores: [...this.#stores], damage: [], close: async () => {} }),
      this.#startedAtUs,
    )
  }
}
