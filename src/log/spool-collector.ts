import { join } from 'node:path'
import { readFormat } from './format-file.js'
import { Ingest } from './ingest.js'
import { readEndSeq } from './lost-end.js'
import { Retention, type RetentionLimits } from './retention.js'
import { SegmentDirectory } from './segment-directory.js'
import { openSpoolDirectory, type SpoolSource } from './spool-source.js'
import type { SpoolStream } from './spool-stream.js'
import { isAlive } from './temporary-dir.js'
import type { LogWriter } from './writer.js'

/** A thread that is said to have ended may still flush its last words. */
const QUIET_MS = 250

/** Asking the system for each process costs microseconds; a dead one needs no hurry. */
const ASK_MS = 500

/** How long a reader gives events that wait for others, a little more than they get; and how often it looks. */
const CATCH_UP_MS = 1_200
const LOOK_MS = 50

/** Takes the spools of a recording directory into its log. Whoever has one must hold the collector's lock. */
export class SpoolCollector {
  readonly #source: SpoolSource
  readonly #segments: SegmentDirectory
  readonly #writer: LogWriter
  readonly #ingest: Ingest
  readonly #quiet = new Map<string, { size: number; since: number }>()
  readonly #asked = new Map<number, { readonly dead: boolean; readonly at: number }>()
  #endSeq: number

  private constructor(source: SpoolSource, segments: SegmentDirectory, writer: LogWriter, retention?: Retention) {
    this.#source = source
    this.#segments = segments
    this.#writer = writer
    this.#ingest = new Ingest(writer, source, retention ? { retention } : {})
    this.#endSeq = writer.endSeq
  }

  /** @throws DAMAGED when the log cannot be continued */
  static async open(recording: string, limits: RetentionLimits = {}): Promise<SpoolCollector> {
    const { startedAtUs } = readFormat(recording)
    const segments = new SegmentDirectory(recording)
    try {
      const source = openSpoolDirectory(join(recording, 'spool'))
      const waiting = new Set(source.list())
      const writer = await segments.open(startedAtUs, readEndSeq(recording) ?? 0, (path) => waiting.has(path))
      const limited = [limits.maxEvents, limits.maxBytes, limits.maxAgeUs].some((limit) => limit !== undefined)
      const retention = limited ? new Retention(writer, segments, limits, await segments.loadHeld()) : undefined
      return new SpoolCollector(source, segments, writer, retention)
    } catch (error) {
      await segments.close()
      throw error
    }
  }

  /** Number of seqs that are durable. */
  get endSeq(): number {
    return this.#endSeq
  }

  /** Bytes that stand in the spools and were not read. */
  get unread(): number {
    return this.#ingest.unread
  }

  /** Whether there were threads, and all of them have ended. */
  get allEnded(): boolean {
    return this.#writer.threads.length > 0 && this.#source.list().length === 0
  }

  /** Takes in what stands in the spools and removes those that are done. @returns whether there was anything */
  async take(): Promise<boolean> {
    for (const stream of this.#ingest.streams.values()) if (this.#hasEnded(stream)) stream.final = true
    return this.#pump(false)
  }

  /** Takes in what is left when nobody writes any more. */
  async finish(): Promise<void> {
    await this.#pump(true)
  }

  /** For a recording that nobody collects: takes in what stands in the spools now, and closes the books on it if every
   *  program that wrote it is dead. */
  async catchUp(): Promise<void> {
    await this.#pump(false)
    for (const until = Date.now() + CATCH_UP_MS; this.#ingest.waiting && Date.now() < until; ) {
      // What the dead wrote is all there, so nobody waits for more of it.
      for (const stream of this.#ingest.streams.values()) {
        const pid = stream.thread.processes.get(0)?.record?.pid
        if (pid !== undefined && this.#isDead(pid, Date.now())) stream.final = true
      }
      await this.#pump(false)
      if (this.#ingest.waiting) await new Promise((resolve) => setTimeout(resolve, LOOK_MS))
    }
    const pids = this.#writer.threads.map((thread) =>
      thread.row.done ? undefined : thread.processes.get(0)?.record?.pid,
    )
    if (!pids.some((pid) => pid !== undefined && isAlive(pid))) await this.#pump(true)
  }

  async close(): Promise<void> {
    this.#source.close()
    await this.#segments.close()
  }

  async #pump(final: boolean): Promise<boolean> {
    const more = await this.#ingest.pump(final)
    this.#endSeq = this.#writer.endSeq
    for (const { path, thread, unread } of this.#ingest.streams.values()) {
      if (!thread.row.done || unread > 0) continue
      this.#source.remove(path)
      this.#ingest.forget(path)
    }
    return more
  }

  #hasEnded({ path, thread, unread, frame }: SpoolStream): boolean {
    if (frame || unread > 0) {
      this.#quiet.delete(path)
      return false
    }
    const now = Date.now()
    const size = this.#source.size(path)
    const quiet = this.#quiet.get(path)
    if (quiet?.size !== size) {
      this.#quiet.set(path, { size, since: now })
      return false
    }
    if (now - quiet.since < QUIET_MS) return false
    const record = thread.processes.get(0)?.record
    if (!record) return false
    // Of a worker that has ended nothing but its own word, or its parent's, is known: its process lives on.
    const said = thread.row.ended !== null || this.#ingest.hasExited(path)
    return (said && record.type === 'worker') || this.#isDead(record.pid, now)
  }

  #isDead(pid: number, now: number): boolean {
    const known = this.#asked.get(pid)
    if (known && now - known.at < ASK_MS) return known.dead
    const dead = !isAlive(pid)
    this.#asked.set(pid, { dead, at: now })
    return dead
  }
}
