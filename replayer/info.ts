import type { Event, EventKind, EventOf } from '../src/events.js'
import { type Seq, toSeq } from '../src/ids.js'
import type { LogReader, ProcessInfo, ThreadInfo } from '../src/log/reader.js'
import { toErrorText } from './event-text.js'
import { listTaped, type TapedThread } from './program/taped-threads.js'
import type { RecordingInfo, SessionInfo } from './recording.js'
import { loadEndUs, toIso } from './timeline.js'

/** What the place of a recording says about it, whatever its events say. */
export interface Origin {
  readonly path: string | null
  readonly form: RecordingInfo['form']
  readonly format: number
  readonly command: readonly string[] | null
  /** What it takes on disk; null in memory. */
  toBytes(): number | null
  /** Whether someone may still be writing it. */
  isRunning(): boolean
  /** Has a live scope hand on what it recorded. */
  flush?(): void
}

interface Tally {
  readonly counts: Readonly<Record<EventKind, number>>
  readonly deliveries: Map<string, number>
  readonly opened: Map<string, string>
  readonly unrecorded: string[]
  crash: EventOf<'process'> | undefined
  exit: EventOf<'process'> | undefined
}

/** Says what a recording is. Cost: one pass over its chunks, which decodes the few events that tell its life. */
export async function loadInfo(
  log: LogReader,
  origin: Origin,
  onProgress?: (seq: number) => void,
): Promise<RecordingInfo> {
  const tally = await tallyEvents(log, await log.counts(onProgress))
  const sessions = listSessions(log.processes(), tally)
  const taped = await listTaped(log)
  return {
    path: origin.path,
    form: origin.form,
    format: origin.format,
    command: origin.command,
    startedAt: toIso(log.startedAtUs),
    durationUs: await loadEndUs(log),
    events: log.endSeq - log.firstSeq,
    firstSeq: log.firstSeq,
    bytes: origin.toBytes(),
    counts: tally.counts,
    threads: log.threads(),
    processes: log.processes(),
    gaps: log.gaps(),
    fidelity: taped.some(({ unfed, torn }) => unfed.length === 0 && !torn) ? 'replayable' : 'observed',
    fidelityNotes: [...listTapeNotes(taped), ...listUntaped(log, taped, tally), ...listNotes(log, tally, sessions)],
    sources: await countSources(log),
    sessions,
    derived: 0,
    end: toEnd(log.threads(), tally, origin.isRunning()),
  }
}

async function countSources(log: LogReader): Promise<RecordingInfo['sources']> {
  const [paths, sizes] = [new Set<string>(), new Map<string, number>()]
  for await (const { path, hash, size } of log.sources()) {
    paths.add(path)
    sizes.set(hash, size)
  }
  let [bytes, missing] = [0, 0]
  for (const [hash, size] of sizes) {
    bytes += size
    if (!(await log.source(hash))) missing++
  }
  return { files: paths.size, contents: sizes.size, bytes, missing }
}

async function tallyEvents(log: LogReader, counts: Tally['counts']): Promise<Tally> {
  const tally: Tally = {
    counts,
    deliveries: new Map(),
    opened: new Map(),
    unrecorded: [],
    crash: undefined,
    exit: undefined,
  }
  // Only the deliveries of sessions are counted one by one.
  const sessions = log.processes().filter(({ session }) => session !== null)
  for await (const event of log.events({ kinds: ['process'] })) tallyEvent(tally, event)
  if (sessions.length === 0) return tally
  for await (const event of log.events({ kinds: ['delivery'], subjects: sessions })) tallyEvent(tally, event)
  return tally
}

function tallyEvent(tally: Tally, event: Event): void {
  const key = `${event.thread}.${event.subject}`
  if (event.kind === 'delivery') tally.deliveries.set(key, (tally.deliveries.get(key) ?? 0) + 1)
  if (event.kind !== 'process') return
  if (event.body.op === 'crash') tally.crash = event
  if (event.body.op === 'exit' && event.subject === 0 && event.thread === 0) tally.exit = event
  if (event.body.op === 'observed' && !tally.opened.has(key)) tally.opened.set(key, event.body.call)
  if (event.body.op === 'child' && event.body.unrecorded) {
    tally.unrecorded.push(`${event.body.command}: ${event.body.unrecorded}`)
  }
}

function listSessions(processes: readonly ProcessInfo[], tally: Tally): SessionInfo[] {
  return processes.flatMap((process) => {
    if (!process.session) return []
    const key = `${process.thread}.${process.subject}`
    const opened = tally.opened.get(key) ?? null
    return {
      name: process.name,
      pid: process.pid,
      module: process.session.module,
      fidelity: opened === null ? ('replayable' as const) : ('observed' as const),
      deliveries: tally.deliveries.get(key) ?? 0,
      opened,
    }
  })
}

/** Which threads can be run again as a whole, and why others can't. */
function listTapeNotes(taped: readonly TapedThread[]): string[] {
  if (taped.length === 0) {
    return ["the program's own inputs were not recorded: its state can be looked at, its sessions re-executed"]
  }
  return taped.flatMap(({ thread, head, unfed, assumed, torn }) => {
    if (torn) return `thread ${thread.path} misses events: it can only be looked at`
    const notes = [
      unfed.length === 0
        ? `thread ${thread.path} can be run again, under Node ${head.node}`
        : `thread ${thread.path} used ${unfed.join(', ')}, which is not fed: it can only be looked at`,
    ]
    if (assumed.length > 0) {
      notes.push(`thread ${thread.path} used ${assumed.join(', ')}: not known, what it answered is recorded`)
    }
    return notes
  })
}

/** Threads of which nothing could be taped, and why. */
function listUntaped(log: LogReader, taped: readonly TapedThread[], { opened }: Tally): string[] {
  return log.threads().flatMap(({ no, path }) => {
    const met = opened.get(`${no}.0`)
    if (met === undefined || taped.some(({ thread }) => thread.no === no)) return []
    return `thread ${path} used ${met}, which is not fed: it can only be looked at`
  })
}

/** What else its reader has to know. */
function listNotes(log: LogReader, tally: Tally, sessions: readonly SessionInfo[]): string[] {
  const notes: string[] = []
  for (const { name, opened } of sessions) {
    if (opened !== null) notes.push(`session ${name} reached outside by ${opened}: it can only be looked at`)
  }
  for (const child of tally.unrecorded) notes.push(`not recorded: ${child}`)
  if (log.firstSeq > 0) notes.push(`events before ${log.firstSeq} were pruned`)
  const gaps = log.gaps()
  if (gaps.length > 0) notes.push(`events are missing in ${gaps.length} ${gaps.length === 1 ? 'place' : 'places'}`)
  return notes
}

function toEnd(threads: readonly ThreadInfo[], tally: Tally, running: boolean): RecordingInfo['end'] {
  const { crash, exit } = tally
  if (crash?.body.op === 'crash') {
    const { reason, error } = crash.body
    return { kind: 'crash', detail: error ? `${reason}: ${toErrorText(error)}` : reason, seq: crash.seq }
  }
  if (exit?.body.op === 'exit') {
    const { code, signal, reason } = exit.body
    if (reason === 'stopped') return { kind: 'exit', detail: 'the program stopped recording', seq: exit.seq }
    const how = signal ? `on ${signal}` : `with code ${code ?? 'unknown'}`
    return { kind: signal ? 'killed' : 'exit', detail: reason ? `${how}: ${reason}` : how, seq: exit.seq }
  }
  const main = threads[0]
  if (running || !main) return { kind: 'running', detail: 'it has not ended yet', seq: null }
  if (main.ended === 'exit') return { kind: 'exit', detail: 'it ended by itself', seq: lastOf(main) }
  return {
    kind: 'killed',
    detail: 'nothing says how it ended: it was killed, or the recorder was stopped',
    seq: lastOf(main),
  }
}

function lastOf(thread: ThreadInfo): Seq {
  return toSeq(thread.lastSeq)
}
