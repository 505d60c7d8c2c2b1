import type { Event, EventOf, Patch } from '../../src/events.js'
import { isSameValue } from '../../src/json/canonical.js'
import { Replica } from '../../src/json/patch.js'
import type { LogReader, ThreadInfo } from '../../src/log/reader.js'
import { toText } from '../event-text.js'
import { findSubject } from '../processes.js'
import { type ProgramDivergence, UNPLACED } from '../program/divergence.js'

const KINDS = ['message', 'state'] as const

type Compared = EventOf<'message'> | EventOf<'state'>

/** Where a derived event is another than the recorded one in its place. States are compared by what they come to, not by
 *  the text of their deltas, secrets by where they stand. @param derived log of the derived events alone
 *  @returns undefined where all agree */
export async function compareDerived(
  log: LogReader,
  thread: ThreadInfo,
  derived: LogReader,
): Promise<ProgramDivergence | undefined> {
  const recorded = readCompared(log.events({ thread: thread.no, kinds: KINDS }))
  const replayed = readCompared(derived.events({ kinds: KINDS }))
  const states = new Map<number, States>()
  let agreed = 0
  for (;;) {
    const [one, other] = [await recorded.next(), await replayed.next()]
    const [was, is] = [one.value ?? undefined, other.value ?? undefined]
    if (!was && !is) return undefined
    if (was && is && isEqual(was, is, states)) {
      agreed = was.turn
      continue
    }
    await Promise.all([recorded.return?.(undefined), replayed.return?.(undefined)])
    const name = (event: Compared | undefined) => (event ? toWords(log, thread, event) : 'nothing more')
    const [turn, seq] = was ? [was.turn, was.seq] : [agreed, null]
    return { ...UNPLACED, turn, seq, lastAgreement: agreed, recorded: name(was), replayed: name(is) }
  }
}

/** When a handler was done is no effect of the program's. */
async function* readCompared(events: AsyncIterable<Event>): AsyncGenerator<Compared, undefined> {
  for await (const event of events) {
    if (event.kind === 'state' || (event.kind === 'message' && event.body.op !== 'handled')) yield event
  }
  return undefined
}

interface States {
  recorded: Replica
  replayed: Replica
}

function isEqual(was: Compared, is: Compared, states: Map<number, States>): boolean {
  if (was.subject !== is.subject) return false
  if (was.kind === 'message') {
    if (is.kind !== 'message') return false
    const [one, other] = [was.body, is.body]
    return one.op === other.op && one.n === other.n && one.event === other.event && isSame(one.payload, other.payload)
  }
  return is.kind === 'state' && isSameState(was, is, states)
}

function isSameState(was: EventOf<'state'>, is: EventOf<'state'>, states: Map<number, States>): boolean {
  if (was.body.op === 'final' || is.body.op === 'final') return was.body.op === is.body.op
  const one = 'state' in was.body ? new Replica(was.body.state) : states.get(was.subject)?.recorded
  const other = 'state' in is.body ? new Replica(is.body.state) : states.get(is.subject)?.replayed
  if (!one || !other) return false
  states.set(was.subject, { recorded: one, replayed: other })
  const [patch, otherPatch] = [toPatch(was), toPatch(is)]
  one.apply(patch)
  other.apply(otherPatch)
  if (patch.length > 0 && isSame(patch, otherPatch)) return true
  return isSame(one.snapshot(), other.snapshot())
}

function toPatch({ body }: EventOf<'state'>): Patch {
  return body.op === 'delta' ? body.patch : []
}

function isSame(one: unknown, other: unknown): boolean {
  return isSameValue(one, other) || isSameValue(mask(one), mask(other))
}

/** Each recording has its own words for secrets. */
function mask(value: unknown): unknown {
  if (typeof value === 'string') return value.replace(/\[redacted [0-9a-f]{12}\]/g, '[redacted]')
  if (Array.isArray(value)) return value.map(mask)
  if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== Object.prototype) return value
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, mask(member)]))
}

function toWords(log: LogReader, { no }: ThreadInfo, event: Compared): string {
  const process = findSubject(log.processes(), { thread: no, subject: event.subject })
  return `${process?.name ?? 'a process'}: ${event.kind} ${toText(event)}`
}
