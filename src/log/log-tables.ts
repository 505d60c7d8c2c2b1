import { RetroscopeError } from '../errors.js'
import type { EventBodies } from '../events.js'
import { isThreadPath, type Pid, toPid } from '../ids.js'
import type { KeyValue } from './key-value.js'
import type { GapInfo, ProcessInfo, ThreadInfo } from './reader.js'
import { toTableRange } from './resume.js'
import { decodeRow, type GapRow, type LogRow, type ProcessRow, TABLE, type ThreadRow } from './tables.js'

/** Threads, processes and gaps of a log, as its last segment tells them. */
export class LogTables {
  readonly startedAtUs: number
  readonly threads: readonly ThreadInfo[]
  readonly processes: readonly ProcessInfo[]
  readonly gaps: readonly GapInfo[]
  /** Rows that cannot be read. */
  readonly damaged: number
  readonly offsets: ReadonlyMap<string, number>
  /** Lives of each process, by its thread and its number there. */
  readonly #bySubject = new Map<number, Map<number, Life[]>>()
  readonly #gapBySeq = new Map<number, EventBodies['gap']>()

  private constructor(log: LogRow, threads: ThreadRow[], processes: ProcessRow[], gaps: GapRow[]) {
    this.startedAtUs = log.startedAtUs
    this.damaged = log.threads - threads.length + log.processes - processes.length + log.gaps - gaps.length
    this.offsets = new Map(threads.map((row) => [row.path, row.offset]))
    for (const row of processes) this.#add(row)
    this.threads = withProcessEnds(
      threads.map((row) => toThreadInfo(row, this.#bySubject.get(row.no)?.get(0)?.[0]?.row)),
    )
    this.processes = processes.map(toProcessInfo)
    this.gaps = gaps.map(toGapInfo)
    for (const gap of gaps) this.#gapBySeq.set(gap.from, toGapBody(gap))
  }

  static async load(store: KeyValue, log: LogRow): Promise<LogTables> {
    return new LogTables(
      log,
      await loadReadable<ThreadRow>(store, TABLE.thread),
      await loadReadable<ProcessRow>(store, TABLE.process),
      await loadReadable<GapRow>(store, TABLE.gap),
    )
  }

  getPid(thread: number, subject: number, seq: number): Pid {
    const lives = this.#bySubject.get(thread)?.get(subject)
    if (!lives) return toPid(thread, subject, 0)
    for (let at = lives.length - 1; at > 0; at--) if (lives[at]!.row.spawnedAt <= seq) return lives[at]!.pid
    return lives[0]!.pid
  }

  #add(row: ProcessRow): void {
    const { thread, subject, incarnation } = row
    let subjects = this.#bySubject.get(thread)
    if (!subjects) {
      subjects = new Map()
      this.#bySubject.set(thread, subjects)
    }
    const life = { row, pid: toPid(thread, subject, incarnation) }
    const lives = subjects.get(subject)
    if (lives) lives.push(life)
    else subjects.set(subject, [life])
  }

  findGap(seq: number): EventBodies['gap'] | undefined {
    return this.#gapBySeq.get(seq)
  }
}

interface Life {
  readonly row: ProcessRow
  readonly pid: Pid
}

async function loadReadable<T>(store: KeyValue, table: string): Promise<T[]> {
  const rows: T[] = []
  for await (const { value } of store.range(toTableRange(table))) {
    const row = decodeRow<T>(value)
    if (row) rows.push(row)
  }
  return rows
}

function toThreadInfo(row: ThreadRow, process: ProcessRow | undefined): ThreadInfo {
  // It becomes part of file names.
  if (!isThreadPath(row.path)) {
    throw new RetroscopeError('DAMAGED', `The recording has a thread ${JSON.stringify(row.path)}, which is no path.`)
  }
  return {
    no: row.no as never,
    path: row.path,
    record: process?.record ?? null,
    firstSeq: row.firstSeq as never,
    lastSeq: row.lastSeq as never,
    events: row.events,
    turns: row.turns,
    ended: row.ended,
  }
}

/** A worker whose process has ended goes with it, without a word of its own. */
function withProcessEnds(threads: readonly ThreadInfo[]): readonly ThreadInfo[] {
  const byPath = new Map<string, ThreadInfo>(threads.map((thread) => [thread.path, thread]))
  return threads.map((thread) => {
    if (thread.ended !== null || thread.record?.type !== 'worker') return thread
    const main = findMain(thread.path, thread.record.pid, byPath)
    return main && isProcessOver(main) ? { ...thread, ended: 'killed' } : thread
  })
}

function findMain(path: string, pid: number, byPath: ReadonlyMap<string, ThreadInfo>): ThreadInfo | undefined {
  for (let at = path.lastIndexOf('.'); at > 0; at = path.lastIndexOf('.', at - 1)) {
    const above = byPath.get(path.slice(0, at))
    if (above?.record?.pid === pid && above.record.type === 'main') return above
  }
  return undefined
}

/** In the library the exit of a main thread may be that of its scope alone, which was stopped. */
function isProcessOver({ ended, record }: ThreadInfo): boolean {
  return ended === 'exit' ? record?.preload === true : ended !== null
}

function toProcessInfo(row: ProcessRow): ProcessInfo {
  return {
    thread: row.thread as never,
    subject: row.subject as never,
    pid: toPid(row.thread, row.subject, row.incarnation),
    name: row.name,
    type: row.type,
    adapter: row.adapter,
    channel: row.channel,
    session: row.session,
    within: row.within as never,
    spawnedAt: row.spawnedAt as never,
    endedAt: row.endedAt as never,
    container: row.container,
  }
}

function toGapBody(row: GapRow): EventBodies['gap'] {
  return { reason: row.reason, count: row.count, ...(row.detail === undefined ? {} : { detail: row.detail }) }
}

function toGapInfo(row: GapRow): GapInfo {
  return { ...toGapBody(row), from: row.from as never, to: row.to as never }
}
