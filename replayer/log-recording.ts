import { RetroscopeError } from '../src/errors.js'
import type { Event } from '../src/events.js'
import { type Seq, toSeq } from '../src/ids.js'
import type { GapInfo, LogQuery, LogReader, ProcessInfo, StateAnswer, ThreadInfo } from '../src/log/reader.js'
import { followCauses } from './causes.js'
import { diffStates } from './diff.js'
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
  readonly #log: LogReader
  readonly #origin: Origin
  readonly #tapes: TapeNames
  #closed = false

  constructor(log: LogReader, origin: Origin) {
    this.#log = log
    this.#origin = origin
    this.#tapes = new TapeNames(log)
  }

  async info(onProgress?: (seq: number) => void): Promise<RecordingInfo> {
    return loadInfo(this.#open(), this.#origin, onProgress)
  }

  getSpan(): { readonly firstSeq: Seq; readonly endSeq: number } {
    const { firstSeq, endSeq } = this.#open()
    return { firstSeq, endSeq }
  }

  getThreads(): readonly ThreadInfo[] {
    return this.#open().threads()
  }

  getProcesses(): readonly ProcessInfo[] {
    return this.#open().processes()
  }

  getGaps(): readonly GapInfo[] {
    return this.#open().gaps()
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
        const event = raw.kind === 'delivery' || raw.kind === 'values' ? await this.#tapes.name(raw) : raw
        if (wanted !== undefined && !toSearchText(names, event).includes(wanted)) continue
        yield event
        if (--left <= 0) return
      }
    }
  }

  async resolve(moment: MomentInput, options?: MomentOptions): Promise<Seq> {
    return resolveMoment(this.#open(), moment, options)
  }

  async event(moment: MomentInput): Promise<Event> {
    return this.#load(await this.resolve(moment))
  }

  async process(input: ProcessInput): Promise<ProcessInfo> {
    return findProcess(this.#open(), input)
  }

  async stateAt(container: ProcessInput, moment: MomentInput = 'end'): Promise<StateAnswer> {
    const found = findContainer(this.#open(), container)
    return loadStateAt(this.#log, found, await this.resolve(moment))
  }

  async diff(container: ProcessInput, from: MomentInput, to: MomentInput): Promise<DiffAnswer> {
    const found = findContainer(this.#open(), container)
    return diffStates(this.#log, found, await this.resolve(from), await this.resolve(to))
  }

  async *history(
    container: ProcessInput,
    query: Parameters<Recording['history']>[1] = {},
  ): AsyncGenerator<HistoryEntry> {
    const found = findContainer(this.#open(), container)
    yield* readHistory(this.#log, found, {
      pointer: query.path === undefined ? undefined : toPlace(query.path),
      from: await this.#toEdge(query.from, 'first'),
      to: await this.#toEdge(query.to, 'last'),
      reverse: query.reverse,
      limit: query.limit,
      values: query.values !== false || query.path !== undefined,
    })
  }

  async why(container: ProcessInput, pointer: string, query: { readonly at?: MomentInput } = {}): Promise<WhyAnswer> {
    const found = findContainer(this.#open(), container)
    return explain(this.#log, found, toPlace(pointer), await this.resolve(query.at ?? 'end'))
  }

  async causes(moment: MomentInput): Promise<readonly WhyLink[]> {
    const chain = await followCauses(this.#open(), await this.event(moment), 'this event')
    return chain.links
  }

  async partner(seq: Seq): Promise<Event | undefined> {
    return findPartner(this.#open(), await this.#load(await this.resolve(seq)))
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
