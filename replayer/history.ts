import type { Event, Patch } from '../src/events.js'
import { type Seq, toSeq } from '../src/ids.js'
import { PathQuestion } from '../src/log/path-set.js'
import type { LogReader, ProcessInfo } from '../src/log/reader.js'
import { isSame } from './places.js'
import type { HistoryEntry } from './recording.js'
import { findWrite, loadBefore, Place } from './why.js'

export interface HistoryQuery {
  readonly pointer?: string | undefined
  readonly from: Seq
  readonly to: Seq
  readonly reverse?: boolean | undefined
  readonly limit?: number | undefined
  /** False: the whole states are not wanted; they cost a copy of what changed for each event. */
  readonly values?: boolean | undefined
}

/** Changes of a container in order, or from the latest back. With a pointer only those after which the value there
 *  differs from before. Cost: forwards one walk, whatever the pointer; backwards one search per change. */
export async function* readHistory(
  log: LogReader,
  container: ProcessInfo,
  query: HistoryQuery,
): AsyncGenerator<HistoryEntry> {
  let left = query.limit ?? Number.POSITIVE_INFINITY
  if (left <= 0) return
  const entries =
    query.reverse === true
      ? query.pointer === undefined
        ? readBackwards(log, container, query)
        : readWritesBackwards(log, container, { ...query, pointer: query.pointer })
      : readForwards(log, container, query)
  for await (const entry of entries) {
    yield entry
    if (--left <= 0) return
  }
}

async function* readForwards(
  log: LogReader,
  container: ProcessInfo,
  query: HistoryQuery,
): AsyncGenerator<HistoryEntry> {
  const { pointer, from, to } = query
  const start = await loadBefore(log, container, from)
  const place = new Place(
    log,
    container,
    pointer ?? '',
    start.ok ? start : { ok: true, state: undefined, absent: true },
  )
  const question = pointer === undefined ? undefined : new PathQuestion(pointer)
  for await (const batch of log.batches({ from, to, kinds: ['state'], subjects: [container] })) {
    for (const event of batch) {
      if (event.kind !== 'state' || event.body.op === 'final') continue
      const { before } = place
      const patch = event.body.op === 'delta' ? event.body.patch : null
      const mayChange = query.values !== false && (!patch || !question || question.judge(patch) !== 'no')
      const failure = place.take({ seq: event.seq, patch, coalesced: event.coalesced }, mayChange)
      if (failure) await failure
      if (pointer !== undefined && isSame(before, place.before)) continue
      yield toEntry(event, query.values === false ? undefined : place.before.value)
    }
  }
}

async function* readBackwards(
  log: LogReader,
  container: ProcessInfo,
  query: HistoryQuery,
): AsyncGenerator<HistoryEntry> {
  const { from, to } = query
  for await (const event of log.events({ from, to, kinds: ['state'], subjects: [container], reverse: true })) {
    if (event.kind !== 'state' || event.body.op === 'final') continue
    const state = query.values === false ? undefined : await log.stateAt(container, event.seq)
    yield toEntry(event, state?.ok ? state.state : undefined)
  }
}

async function* readWritesBackwards(
  log: LogReader,
  container: ProcessInfo,
  query: HistoryQuery & { readonly pointer: string },
): AsyncGenerator<HistoryEntry> {
  let to = query.to
  while (to >= query.from) {
    const written = await findWrite(log, container, query.pointer, to)
    if (!written || 'error' in written || written.seq < query.from) return
    const event = await log.find(written.seq)
    if (event) yield toEntry(event, written.after.value)
    if (written.seq === 0) return
    to = toSeq(written.seq - 1)
  }
}

function toEntry(event: Event, value: unknown): HistoryEntry {
  const patch: Patch | null = event.kind === 'state' && event.body.op === 'delta' ? event.body.patch : null
  const { seq, timeUs, coalesced, cause } = event
  return { seq, timeUs, patch, coalesced, cause, value }
}
