import type { Event, EventOf } from '../src/events.js'
import { type Seq, toSeq } from '../src/ids.js'
import type { LogReader, ProcessInfo, SubjectRef } from '../src/log/reader.js'
import { findSubject } from './processes.js'

/** The event that sent what `event` received, or the first that received what it sent; undefined when there is none in
 *  the log or no partner may be sought. Cost: reads the other end's messages from `event` on, until the numbers pass. */
export async function findPartner(log: LogReader, event: Event): Promise<Event | undefined> {
  if (event.kind !== 'message' || event.unpaired) return undefined
  if (event.body.op === 'handled') return undefined
  if (event.body.op === 'receive' && event.cause) {
    const named = await loadRef(log, event.cause)
    if (named?.kind === 'message' && named.body.op === 'send') return named
  }
  for (const end of listOtherEnds(log, event)) {
    const found = event.body.op === 'receive' ? await findSend(log, event, end) : await findReceive(log, event, end)
    if (found) return found
  }
  return undefined
}

/** Ends that may have sent what `event` received, or the other way round. */
export function listOtherEnds(log: LogReader, event: EventOf<'message'>): readonly ProcessInfo[] {
  const processes = log.processes()
  const own = findSubject(processes, event)
  if (!own?.channel) return []
  if (own.channel.loop) return [own]
  const paths = new Map(log.threads().map(({ no, path }) => [no, path]))
  return processes.filter((other) => {
    if (!other.channel || other.name !== own.name || other.channel.transport !== own.channel?.transport) return false
    if (other.channel.end === own.channel.end) return false
    if (own.channel.peer !== undefined && paths.get(other.thread) !== own.channel.peer) return false
    return other.channel.peer === undefined || paths.get(own.thread) === other.channel.peer
  })
}

/** Loads the event that a reference names; undefined when the log no longer holds it, or never did. */
export async function loadRef(log: LogReader, ref: NonNullable<Event['cause']>): Promise<Event | undefined> {
  const seq = await log.findOrdinal(ref)
  return seq === undefined ? undefined : log.find(seq)
}

async function findSend(log: LogReader, event: EventOf<'message'>, end: SubjectRef): Promise<Event | undefined> {
  const before = await scan(log, { end, op: 'send', n: event.body.n, seq: event.seq, reverse: true })
  // Only a late event stands before its send.
  return before ?? (await scan(log, { end, op: 'send', n: event.body.n, seq: event.seq, reverse: false }))
}

async function findReceive(log: LogReader, event: EventOf<'message'>, end: SubjectRef): Promise<Event | undefined> {
  const after = await scan(log, { end, op: 'receive', n: event.body.n, seq: event.seq, reverse: false })
  return after ?? (await scan(log, { end, op: 'receive', n: event.body.n, seq: event.seq, reverse: true }))
}

interface Scan {
  readonly end: SubjectRef
  readonly op: 'send' | 'receive'
  readonly n: number
  readonly seq: Seq
  readonly reverse: boolean
}

/** An end's numbers only rise: once they pass the wanted one, it isn't there. */
async function scan(log: LogReader, { end, op, n, seq, reverse }: Scan): Promise<Event | undefined> {
  const range = reverse ? { to: seq } : { from: toSeq(seq) }
  for await (const event of log.events({ ...range, kinds: ['message'], subjects: [end], reverse })) {
    if (event.kind !== 'message' || event.body.op !== op || event.unpaired) continue
    if (event.body.n === n) return event
    if (reverse ? event.body.n < n : event.body.n > n) return undefined
  }
  return undefined
}
