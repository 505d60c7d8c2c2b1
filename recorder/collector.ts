import { type FSWatcher, mkdirSync, watch } from 'node:fs'
import { join } from 'node:path'
import { type CollectorLock, lockCollector } from '../src/log/collector-lock.js'
import type { RetentionLimits } from '../src/log/retention.js'
import { SpoolCollector } from '../src/log/spool-collector.js'

/** Where the file system's word does not come, or came too early. */
const POLL_MS = 100

/** One write of the program's is often followed by another. As long as each look finds something, the next is twice as far
 *  off: a commit for 600 events costs a quarter of what it costs, event by event, for 5 (and both are of the program's CPU
 *  where cores are few). */
const GATHER_MS = { first: 10, last: 160 } as const

export interface CollectorOptions extends RetentionLimits {
  /** End when every thread that wrote has ended. Else `stop` ends it. */
  readonly untilEnded?: boolean
}

export interface Collector {
  /** Fulfilled when it has ended and the log is closed; rejected with what made it end. */
  readonly done: Promise<void>
  /** Takes in what is left, as if nobody wrote any more, and ends. */
  stop(): Promise<void>
  /** The last seq that is durable; −1 before the first. */
  readonly lastSeq: number
  /** Bytes that the threads have written and that are not taken in. */
  readonly unread: number
}

/** Collects a recording: follows its spools into its log until it is stopped.
 *  @throws LOCKED naming the collector that has it; NO_PERMISSION; DAMAGED when its log cannot be continued */
export async function startCollector(recording: string, options: CollectorOptions = {}): Promise<Collector> {
  const lock = await lockCollector(recording)
  try {
    return new FollowingCollector(recording, lock, await SpoolCollector.open(recording, options), options)
  } catch (error) {
    await lock.release()
    throw error
  }
}

class FollowingCollector implements Collector {
  readonly done: Promise<void>
  readonly #lock: CollectorLock
  readonly #spools: SpoolCollector
  readonly #untilEnded: boolean
  readonly #dir: string
  #watcher: FSWatcher | undefined
  #gatherMs: number = GATHER_MS.first
  #wake: () => void = () => {}
  #stopping = false

  constructor(recording: string, lock: CollectorLock, spools: SpoolCollector, options: CollectorOptions) {
    this.#lock = lock
    this.#spools = spools
    this.#untilEnded = options.untilEnded === true
    this.#dir = join(recording, 'spool')
    mkdirSync(this.#dir, { recursive: true, mode: 0o700 })
    this.done = this.#follow()
    // Whoever asks gets the error; nobody has to ask.
    this.done.catch(() => {})
  }

  get lastSeq(): number {
    return this.#spools.endSeq - 1
  }

  get unread(): number {
    return this.#spools.unread
  }

  stop(): Promise<void> {
    this.#stopping = true
    this.#wake()
    return this.done
  }

  async #follow(): Promise<void> {
    try {
      while (!this.#stopping) {
        const isBusy = await this.#spools.take()
        if (this.#untilEnded && this.#spools.allEnded) break
        if (!this.#stopping) await (isBusy ? this.#gather() : this.#wait())
      }
      await this.#spools.finish()
    } finally {
      this.#watcher?.close()
      await this.#spools.close().finally(() => this.#lock.release(this.#spools.endSeq))
    }
  }

  /** Nobody watches meanwhile: to be woken by each write costs more than to look. */
  async #gather(): Promise<void> {
    this.#watcher?.close()
    this.#watcher = undefined
    await this.#sleep(this.#gatherMs)
    this.#gatherMs = Math.min(this.#gatherMs * 2, GATHER_MS.last)
  }

  /** Until something was written, or it is time to look again. */
  async #wait(): Promise<void> {
    this.#gatherMs = GATHER_MS.first
    this.#watcher ??= this.#watch()
    await this.#sleep(POLL_MS)
    if (!this.#stopping) await this.#sleep(GATHER_MS.first)
  }

  async #sleep(ms: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms)
      this.#wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
    this.#wake = () => {}
  }

  #watch(): FSWatcher | undefined {
    try {
      const watcher = watch(this.#dir, () => this.#wake())
      return watcher.on('error', () => watcher.close())
    } catch {
      // Polling does it alone where the system has no watches left.
      return undefined
    }
  }
}
