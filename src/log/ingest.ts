import { toKind } from '../spool/format.js'
import type { Retention } from './retention.js'
import type { SpoolSource } from './spool-source.js'
import { SpoolStream } from './spool-stream.js'
import { Waits } from './waits.js'
import type { LogWriter } from './writer.js'

/** A commit is due when this much waits: enough to fill LevelDB's write buffer a few times a second, little enough to
 *  keep memory small. */
const COMMIT_BYTES = 4 * 1024 * 1024

export interface IngestOptions {
  readonly retention?: Retention
  /** Milliseconds of a clock, for how long events wait. */
  readonly now?: () => number
}

/** Takes spools into the log: merges threads by time, holds back what must follow something that has not come, marks
 *  what is damaged. One at a time per log. */
export class Ingest {
  readonly #writer: LogWriter
  readonly #source: SpoolSource
  readonly #streams = new Map<string, SpoolStream>()
  readonly #waits: Waits

  readonly #retention: Retention | undefined

  constructor(writer: LogWriter, source: SpoolSource, options: IngestOptions = {}) {
    this.#writer = writer
    this.#source = source
    this.#retention = options.retention
    this.#waits = new Waits(writer, this.#streams, options.now ?? Date.now)
  }

  get streams(): ReadonlyMap<string, SpoolStream> {
    return this.#streams
  }

  /** Takes in everything that stands in the spools, but what waits, and commits it.
   *  @param final whether nobody writes any more: nothing waits then, and what is torn is dropped
   *  @returns whether there was anything */
  async pump(final = false): Promise<boolean> {
    const before = this.#writer.endSeq
    this.#findSpools()
    if (final) for (const stream of this.#streams.values()) stream.final = true
    let writing: Promise<void> | undefined
    while (this.#takeNext(final)) {
      await this.#retention?.settle()
      if (this.#writer.waitingBytes < COMMIT_BYTES) continue
      const previous = writing
      writing = this.#writer.commit()
      await previous
    }
    this.#finishEnded()
    await writing
    if (this.#writer.dirty) await this.#writer.commit()
    return this.#writer.endSeq > before
  }

  /** The same without giving way, into stores that write at once. */
  takeNow(): void {
    this.#findSpools()
    while (this.#takeNext(false)) void this.#retention?.settle()
    if (this.#writer.dirty) void this.#writer.commit()
  }

  /** Whether anything waits for an event that has not come. */
  get waiting(): boolean {
    for (const stream of this.#streams.values()) if (stream.frame) return true
    return false
  }

  /** Bytes that stand in the spools and were not read. */
  get unread(): number {
    let bytes = 0
    for (const stream of this.#streams.values()) bytes += stream.unread
    return bytes
  }

  /** Whether a parent saw that thread's end. */
  hasExited(path: string): boolean {
    return this.#waits.hasExited(path)
  }

  /** The spool is gone. */
  forget(path: string): void {
    this.#streams.delete(path)
  }

  #takeNext(final: boolean): boolean {
    const stream = this.#choose(final)
    if (stream) this.#take(stream)
    return stream !== undefined
  }

  /** Closes the books on streams whose threads have ended. */
  #finishEnded(): void {
    for (const stream of this.#streams.values()) if (stream.final) this.#finish(stream)
    this.#writer.flush()
  }

  #findSpools(): void {
    for (const path of this.#source.list()) {
      if (!this.#streams.has(path)) this.#streams.set(path, new SpoolStream(path, this.#source, this.#writer))
    }
  }

  /** The stream whose next event is the earliest of those that need not wait. */
  #choose(final: boolean): SpoolStream | undefined {
    let first: SpoolStream | undefined
    let limit = Number.POSITIVE_INFINITY
    let waiting: SpoolStream | undefined
    for (const stream of this.#streams.values()) {
      if (!stream.fill()) continue
      const { timeUs } = stream
      if (this.#streams.size > 1 && this.#waits.mustWait(stream)) {
        if (!waiting || timeUs < waiting.timeUs) waiting = stream
      } else if (!first || timeUs < first.timeUs) {
        limit = Math.min(limit, first?.timeUs ?? limit)
        first = stream
      } else limit = Math.min(limit, timeUs)
    }
    this.#limit = waiting ? Number.NEGATIVE_INFINITY : limit
    if (first || !final || !waiting) return first
    this.#waits.release(waiting)
    return waiting
  }

  /** Until this time the chosen stream needs no comparing; −∞ while another waits for what it may hold. */
  #limit = 0

  #take(stream: SpoolStream): void {
    const { thread } = stream
    const single = this.#streams.size === 1
    let room = this.#retention?.room ?? Number.POSITIVE_INFINITY
    do {
      const frame = stream.frame!
      if (stream.ordinal > thread.row.ordinal) this.#fillHole(stream)
      if (toKind(frame.kindCode) === undefined) {
        // An event of a newer version: counted, so that ordinals stay right, and shown as a gap.
        this.#writer.appendGap(thread, stream.timeUs, { reason: 'damaged', count: 1, detail: `kind ${frame.kindCode}` })
      } else {
        const late = !single && this.#waits.isLate(stream)
        this.#writer.append(thread, frame, stream.origin, late)
        if (!single) this.#waits.taken(stream)
      }
      stream.advance()
    } while (
      --room > 0 &&
      stream.frame !== undefined &&
      stream.timeUs <= this.#limit &&
      (single || !this.#waits.mustWait(stream))
    )
  }

  #fillHole(stream: SpoolStream): void {
    const { row } = stream.thread
    // Where nothing is damaged, the writer lost events and its gap came just before.
    if (stream.damagedBytes > 0) {
      const count = stream.ordinal - row.ordinal
      const detail = `${stream.damagedBytes} bytes of spool ${stream.path}`
      this.#writer.appendGap(stream.thread, stream.timeUs, { reason: 'damaged', count, detail })
    }
    stream.damagedBytes = 0
    row.ordinal = stream.ordinal
    row.turns = stream.turns
  }

  #finish(stream: SpoolStream): void {
    const { row } = stream.thread
    if (row.done || stream.frame) return
    if (stream.damagedBytes > 0) {
      const detail = `${stream.damagedBytes} bytes at the end of spool ${stream.path}`
      this.#writer.appendGap(stream.thread, this.#writer.maxTimeUs, { reason: 'damaged', count: null, detail })
      stream.damagedBytes = 0
    }
    row.done = true
    stream.thread.dirty = true
  }
}
