import { RetroscopeError } from '../errors.js'
import type { Event } from '../events.js'
import type { EventRef, Seq, ThreadNo } from '../ids.js'
import { toKind, toKindCode } from '../spool/format.js'
import { ChunkCursor } from './chunk.js'
import { type HeaderFilter, walkChunks } from './chunk-walk.js'
import { countEvents, type EventCounts, toEmptyCounts } from './count-events.js'
import { readDeltas } from './delta-reader.js'
import { loadEvent, readEvent, toGapEvent, toUnknownHead } from './event-reader.js'
import { toSlot } from './header.js'
import { KeptEvents } from './kept-events.js'
import type { KeyValue } from './key-value.js'
import type { LevelDamage } from './leveldb/check.js'
import { LogTables } from './log-tables.js'
import { PathQuestion } from './path-set.js'
import type { DeltaEntry, GapInfo, LogQuery, LogReader, Position, StateAnswer, SubjectRef } from './reader.js'
import { SegmentReader } from './segment-reader.js'
import { listSources, loadSource, type SourceFile } from './sources.js'
import { loadState } from './state.js'

/** Events that are handed out at once. */
const BATCH_EVENTS = 256

/** The stores of one log, oldest segment first, as they stand at one moment. */
export interface LogStores {
  readonly stores: readonly KeyValue[]
  /** What is damaged of the stores' files as far as opening showed it. */
  readonly damage: readonly LevelDamage[]
  close(): Promise<void>
}

/** Opens a reader. @param source gives the stores as they stand, now and at each refresh
 *  @param startedAtUs start of the recording where the log has no event yet */
export async function openLogReader(source: () => Promise<LogStores>, startedAtUs: number): Promise<LogReader> {
  const reader = new StoredLog(source, startedAtUs)
  await reader.refresh()
  return reader
}

class StoredLog implements LogReader {
  readonly #source: () => Promise<LogStores>
  readonly #startedAtUs: number
  #stores: LogStores | undefined
  #segments: readonly SegmentReader[] = []
  #tables: LogTables | undefined
  #found: GapInfo[] = []
  #kept: KeptEvents | undefined
  #closed = false

  constructor(source: () => Promise<LogStores>, startedAtUs: number) {
    this.#source = source
    this.#startedAtUs = startedAtUs
  }

  get startedAtUs(): number {
    return this.#tables?.startedAtUs ?? this.#startedAtUs
  }

  get firstSeq(): Seq {
    return (this.#segments[0]?.log.firstSeq ?? 0) as Seq
  }

  get endSeq(): number {
    return this.#segments.at(-1)?.log.endSeq ?? 0
  }

  position(seq: Seq): Position {
    return { seq }
  }

  findPosition({ seq, derived }: Position): Seq | undefined {
    return derived === undefined ? seq : undefined
  }

  threads() {
    return this.#tables?.threads ?? []
  }

  processes() {
    return this.#tables?.processes ?? []
  }

  gaps(): readonly GapInfo[] {
    const held = this.firstSeq
    const pruned: GapInfo[] = held > 0 ? [{ reason: 'pruned', count: held, from: 0 as Seq, to: (held - 1) as Seq }] : []
    return [...pruned, ...(this.#tables?.gaps ?? []), ...this.#found].sort((a, b) => a.from - b.from)
  }

  async *events(query: LogQuery = {}): AsyncGenerator<Event> {
    for await (const batch of this.batches(query)) yield* batch
  }

  async *batches(query: LogQuery = {}): AsyncGenerator<readonly Event[]> {
    let left = query.limit ?? Number.POSITIVE_INFINITY
    if (left <= 0) return
    // An event that is not looked at need not be made.
    const size = Math.min(BATCH_EVENTS, left)
    for await (const batch of query.reverse ? this.#readReversed(query, size) : this.#readForward(query, size)) {
      yield batch.length > left ? batch.slice(0, left) : batch
      left -= batch.length
      if (left <= 0) return
    }
  }

  async *#readForward(query: LogQuery, size: number): AsyncGenerator<Event[]> {
    yield* this.#readKept(query)
    for (const [at, segment] of this.#segments.entries()) {
      yield this.#readLost(at, query)
      yield* this.#readSegment(segment, query, size)
    }
  }

  async *#readReversed(query: LogQuery, size: number): AsyncGenerator<Event[]> {
    for (let at = this.#segments.length - 1; at >= 0; at--) {
      yield* this.#readSegment(this.#segments[at]!, query, size)
      yield this.#readLost(at, query)
    }
    yield* this.#readKept(query)
  }

  /** What stood between a segment and the one before it. Only the oldest segments are ever dropped. */
  #readLost(at: number, query: LogQuery): Event[] {
    const from = this.#segments[at - 1]?.log.endSeq
    const to = this.#segments[at]!.log.firstSeq - 1
    const { from: first, to: last } = this.#toBounds(query)
    if (from === undefined || from > to || first > to || last < from) return []
    return this.#readHole(from, to, query)
  }

  async *#readKept(query: LogQuery): AsyncGenerator<Event[]> {
    const segment = this.#segments.at(-1)
    if (!segment || this.firstSeq === 0) return
    const filter = toFilter(query)
    const to = Math.min(query.to ?? Number.MAX_SAFE_INTEGER, this.firstSeq - 1)
    for (const cursor of this.#kept!.select(query.from ?? 0, to, query.reverse === true)) {
      if (filter(cursor)) yield [await loadEvent(cursor, segment, this.#tables!)]
    }
  }

  async *#readSegment(segment: SegmentReader, query: LogQuery, size: number): AsyncGenerator<Event[]> {
    const bounds = this.#toBounds(query)
    const from = Math.max(bounds.from, segment.log.firstSeq) as Seq
    const to = Math.min(bounds.to, segment.log.endSeq - 1) as Seq
    if (from > to) return
    const within = { ...query, from, to }
    for await (const step of walkChunks(
      segment,
      { from, to, reverse: query.reverse === true },
      toHeaderFilter(query),
    )) {
      if (step.kind === 'hole') yield this.#readHole(step.from, step.to, within)
      else yield* this.#readChunk(segment, step.firstSeq, within, size)
    }
  }

  async counts(onSeq?: (seq: number) => void): Promise<EventCounts> {
    const counts = toEmptyCounts()
    for (const { frame } of this.#kept?.select(0, this.firstSeq - 1, false) ?? []) {
      counts[toKind(frame.kindCode) ?? 'gap']++
    }
    for (const segment of this.#segments) await countEvents(segment, counts, onSeq)
    return counts
  }

  async find(seq: Seq): Promise<Event | undefined> {
    for await (const event of this.events({ from: seq, to: seq, limit: 1 })) return event
    return undefined
  }

  async seekTime(timeUs: number): Promise<Seq | undefined> {
    const limit = timeUs + this.startedAtUs
    for (const segment of this.#segments.toReversed()) {
      const found = await segment.findChunkByTime(limit)
      if (!found) continue
      const cursor = await this.#openChunk(segment, found.firstSeq)
      let seq = found.firstSeq
      for (let time = found.timeUs; cursor?.next(); seq = cursor.seq) {
        time = Math.max(time, cursor.timeUs)
        if (time > limit) break
      }
      return seq as Seq
    }
    return undefined
  }

  async findOrdinal(ref: EventRef): Promise<Seq | undefined> {
    for (const segment of this.#segments.toReversed()) {
      const chunk = await segment.findThreadChunk(ref.thread, ref.ordinal)
      if (!chunk) continue
      const cursor = await this.#openChunk(segment, chunk.firstSeq)
      while (cursor?.next()) {
        if (cursor.thread === ref.thread && cursor.ordinal === ref.ordinal) return cursor.seq as Seq
      }
      return undefined
    }
    for (const cursor of this.#kept?.select(0, this.firstSeq - 1, false) ?? []) {
      if (cursor.thread === ref.thread && cursor.ordinal === ref.ordinal) return cursor.seq as Seq
    }
    return undefined
  }

  async findTurn(thread: ThreadNo, turn: number): Promise<{ readonly first: Seq; readonly last: Seq } | undefined> {
    let first: number | undefined
    let last: number | undefined
    for (const segment of this.#segments) {
      for (const firstSeq of await segment.findTurnChunks(thread, turn)) {
        const cursor = await this.#openChunk(segment, firstSeq)
        while (cursor?.next()) {
          if (cursor.thread !== thread || cursor.turn !== turn) continue
          first ??= cursor.seq
          last = cursor.seq
        }
      }
    }
    return first === undefined ? undefined : { first: first as Seq, last: last as Seq }
  }

  async stateAt(container: SubjectRef, seq: Seq): Promise<StateAnswer> {
    if (seq < this.firstSeq) {
      return { ok: false, error: 'pruned', detail: `the recording holds seq ${this.firstSeq} and later` }
    }
    const at = Math.min(seq, this.endSeq - 1)
    const segment = this.#segments.find((candidate) => candidate.has(at))
    if (!segment) return { ok: false, error: at < 0 ? 'not_found' : 'damaged', detail: `seq ${seq} cannot be read` }
    const decoder = await segment.decoder(container.thread)
    const loaded = await loadState(segment.store, container, at, decoder)
    if (loaded.ok) return { ok: true, state: loaded.state, seq: at as Seq }
    return { ok: false, error: loaded.error, detail: loaded.detail }
  }

  async *deltas(
    container: SubjectRef,
    query: { readonly from?: Seq; readonly to?: Seq; readonly reverse?: boolean; readonly pointer?: string } = {},
  ): AsyncGenerator<DeltaEntry> {
    const question = query.pointer === undefined ? undefined : new PathQuestion(query.pointer)
    const reverse = query.reverse === true
    for (const segment of reverse ? this.#segments.toReversed() : this.#segments) {
      const from = Math.max(query.from ?? 0, segment.log.firstSeq)
      const to = Math.min(query.to ?? Number.MAX_SAFE_INTEGER, segment.log.endSeq - 1)
      if (from <= to) yield* readDeltas(segment, container, { from, to, reverse }, question)
    }
  }

  async lastWrite(container: SubjectRef, pointer: string, seq: Seq): Promise<DeltaEntry | undefined> {
    const question = new PathQuestion(pointer)
    for await (const entry of this.deltas(container, { to: seq, reverse: true, pointer })) {
      const judged = entry.patch === null ? 'yes' : question.judge(entry.patch)
      if (judged === 'no') continue
      if (judged === 'yes') return entry
      const before = await this.stateAt(container, (entry.seq - 1) as Seq)
      if (!before.ok || judged.some((shift) => question.isShifted(before.state, shift))) return entry
    }
    return undefined
  }

  sources(thread?: ThreadNo): AsyncIterable<SourceFile> {
    return listSources(this.#stores?.stores ?? [], thread)
  }

  source(hash: string): Promise<Uint8Array | null | undefined> {
    return loadSource(this.#stores?.stores ?? [], hash)
  }

  async refresh(): Promise<boolean> {
    if (this.#closed) throw new RetroscopeError('CLOSED', 'The recording was closed.')
    const before = this.endSeq
    const old = this.#stores
    const stores = await this.#source()
    try {
      await this.#load(stores)
    } catch (error) {
      if (old !== stores) await stores.close()
      throw error
    }
    if (old !== stores) await old?.close()
    return this.endSeq > before
  }

  /** Takes over all of the stores, or nothing. */
  async #load(stores: LogStores): Promise<void> {
    const segments: SegmentReader[] = []
    const lost: number[] = []
    for (const store of stores.stores) {
      const segment = await SegmentReader.open(store)
      if (segment) segments.push(segment)
      else if (segment === null) lost.push(segments.at(-1)?.log.endSeq ?? 0)
    }
    const last = segments.at(-1)
    if (!last && lost.length > 0) throw toUnreadable()
    const tables = last && (await LogTables.load(last.store, last.log))
    this.#kept = await KeptEvents.load(stores.stores, segments[0]?.log.firstSeq ?? 0)
    this.#tables = tables
    this.#segments = segments
    this.#stores = stores
    this.#found = stores.damage.map(({ file, what }) =>
      this.#toGap(0, Math.max(0, this.endSeq - 1), `${file}: ${what}`),
    )
    for (const from of lost) this.#found.push(this.#toGap(from, from, 'a segment of the log cannot be read'))
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.#stores?.close()
    this.#stores = undefined
    this.#segments = []
  }

  #toBounds(query: LogQuery): { readonly from: number; readonly to: number } {
    const thread = query.thread === undefined ? undefined : this.threads().find((info) => info.no === query.thread)
    if (query.thread !== undefined && !thread) return { from: 0, to: -1 }
    return {
      from: Math.max(query.from ?? 0, thread?.firstSeq ?? 0),
      to: Math.min(query.to ?? Number.MAX_SAFE_INTEGER, thread?.lastSeq ?? Number.MAX_SAFE_INTEGER),
    }
  }

  async #openChunk(segment: SegmentReader, firstSeq: number): Promise<ChunkCursor | undefined> {
    const { bytes } = await segment.loadChunk(firstSeq)
    return bytes ? new ChunkCursor(bytes, firstSeq) : undefined
  }

  async *#readChunk(segment: SegmentReader, firstSeq: number, query: LogQuery, size: number): AsyncGenerator<Event[]> {
    const { bytes } = await segment.loadChunk(firstSeq)
    const tables = this.#tables!
    if (!bytes) {
      const next = await segment.findNextChunk(firstSeq)
      yield this.#readHole(firstSeq, (next ?? segment.log.endSeq) - 1, query)
      return
    }
    let batch: Event[] = []
    for (const cursor of toCursors(bytes, firstSeq, query)) {
      let event = readEvent(cursor, segment, tables)
      if (!event) {
        // What is read for the next one may be large: those at hand go first.
        if (batch.length > 0) yield batch
        batch = []
        event = await loadEvent(cursor, segment, tables)
      }
      if (this.#isWanted(event, query)) batch.push(event)
      if (batch.length < size) continue
      yield batch
      batch = []
    }
    if (batch.length > 0) yield batch
  }

  /** Of an event that was wanted by its frame, which cannot say whether it can be read. */
  #isWanted(event: Event, query: LogQuery): boolean {
    if (event.kind === 'gap') this.#note(event.seq, event.seq, event.body.detail)
    return !query.kinds || query.kinds.includes(event.kind)
  }

  #readHole(from: number, to: number, query: LogQuery): Event[] {
    const first = Math.max(from, query.from ?? 0)
    const last = Math.min(to, query.to ?? Number.MAX_SAFE_INTEGER)
    this.#note(from, to, undefined)
    if (query.kinds && !query.kinds.includes('gap')) return []
    if (query.subjects || query.thread !== undefined) return []
    const detail = `seqs ${first} to ${last} cannot be read`
    return [toGapEvent(toUnknownHead(first), { reason: 'damaged', count: last - first + 1, detail })]
  }

  #note(from: number, to: number, detail: string | undefined): void {
    const known = [...(this.#tables?.gaps ?? []), ...this.#found]
    // A gap of unknown size spans what it may concern, and says nothing of these.
    const holds = (gap: GapInfo) => gap.count !== null && gap.from <= from && gap.to >= to
    if (known.some((gap) => holds(gap) || (gap.from === from && gap.to === to))) return
    this.#found.push({ ...this.#toGap(from, to, detail), count: to - from + 1 })
  }

  #toGap(from: number, to: number, detail: string | undefined): GapInfo {
    const gap = { reason: 'damaged', count: null, from: from as Seq, to: to as Seq } as const
    return detail === undefined ? gap : { ...gap, detail }
  }
}

/** Cursors at the wanted events of a chunk, in order or against it; each is valid until the next one is asked for. */
function* toCursors(bytes: Uint8Array, firstSeq: number, query: LogQuery): Generator<ChunkCursor> {
  const filter = toFilter(query)
  const cursor = new ChunkCursor(bytes, firstSeq)
  const from = Math.max(query.from ?? 0, firstSeq)
  const to = query.to ?? Number.MAX_SAFE_INTEGER
  const seqs: number[] = []
  for (let more = cursor.seek(from); more && cursor.seq <= to; more = cursor.next()) {
    if (!filter(cursor)) continue
    if (query.reverse) seqs.push(cursor.seq)
    else yield cursor
  }
  for (const seq of seqs.reverse()) {
    const again = new ChunkCursor(bytes, firstSeq)
    if (again.seek(seq)) yield again
  }
}

function toUnreadable(): RetroscopeError {
  return new RetroscopeError('DAMAGED', 'The log cannot be read: the row that says what it holds is damaged.', {
    hint: '`retroscope verify` names every place that is damaged. Take another copy of the recording, if there is one.',
  })
}

function toHeaderFilter(query: LogQuery): HeaderFilter {
  let kinds = 0
  for (const kind of query.kinds ?? []) kinds |= 1 << toKindCode(kind)
  const slots = query.subjects?.map(({ thread, subject }) => toSlot(thread, subject))
  return { kinds, slots }
}

function toFilter(query: LogQuery): (cursor: ChunkCursor) => boolean {
  const codes = query.kinds && new Set(query.kinds.map(toKindCode))
  const { subjects, thread } = query
  return (cursor) => {
    const { kindCode, subject } = cursor.frame
    if (codes && !codes.has(kindCode)) return false
    if (thread !== undefined && cursor.thread !== thread) return false
    return !subjects || subjects.some((ref) => ref.subject === subject && ref.thread === cursor.thread)
  }
}
