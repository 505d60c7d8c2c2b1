import type { Event } from '../../src/events.js'
import type { EventRef, Ordinal, Seq, ThreadNo } from '../../src/ids.js'
import type {
  DeltaEntry,
  GapInfo,
  LogQuery,
  LogReader,
  Position,
  ProcessInfo,
  StateAnswer,
  SubjectRef,
  ThreadInfo,
} from '../../src/log/reader.js'
import type { SourceFile } from '../../src/log/sources.js'
import { toKindCode } from '../../src/spool/format.js'
import { lowerBound, Positions } from './positions.js'
import type { Rows } from './rows.js'

/** What was derived of one thread: a log of its own, and where each of its events stands. */
export interface DerivedPart {
  readonly thread: ThreadNo
  readonly log: LogReader
  readonly rows: Rows
}

/** Derived events are numbered within their thread from here on: no recorded one gets so far. */
export const FIRST_DERIVED_ORDINAL = 2 ** 32

const STATE = toKindCode('state')
const FIRST_THREAD = 0 as ThreadNo
const BATCH_EVENTS = 256

/** A recorded log with what was derived of it in its place. A `seq` of this reader numbers both together; `position` says
 *  what people call it. */
export class MergedLog implements LogReader {
  readonly base: LogReader
  readonly #parts: readonly DerivedPart[]
  readonly #positions: Positions
  readonly #containers: readonly ReadonlySet<number>[]

  constructor(base: LogReader, parts: readonly DerivedPart[]) {
    this.base = base
    this.#parts = parts
    this.#positions = new Positions(parts.map(({ rows }) => rows))
    this.#containers = parts.map(({ rows }) => {
      return new Set([...rows.subjects].filter((_, number) => rows.kinds[number] === STATE))
    })
  }

  get startedAtUs(): number {
    return this.base.startedAtUs
  }

  get firstSeq(): Seq {
    return this.#ofSeq(this.base.firstSeq)
  }

  get endSeq(): number {
    return this.base.endSeq + this.#positions.count
  }

  /** Threads of which something was derived. */
  get derivedThreads(): readonly ThreadNo[] {
    return this.#parts.map(({ thread }) => thread)
  }

  /** Events that were derived. */
  get derived(): number {
    return this.#positions.count
  }

  position(seq: Seq): Position {
    return this.#positions.name(seq)
  }

  findPosition(position: Position): Seq | undefined {
    return this.#positions.find(position) as Seq | undefined
  }

  countDerived(seq: number): number {
    return this.#positions.countAfter(seq)
  }

  threads(): readonly ThreadInfo[] {
    return this.base.threads().map((thread) => ({
      ...thread,
      firstSeq: this.#ofSeq(thread.firstSeq),
      lastSeq: this.#lastAfter(thread.lastSeq),
    }))
  }

  processes(): readonly ProcessInfo[] {
    return this.base.processes().map((process) => ({
      ...process,
      spawnedAt: this.#ofSeq(process.spawnedAt),
      endedAt: process.endedAt === null ? null : this.#ofSeq(process.endedAt),
      container: process.container || this.#findPart(process) !== undefined,
    }))
  }

  gaps(): readonly GapInfo[] {
    return this.base.gaps().map((gap) => ({ ...gap, from: this.#ofSeq(gap.from), to: this.#ofSeq(gap.to) }))
  }

  async *events(query: LogQuery = {}): AsyncGenerator<Event> {
    let left = query.limit ?? Number.POSITIVE_INFINITY
    if (left <= 0) return
    const sources = this.#openSources(query).map((source) => source[Symbol.asyncIterator]())
    const heads = await Promise.all(sources.map((source) => source.next()))
    try {
      while (left-- > 0) {
        let next = -1
        for (const [index, head] of heads.entries()) {
          if (head.done) continue
          const other = heads[next]
          if (!other || other.done || head.value.seq < other.value.seq !== (query.reverse === true)) next = index
        }
        const head = heads[next]
        if (!head || head.done) return
        yield head.value
        heads[next] = await sources[next]!.next()
      }
    } finally {
      for (const source of sources) await source.return?.()
    }
  }

  async *batches(query: LogQuery = {}): AsyncGenerator<readonly Event[]> {
    let batch: Event[] = []
    for await (const event of this.events(query)) {
      if (batch.push(event) < BATCH_EVENTS) continue
      yield batch
      batch = []
    }
    if (batch.length > 0) yield batch
  }

  async counts(onSeq?: (seq: number) => void): Promise<Awaited<ReturnType<LogReader['counts']>>> {
    return this.base.counts(onSeq)
  }

  async find(seq: Seq): Promise<Event | undefined> {
    for await (const event of this.events({ from: seq, to: seq, limit: 1 })) return event
    return undefined
  }

  async seekTime(timeUs: number): Promise<Seq | undefined> {
    const found = await this.base.seekTime(timeUs)
    return found === undefined ? undefined : this.#lastAfter(found)
  }

  async findOrdinal(ref: EventRef): Promise<Seq | undefined> {
    if (ref.ordinal < FIRST_DERIVED_ORDINAL) {
      const found = await this.base.findOrdinal(ref)
      return found === undefined ? undefined : this.#ofSeq(found)
    }
    const part = this.#parts.findIndex(({ thread }) => thread === ref.thread)
    const number = ref.ordinal - FIRST_DERIVED_ORDINAL
    if (part < 0 || number >= this.#parts[part]!.rows.count) return undefined
    return this.#ofDerived(part, number)
  }

  async findTurn(thread: ThreadNo, turn: number): Promise<{ readonly first: Seq; readonly last: Seq } | undefined> {
    const recorded = await this.base.findTurn(thread, turn)
    let first = recorded === undefined ? Number.POSITIVE_INFINITY : this.#ofSeq(recorded.first)
    let last = recorded === undefined ? -1 : this.#ofSeq(recorded.last)
    for (const [part, { thread: owner, rows }] of this.#parts.entries()) {
      if (owner !== thread) continue
      const [from, end] = [lowerBound(rows.turns, turn), lowerBound(rows.turns, turn + 1)]
      if (from === end) continue
      first = Math.min(first, this.#ofDerived(part, from))
      last = Math.max(last, this.#ofDerived(part, end - 1))
    }
    return last < 0 ? undefined : { first: first as Seq, last: last as Seq }
  }

  async stateAt(container: SubjectRef, seq: Seq): Promise<StateAnswer> {
    const at = Math.min(seq, this.endSeq - 1) as Seq
    const part = this.#findPart(container)
    if (part === undefined) {
      const answer = await this.base.stateAt(container, this.#positions.lastSeq(at) as Seq)
      return answer.ok ? { ...answer, seq: at } : answer
    }
    const number = this.#positions.countOf(part, at + 1) - 1
    if (number < 0) return { ok: false, error: 'not_found', detail: 'it has no state yet' }
    const answer = await this.#parts[part]!.log.stateAt(toPartRef(container), number as Seq)
    return answer.ok ? { ...answer, seq: at } : answer
  }

  async *deltas(container: SubjectRef, query: Parameters<LogReader['deltas']>[1] = {}): AsyncGenerator<DeltaEntry> {
    const part = this.#findPart(container)
    const { from, to, ...rest } = query
    if (part === undefined) {
      const range = this.#toRecorded(from, to)
      if (!range) return
      for await (const entry of this.base.deltas(container, { ...rest, ...range }))
        yield { ...entry, seq: this.#ofSeq(entry.seq) }
      return
    }
    const range = this.#toPart(part, from, to)
    if (!range) return
    for await (const entry of this.#parts[part]!.log.deltas(toPartRef(container), { ...rest, ...range }))
      yield { ...entry, seq: this.#ofDerived(part, entry.seq) }
  }

  async lastWrite(container: SubjectRef, pointer: string, seq: Seq): Promise<DeltaEntry | undefined> {
    const part = this.#findPart(container)
    if (part === undefined) {
      const found = await this.base.lastWrite(container, pointer, this.#positions.lastSeq(seq) as Seq)
      return found && { ...found, seq: this.#ofSeq(found.seq) }
    }
    const number = this.#positions.countOf(part, seq + 1) - 1
    if (number < 0) return undefined
    const found = await this.#parts[part]!.log.lastWrite(toPartRef(container), pointer, number as Seq)
    return found && { ...found, seq: this.#ofDerived(part, found.seq) }
  }

  sources(thread?: ThreadNo): AsyncIterable<SourceFile> {
    return this.base.sources(thread)
  }

  source(hash: string): Promise<Uint8Array | null | undefined> {
    return this.base.source(hash)
  }

  refresh(): Promise<boolean> {
    return this.base.refresh()
  }

  async close(): Promise<void> {
    await this.base.close()
    for (const { log } of this.#parts) await log.close()
  }

  #openSources(query: LogQuery): AsyncIterable<Event>[] {
    const { from, to, ...rest } = query
    const sources: AsyncIterable<Event>[] = []
    const range = this.#toRecorded(from, to)
    if (range) sources.push(this.#readRecorded({ ...rest, ...range }))
    for (const [part, { thread }] of this.#parts.entries()) {
      if (query.thread !== undefined && query.thread !== thread) continue
      const subjects = query.subjects?.filter((subject) => subject.thread === thread).map(toPartRef)
      if (subjects?.length === 0) continue
      const own = this.#toPart(part, from, to)
      const { thread: _thread, subjects: _subjects, ...filter } = rest
      if (own) sources.push(this.#readPart(part, { ...filter, ...(subjects && { subjects }), ...own }))
    }
    return sources
  }

  async *#readRecorded(query: LogQuery): AsyncGenerator<Event> {
    for await (const event of this.base.events(query)) yield { ...event, seq: this.#ofSeq(event.seq) }
  }

  async *#readPart(part: number, query: LogQuery): AsyncGenerator<Event> {
    const { log, rows, thread } = this.#parts[part]!
    for await (const event of log.events(query)) {
      const seq = this.#ofDerived(part, event.seq)
      const { subject } = event
      yield {
        ...event,
        seq,
        derived: this.#positions.name(seq).derived!,
        thread,
        pid: this.base.processes().find((one) => one.thread === thread && one.subject === subject)?.pid ?? event.pid,
        ordinal: (FIRST_DERIVED_ORDINAL + event.seq) as Ordinal,
        turn: rows.turns[event.seq]!,
        cause: toMergedRef(thread, event.cause),
        origin: toMergedRef(thread, event.origin),
      }
    }
  }

  /** The part that has that container's states. */
  #findPart({ thread, subject }: SubjectRef): number | undefined {
    const part = this.#parts.findIndex((one, at) => one.thread === thread && this.#containers[at]!.has(subject))
    return part < 0 ? undefined : part
  }

  #toRecorded(from: Seq | undefined, to: Seq | undefined): { readonly from: Seq; readonly to: Seq } | undefined {
    const first = Math.max(this.base.firstSeq, from === undefined ? 0 : this.#positions.firstSeq(from))
    const last = Math.min(
      this.base.endSeq - 1,
      to === undefined ? Number.MAX_SAFE_INTEGER : this.#positions.lastSeq(to),
    )
    return first <= last ? { from: first as Seq, to: last as Seq } : undefined
  }

  #toPart(
    part: number,
    from: Seq | undefined,
    to: Seq | undefined,
  ): { readonly from: Seq; readonly to: Seq } | undefined {
    const first = from === undefined ? 0 : this.#positions.countOf(part, from)
    const last = (to === undefined ? this.#parts[part]!.rows.count : this.#positions.countOf(part, to + 1)) - 1
    return first <= last ? { from: first as Seq, to: last as Seq } : undefined
  }

  #ofSeq(seq: number): Seq {
    return this.#positions.ofSeq(seq) as Seq
  }

  /** The last position that belongs to a recorded event: that of what was derived after it. */
  #lastAfter(seq: number): Seq {
    return (this.#positions.ofSeq(seq + 1) - 1) as Seq
  }

  #ofDerived(part: number, number: number): Seq {
    return this.#positions.ofDerived(part, number) as Seq
  }
}

function toPartRef({ subject }: SubjectRef): SubjectRef {
  return { thread: FIRST_THREAD, subject }
}

/** A cause as the trace wrote it: twice a recorded ordinal, or twice a derived number and one more. */
function toMergedRef(thread: ThreadNo, ref: EventRef | null): EventRef | null {
  if (!ref) return null
  const number = Math.floor(ref.ordinal / 2)
  return { thread, ordinal: (ref.ordinal % 2 === 0 ? number : FIRST_DERIVED_ORDINAL + number) as Ordinal }
}
