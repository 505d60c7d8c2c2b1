import { RetroscopeError } from '../src/errors.js'
import type { Event } from '../src/events.js'
import { type Seq, type ThreadNo, toSeq } from '../src/ids.js'
import type { GapInfo, LogQuery, LogReader, ProcessInfo, StateAnswer, ThreadInfo } from '../src/log/reader.js'
import { followCauses } from './causes.js'
import { MergedLog } from './derived/merged-log.js'
import { diffStates } from './diff.js'
import { type EventName, toEventMoment } from './event-names.js'
import { toText } from './event-text.js'
import { readHistory } from './history.js'
import { loadInfo, type Origin } from './info.js'
import { findPartner } from './pairs.js'
import { toPlace } from './places.js'
import { findContainer, findProcess } from './processes.js'
import { TapeNames } from './program/tape-names.js'
import type {
  DiffAnswer,
  EventQuery,
  HistoryEntry,
  MomentInput,
  MomentOptions,
  ProcessInput,
  Recording,
  RecordingInfo,
  ThreadInput,
  WhyAnswer,
  WhyLink,
} from './recording.js'
import { loadStateAt } from './states.js'
import { findThread } from './threads.js'
import { resolveMoment } from './timeline.js'
import { explain } from './why.js'

/** Every question over one log, whatever store it stands in. */
export class LogRecording implements Recording {
  /** Numbers derived events among the recorded ones; what goes out is named as people name it. */
  readonly #log: LogReader
  /** The recorded ones alone. */
  readonly #recorded: LogReader
  readonly #origin: Origin
  readonly #tapes: TapeNames
  #closed = false

  constructor(log: LogReader, origin: Origin) {
    this.#log = log
    this.#recorded = log instanceof MergedLog ? log.base : log
    this.#origin = origin
    this.#tapes = new TapeNames(this.#recorded)
  }

  async info(onProgress?: (seq: number) => void): Promise<RecordingInfo> {
    this.#open()
    const info = await loadInfo(this.#recorded, this.#origin, onProgress)
    return { ...info, processes: this.getProcesses(), derived: this.#log.endSeq - this.#recorded.endSeq }
  }

  getSpan(): { readonly firstSeq: Seq; readonly endSeq: number } {
    this.#open()
    const { firstSeq, endSeq } = this.#recorded
    return { firstSeq, endSeq }
  }

  getThreads(): readonly ThreadInfo[] {
    this.#open()
    return this.#recorded.threads()
  }

  getProcesses(): readonly ProcessInfo[] {
    return this.#open()
      .processes()
      .map((process) => this.#toOuter(process))
  }

  getDerivedThreads(): readonly ThreadNo[] {
    const log = this.#open()
    return log instanceof MergedLog ? log.derivedThreads : []
  }

  getGaps(): readonly GapInfo[] {
    this.#open()
    return this.#recorded.gaps()
  }

  isRunning(): boolean {
    return this.#origin.isRunning()
  }

  async *events(query: EventQuery = {}): AsyncGenerator<Event> {
    const log = this.#open()
    const wanted = query.match?.toLowerCase()
    let left = query.limit ?? Number.POSITIVE_INFINITY
    if (left <= 0 || log.endSeq <= log.firstSeq) return
    const names = new Map(log.processes().map(({ pid, name }) => [pid, name]))
    // Without a text to look for no more is read than is asked for.
    const limit = wanted === undefined && Number.isFinite(left) ? { limit: left } : {}
    for await (const batch of log.batches({ ...(await this.#toLogQuery(query)), ...limit })) {
      for (const raw of batch) {
        const named = raw.kind === 'delivery' || raw.kind === 'values' ? await this.#tapes.name(raw) : raw
        const event = this.#name(named)
        if (wanted !== undefined && !toSearchText(names, event).includes(wanted)) continue
        yield event
        if (--left <= 0) return
      }
    }
  }

  async resolve(moment: MomentInput, options?: MomentOptions): Promise<EventName> {
    return toEventMoment(this.#log.position(await this.#find(moment, options)))
  }

  async move(from: MomentInput, by: number): Promise<EventName> {
    const { firstSeq, endSeq } = this.#open()
    const to = Math.min(Math.max((await this.#find(from)) + by, firstSeq), endSeq - 1)
    return toEventMoment(this.#log.position(toSeq(to)))
  }

  async event(moment: MomentInput): Promise<Event> {
    return this.#name(await this.#load(await this.#find(moment)))
  }

  async process(input: ProcessInput): Promise<ProcessInfo> {
    return this.#toOuter(findProcess(this.#open(), input))
  }

  async stateAt(container: ProcessInput, moment: MomentInput = 'end'): Promise<StateAnswer> {
    const found = findContainer(this.#open(), container)
    const answer = await loadStateAt(this.#log, found, await this.#find(moment))
    return answer.ok ? { ...answer, ...this.#log.position(answer.seq) } : answer
  }

  async diff(container: ProcessInput, from: MomentInput, to: MomentInput): Promise<DiffAnswer> {
    const found = findContainer(this.#open(), container)
    return diffStates(this.#log, found, await this.#find(from), await this.#find(to))
  }

  async *history(
    container: ProcessInput,
    query: Parameters<Recording['history']>[1] = {},
  ): AsyncGenerator<HistoryEntry> {
    const found = findContainer(this.#open(), container)
    const entries = readHistory(this.#log, found, {
      pointer: query.path === undefined ? undefined : toPlace(query.path),
      from: await this.#toEdge(query.from, 'first'),
      to: await this.#toEdge(query.to, 'last'),
      reverse: query.reverse,
      limit: query.limit,
      values: query.values !== false || query.path !== undefined,
    })
    for await (const entry of entries) yield this.#name(entry)
  }

  async why(container: ProcessInput, pointer: string, query: { readonly at?: MomentInput } = {}): Promise<WhyAnswer> {
    const found = findContainer(this.#open(), container)
    const answer = await explain(this.#log, found, toPlace(pointer), await this.#find(query.at ?? 'end'))
    if (!answer.ok) return answer
    return {
      ...answer,
      container: this.#toOuter(answer.container),
      chain: this.#nameLinks(answer.chain),
      equal: answer.equal.map((place) => this.#name(place)),
    }
  }

  async causes(moment: MomentInput): Promise<readonly WhyLink[]> {
    const chain = await followCauses(this.#open(), await this.#load(await this.#find(moment)), 'this event')
    return this.#nameLinks(chain.links)
  }

  async partner(moment: MomentInput): Promise<Event | undefined> {
    const found = await findPartner(this.#open(), await this.#load(await this.#find(moment)))
    return found && this.#name(found)
  }

  async refresh(): Promise<boolean> {
    const log = this.#open()
    this.#origin.flush?.()
    return log.refresh()
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    await this.#log.close()
  }

  #open(): LogReader {
    if (this.#closed) throw new RetroscopeError('CLOSED', 'The recording was closed.')
    return this.#log
  }

  async #find(moment: MomentInput, options?: MomentOptions): Promise<Seq> {
    return resolveMoment(this.#open(), moment, options)
  }

  /** What goes out has the names that people use. */
  #name<T extends { readonly seq: Seq }>(placed: T): T {
    return this.#log === this.#recorded ? placed : { ...placed, ...this.#log.position(placed.seq) }
  }

  #nameLinks(links: readonly WhyLink[]): readonly WhyLink[] {
    return links.map((link) => ({ ...link, event: this.#name(link.event) }))
  }

  #toOuter(process: ProcessInfo): ProcessInfo {
    if (this.#log === this.#recorded) return process
    const { spawnedAt, endedAt } = process
    return {
      ...process,
      spawnedAt: this.#log.position(spawnedAt).seq,
      endedAt: endedAt === null ? null : this.#log.position(endedAt).seq,
    }
  }

  async #load(seq: Seq): Promise<Event> {
    const event = await this.#log.find(seq)
    if (event) return this.#tapes.name(event)
    throw new RetroscopeError('DAMAGED', `Event ${seq} cannot be read.`, {
      hint: 'The rest of the recording can: retroscope verify says what is damaged.',
    })
  }

  async #toLogQuery(query: EventQuery): Promise<LogQuery> {
    const log = this.#log
    const { thread } = query
    return {
      from: await this.#toEdge(query.from, 'first', thread),
      to: await this.#toEdge(query.to, 'last', thread),
      ...(query.kinds ? { kinds: query.kinds } : {}),
      ...(query.process === undefined ? {} : { subjects: [findProcess(log, query.process)] }),
      ...(thread === undefined ? {} : { thread: findThread(log, thread).no }),
      ...(query.reverse === undefined ? {} : { reverse: query.reverse }),
    }
  }

  async #toEdge(moment: MomentInput | undefined, edge: 'first' | 'last', thread?: ThreadInput): Promise<Seq> {
    if (moment !== undefined) return resolveMoment(this.#log, moment, { edge, thread })
    return edge === 'first' ? this.#log.firstSeq : toSeq(Math.max(this.#log.firstSeq, this.#log.endSeq - 1))
  }
}

function toSearchText(names: ReadonlyMap<string, string>, event: Event): string {
  return `${event.kind} ${names.get(event.pid) ?? event.pid} ${toText(event)}`.toLowerCase()
}
