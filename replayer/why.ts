import type { Event } from '../src/events.js'
import { type Seq, toSeq } from '../src/ids.js'
import { Replica } from '../src/json/patch.js'
import type { DeltaEntry, LogReader, ProcessInfo, StateAnswer } from '../src/log/reader.js'
import { followCauses } from './causes.js'
import { toEventName } from './event-names.js'
import { ABSENT, type Found, findEqual, isSame, listMembers, look } from './places.js'
import type { WhyAnswer, WhyLink } from './recording.js'
import { toList, toSuggestion } from './spelling.js'

type Failure = Extract<StateAnswer, { ok: false }>

/** A write after which the value at a place differs from before. */
export interface Written {
  readonly seq: Seq
  readonly before: Found
  readonly after: Found
}

/** Candidates that are checked together grow, so that a place which is set to the same value for ever costs one walk. */
const GROWTH = 8
const MAX_BATCH = 4_096

/** The last write that made the value at `pointer` what it is after `at`, and its recorded causes down to the root. */
export async function explain(log: LogReader, container: ProcessInfo, pointer: string, at: Seq): Promise<WhyAnswer> {
  const state = await log.stateAt(container, at)
  if (!state.ok) return state
  const written = await findWrite(log, container, pointer, at)
  if (written && 'error' in written) return written
  if (!written) return toNeverWritten(log, state.state, pointer)
  const event = await log.find(written.seq)
  if (!event)
    return { ok: false, error: 'damaged', detail: `event ${toEventName(log.position(written.seq))} cannot be read` }
  const chain = await followCauses(log, event, `wrote ${pointer === '' ? 'the state' : pointer}`)
  return {
    ok: true,
    container,
    pointer,
    value: written.after.value,
    before: written.before.value,
    chain: chain.links,
    ends: chain.ends,
    unknown: chain.unknown,
    equal: chain.ends === 'root' ? listEqual(chain.links, written.after) : [],
  }
}

/** Finds the last event at or before `at` that changed the value at a place. Exact: the state before and after it is
 *  compared, because an index may name writes elsewhere, and a write may set what stood there already. */
export async function findWrite(
  log: LogReader,
  container: ProcessInfo,
  pointer: string,
  at: Seq,
): Promise<Written | Failure | undefined> {
  let to: Seq = at
  for (let batch = 1; ; batch = Math.min(batch * GROWTH, MAX_BATCH)) {
    const candidates = await listCandidates(log, { container, pointer, to, count: batch })
    const oldest = candidates.at(-1)
    if (oldest === undefined) return undefined
    const written = await findChange(log, container, pointer, candidates)
    if (written) return written
    if (oldest <= log.firstSeq) return undefined
    to = toSeq(oldest - 1)
  }
}

interface CandidateQuery {
  readonly container: ProcessInfo
  readonly pointer: string
  readonly to: Seq
  readonly count: number
}

/** Up to `count` events that may have written the place, the latest first. */
async function listCandidates(log: LogReader, { container, pointer, to, count }: CandidateQuery): Promise<Seq[]> {
  const seqs: Seq[] = []
  for await (const { seq } of log.deltas(container, { to, reverse: true, pointer })) {
    if (seqs.push(seq) === count) break
  }
  return seqs
}

/** The latest of the candidates after which the value differs from before it. */
async function findChange(
  log: LogReader,
  container: ProcessInfo,
  pointer: string,
  candidates: readonly Seq[],
): Promise<Written | Failure | undefined> {
  const [latest, oldest] = [candidates[0]!, candidates.at(-1)!]
  const start = await loadBefore(log, container, oldest)
  if (!start.ok) return start
  const wanted = new Set(candidates)
  const place = new Place(log, container, pointer, start)
  let written: Written | undefined
  for await (const delta of log.deltas(container, { from: oldest, to: latest })) {
    const { before } = place
    const failure = await place.take(delta, wanted.has(delta.seq))
    if (failure) return failure
    if (!isSame(before, place.before)) written = { seq: delta.seq, before, after: place.before }
  }
  return written
}

/** Follows the value at one place through a container's deltas. Applying costs what a delta changes; looking costs a copy
 *  of what was changed since, and is done only where the value may have changed. */
export class Place {
  readonly #log: LogReader
  readonly #container: ProcessInfo
  readonly #pointer: string
  #replica: Replica
  /** The value after the last delta that was looked at. */
  before: Found

  constructor(log: LogReader, container: ProcessInfo, pointer: string, start: Started) {
    this.#log = log
    this.#container = container
    this.#pointer = pointer
    this.#replica = new Replica(start.state)
    this.before = start.absent ? ABSENT : look(start.state, pointer)
  }

  /** Of a delta that stands for a whole state a promise, to be awaited before the next: why it cannot go on, where that
   *  state cannot be loaded. */
  take(delta: DeltaEntry, mayChange: boolean): Promise<Failure | undefined> | undefined {
    if (!delta.patch) return this.#load(delta.seq)
    this.#replica.apply(delta.patch)
    if (mayChange) this.#look()
    return undefined
  }

  async #load(seq: Seq): Promise<Failure | undefined> {
    const whole = await this.#log.stateAt(this.#container, seq)
    if (!whole.ok) return whole
    this.#replica = new Replica(whole.state)
    this.#look()
    return undefined
  }

  #look(): void {
    this.before = look(this.#replica.snapshot(), this.#pointer)
  }
}

/** State to begin from; `absent` where the container has none yet. */
export interface Started {
  readonly ok: true
  readonly state: unknown
  readonly absent: boolean
}

/** State before an event; `absent` where it is the container's first. */
export async function loadBefore(log: LogReader, container: ProcessInfo, seq: Seq): Promise<Started | Failure> {
  if (seq <= log.firstSeq) return { ok: true, state: undefined, absent: true }
  const before = await log.stateAt(container, toSeq(seq - 1))
  if (before.ok) return { ok: true, state: before.state, absent: false }
  if (before.error === 'not_found' || before.error === 'exited') return { ok: true, state: undefined, absent: true }
  return before
}

function toNeverWritten(log: LogReader, state: unknown, pointer: string): WhyAnswer {
  if (look(state, pointer).found) {
    const detail = `the value was there before event ${toEventName(log.position(log.firstSeq))}, the first that is still held`
    return { ok: false, error: 'pruned', detail }
  }
  const parent = pointer.slice(0, Math.max(0, pointer.lastIndexOf('/')))
  const places = listMembers(state, look(state, parent).found ? parent : '')
  const hint = places.length > 0 ? ` ${toSuggestion(pointer, places)}There is ${toList(places, 12)}.` : ''
  return { ok: false, error: 'never_written', detail: `nothing was ever written at ${pointer}.${hint}` }
}

function listEqual(links: readonly WhyLink[], { found, value }: Found): { seq: Seq; pointer: string }[] {
  const root = links.at(-1)?.event
  if (!root || !found) return []
  const payload = toPayload(root)
  return payload === undefined ? [] : findEqual(payload, value).map((pointer) => ({ seq: root.seq, pointer }))
}

function toPayload(event: Event): unknown {
  return event.kind === 'message' ? event.body.payload : undefined
}
