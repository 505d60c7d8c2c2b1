import type { Event, EventOf } from '../src/events.js'
import { type ThreadPath, toOrdinal } from '../src/ids.js'
import type { LogReader, ProcessInfo, SubjectRef } from '../src/log/reader.js'
import { toEventName } from './event-names.js'
import { findPartner, listOtherEnds, loadRef } from './pairs.js'
import { findSubject } from './processes.js'
import type { Evidence, WhyLink } from './recording.js'
import { findThread } from './threads.js'

/** What a chain of causes comes to. */
export interface Chain {
  readonly links: readonly WhyLink[]
  /** `root`: it ends at an input from outside or the start of the program. `unknown`: the log does not say on. */
  readonly ends: 'root' | 'unknown'
  /** Why it is not known on. */
  readonly unknown: string | null
}

/** One step back: the next link, or why there is none. */
type Step = { readonly link: WhyLink } | { readonly root: string } | { readonly unknown: string }

/** Follows recorded links from `event` down to its root input. Only what the log says: it never guesses. */
export async function followCauses(log: LogReader, event: Event, how: string): Promise<Chain> {
  const links: WhyLink[] = [{ event, evidence: toEvidence(event), how }]
  const seen = new Set([event.seq])
  let at = event
  for (;;) {
    const step = await stepBack(log, at)
    if ('root' in step) return { links: nameLast(links, step.root), ends: 'root', unknown: null }
    if ('unknown' in step) return { links, ends: 'unknown', unknown: step.unknown }
    if (seen.has(step.link.event.seq)) {
      return {
        links,
        ends: 'unknown',
        unknown: `the recorded causes go round in a circle at ${nameSeq(log, step.link.event)}`,
      }
    }
    links.push({ ...step.link, evidence: toEvidence(at, step.link.event) })
    seen.add(step.link.event.seq)
    at = step.link.event
  }
}

function nameLast(links: readonly WhyLink[], root: string): WhyLink[] {
  const last = links.at(-1)!
  return [...links.slice(0, -1), { ...last, how: `${last.how}: ${root}` }]
}

async function stepBack(log: LogReader, event: Event): Promise<Step> {
  if (event.kind === 'message' && event.body.op === 'receive') return stepToSend(log, event)
  if (event.kind === 'delivery') return stepFromDelivery(log, event)
  if (event.cause || event.origin) return stepToCause(log, event)
  if (event.kind === 'process' && event.body.op === 'spawn' && event.ordinal === 0) return stepToParent(log, event)
  return stepToStart(log, event)
}

/** What was received was sent: by the other end where it is recorded, else from outside. */
async function stepToSend(log: LogReader, event: EventOf<'message'>): Promise<Step> {
  const name = findSubject(log.processes(), event)?.name ?? event.pid
  const message = `message ${event.body.n} of ${name}`
  const sent = await findPartner(log, event)
  if (sent) return { link: { event: sent, evidence: 'recorded', how: `sent as ${message} by ${placeOf(log, sent)}` } }
  // A session's channel is fed by a delivery, which knows in whose handling the message came.
  if (event.cause || event.origin) return stepToCause(log, event)
  if (event.unpaired) return { unknown: `which send ${message} belongs to cannot be known` }
  if (listOtherEnds(log, event).length > 0) {
    return { unknown: `the send of ${message} is not in the log${lossOf(log)}` }
  }
  return stepOutside(log, event, name)
}

/** A session's channel has no other end of its own: what was delivered came from where its delivery came from. */
async function stepFromDelivery(log: LogReader, event: EventOf<'delivery'>): Promise<Step> {
  if (event.cause || event.origin) return stepToCause(log, event)
  if (event.body.op !== 'message') return stepToStart(log, event)
  const end = { thread: event.thread, subject: event.body.channel }
  return stepOutside(log, end, findSubject(log.processes(), end)?.name ?? 'its channel')
}

function stepOutside(log: LogReader, end: SubjectRef, name: string): Step {
  const record = findSubject(log.processes(), end)?.channel
  if (record?.outside) return { root: 'an input from outside' }
  return { unknown: `the other end of ${name} is not recorded` }
}

/** `origin` tells on whose behalf: where it differs from what made the code run now, only it leads to the request. */
async function stepToCause(log: LogReader, event: Event): Promise<Step> {
  const ref = event.origin ?? event.cause
  if (!ref) return { unknown: 'no cause is recorded' }
  const found = await loadRef(log, ref)
  if (!found)
    return { unknown: `its cause, event ${ref.ordinal} of thread ${ref.thread}, is not in the log${lossOf(log)}` }
  const { cause, origin } = event
  const differ = cause && origin && (cause.ordinal !== origin.ordinal || cause.thread !== origin.thread)
  const other = differ ? await loadRef(log, cause) : undefined
  const how = cause && !differ ? `in the handling of ${nameOf(log, found)}` : `on behalf of ${nameOf(log, found)}`
  const mention = other ? `; what made it run was ${nameSeq(log, other)}, ${nameOf(log, other)}` : ''
  return { link: { event: found, evidence: 'recorded', how: `${how}${mention}` } }
}

/** Without a cause, only turn 0 is accounted for: it is what the thread began with. */
async function stepToStart(log: LogReader, event: Event): Promise<Step> {
  const thread = findThread(log, event.thread)
  if (event.turn !== 0) {
    return { unknown: `nothing in the log says why turn @${event.turn} of thread ${thread.path} ran` }
  }
  const start = await loadRef(log, { thread: event.thread, ordinal: toOrdinal(0) })
  if (!start) return { unknown: `the start of thread ${thread.path} is not in the log${lossOf(log)}` }
  return { link: { event: start, evidence: 'recorded', how: `in the first turn of thread ${thread.path}` } }
}

/** A thread's first event follows from the parent's note that it started a child of that path. */
async function stepToParent(log: LogReader, event: Event): Promise<Step> {
  const { path } = findThread(log, event.thread)
  const parentPath = path.includes('.') ? path.slice(0, path.lastIndexOf('.')) : undefined
  if (parentPath === undefined) return { root: 'the start of the program' }
  const parent = log.threads().find((thread) => thread.path === parentPath)
  if (!parent) return { unknown: `thread ${parentPath}, which started thread ${path}, is not recorded` }
  // A path may be claimed with a suffix where a process in between passed the same name on twice.
  const told: ReadonlySet<ThreadPath | string> = new Set([path, path.replace(/-\d+$/, '')])
  for await (const found of log.events({ kinds: ['process'], thread: parent.no, reverse: true })) {
    if (found.kind !== 'process' || found.body.op !== 'child' || !told.has(found.body.path)) continue
    return { link: { event: found, evidence: 'recorded', how: `started by thread ${parentPath}` } }
  }
  return { unknown: `no event of thread ${parentPath} says that it started thread ${path}` }
}

/** A link that a derived event has a part in is not in the log: the re-execution went through it. */
function toEvidence(...events: readonly Event[]): Evidence {
  return events.some(({ derived }) => derived !== undefined) ? 'derived' : 'recorded'
}

function nameSeq(log: LogReader, { seq }: Event): string {
  return toEventName(log.position(seq))
}

/** Says that something is missing only where the log knows it. */
function lossOf(log: LogReader): string {
  if (log.firstSeq > 0) return `: events before ${log.firstSeq} were pruned`
  const gaps = log.gaps()
  return gaps.length > 0 ? `, which has gaps (${[...new Set(gaps.map(({ reason }) => reason))].join(', ')})` : ''
}

function placeOf(log: LogReader, event: Event): string {
  return `thread ${findThread(log, event.thread).path}`
}

/** An event in the words of a sentence: `message 3 of orders`, `timer 2 of shop`, `the start of thread 0.1`. */
export function nameOf(log: LogReader, event: Event): string {
  const name = toShortName(findSubject(log.processes(), event), event)
  switch (event.kind) {
    case 'message':
      return `${event.body.op === 'send' ? 'the sending of ' : ''}message ${event.body.n} of ${name}`
    case 'state':
      return `a change of ${name}`
    case 'delivery':
      if (event.body.op === 'mount') return `the mounting of ${name}`
      if (event.body.op === 'native') return `turn ${event.turn} of ${name}`
      return event.body.op === 'timer' ? `timer ${event.body.timer} of ${name}` : `message ${event.body.n} to ${name}`
    case 'call':
      return `the call of ${event.body.name}`
    case 'process':
      return event.body.op === 'spawn' ? `the start of ${name}` : `${event.body.op} of ${name}`
    default:
      return `a ${event.kind} of ${name}`
  }
}

function toShortName(process: ProcessInfo | undefined, event: Event): string {
  return process?.name ?? event.pid
}
