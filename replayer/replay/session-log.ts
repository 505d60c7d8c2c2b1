import { RetroscopeError } from '../../src/errors.js'
import type { Event, EventOf } from '../../src/events.js'
import type { SubjectNo } from '../../src/ids.js'
import type { LogReader, ProcessInfo } from '../../src/log/reader.js'
import type { Delivery, Effect, RecordedTurn } from './recorded-turn.js'

/** One session of a recording, ready to be read turn by turn. */
export interface SessionLog {
  readonly session: ProcessInfo
  readonly module: string
  readonly channels: readonly string[]
  /** How the recording of it ends, and the error that ended its thread where one did. */
  readonly ends: 'closed' | 'crash' | 'cut'
  /** In order; holds one turn in memory at a time. */
  turns(): AsyncGenerator<RecordedTurn>
}

/** @throws UNKNOWN_SESSION with those that there are; OBSERVED when it cannot be re-executed, with what opened it */
export async function loadSessionLog(log: LogReader, name: string | undefined): Promise<SessionLog> {
  const session = findSession(log, name)
  await refuseObserved(log, session)
  const record = session.session
  if (record === null) throw new RetroscopeError('DAMAGED', `The session ${session.name} has no record of its module.`)
  const thread = log.threads().find(({ no }) => no === session.thread)
  const closed = session.endedAt !== null && thread?.ended !== 'crash'
  const ends = closed || thread?.ended === 'exit' ? 'closed' : thread?.ended === 'crash' ? 'crash' : 'cut'
  return { session, module: record.module, channels: record.channels, ends, turns: () => readTurns(log, session, ends) }
}

function findSession(log: LogReader, name: string | undefined): ProcessInfo {
  const sessions = log.processes().filter(({ type }) => type === 'session')
  const names = [...new Set(sessions.map((session) => session.name))]
  if (sessions.length === 0) {
    throw new RetroscopeError('UNKNOWN_SESSION', 'The recording has no session to replay.', {
      hint: 'This version replays sessions, not whole programs: mount a part of the program with scope.session(name, module, ends) and record again. state, diff, history and why answer without a replay.',
    })
  }
  const found = name === undefined ? sessions : sessions.filter((one) => one.name === name || one.pid === name)
  if (found.length === 1 && found[0]) return found[0]
  if (found.length === 0) {
    throw new RetroscopeError('UNKNOWN_SESSION', `The recording has no session ${JSON.stringify(name)}.`, {
      hint: `It has ${names.join(', ')}.`,
    })
  }
  throw new RetroscopeError('AMBIGUOUS_NAME', `The recording has ${found.length} such sessions.`, {
    hint: `Name one of them: ${found.map((one) => (name === undefined ? one.name : one.pid)).join(', ')}.`,
  })
}

async function refuseObserved(log: LogReader, session: ProcessInfo): Promise<void> {
  for await (const event of log.events({ subjects: [session], kinds: ['process'] })) {
    if (event.kind !== 'process' || event.body.op !== 'observed') continue
    const { call, stack } = event.body
    throw new RetroscopeError(
      'OBSERVED',
      `The session ${session.name} can't be re-executed: it met ${call}${toPlace(stack)}.`,
      {
        hint: 'What it gets from outside has to come through a channel of the session. state, diff, history and why still answer.',
        cause: stack,
      },
    )
  }
  const gap = log.gaps().find(({ from, to, reason }) => {
    return to >= session.spawnedAt && (session.endedAt === null || from <= session.endedAt) && reason !== 'sampled'
  })
  if (gap === undefined) return
  throw new RetroscopeError(
    'OBSERVED',
    `The session ${session.name} can't be re-executed: events are missing at ${gap.from} (${gap.reason}).`,
    {
      hint: 'state, diff, history and why still answer, and say where they can not.',
    },
  )
}

function toPlace(stack: string | undefined): string {
  const line = stack?.split('\n').find((one) => /^\s*at /.test(one) && !/node:|[\\/]retroscope[\\/]/.test(one))
  return line === undefined ? '' : ` ${line.trim()}`
}

interface Draft {
  readonly delivery: Event & { readonly kind: 'delivery' }
  payload: { readonly value: unknown } | undefined
  lastSeq: number
  readonly values: (readonly [string, unknown])[]
  readonly effects: Effect[]
}

async function* readTurns(
  log: LogReader,
  session: ProcessInfo,
  ends: SessionLog['ends'],
): AsyncGenerator<RecordedTurn> {
  const members = findMembers(log, session)
  const names = new Map<number, string>(members.map(({ subject, name }) => [subject, name]))
  let draft: Draft | undefined
  const subjects = [session, ...members].map(({ thread, subject }) => ({ thread, subject }))
  for await (const event of log.events({ subjects, from: session.spawnedAt })) {
    if (event.kind === 'delivery') {
      if (draft) yield toTurn(draft, names, false)
      draft = { delivery: event, payload: undefined, lastSeq: event.seq, values: [], effects: [] }
    } else if (draft) add(draft, event, session.subject)
  }
  if (draft) yield toTurn(draft, names, ends === 'cut')
}

function findMembers(log: LogReader, session: ProcessInfo): ProcessInfo[] {
  return log.processes().filter(({ thread, within }) => thread === session.thread && within === session.subject)
}

function add(draft: Draft, event: Event, session: SubjectNo): void {
  draft.lastSeq = event.seq
  if (event.kind === 'values') draft.values.push(...event.body.values)
  else if (event.kind === 'message') addMessage(draft, event)
  else if (event.kind === 'state') addState(draft, event)
  else if (event.kind === 'process') addProcess(draft, event, session)
}

function addMessage(draft: Draft, { seq, subject, body }: EventOf<'message'>): void {
  if (body.op === 'send') draft.effects.push({ seq, kind: 'send', subject, payload: body.payload })
  const { delivery } = draft
  if (body.op === 'receive' && delivery.body.op === 'message' && delivery.body.channel === subject) {
    draft.payload ??= { value: body.payload }
  }
}

function addState(draft: Draft, { seq, subject, body }: EventOf<'state'>): void {
  if (body.op === 'init') draft.effects.push({ seq, kind: 'init', subject, state: body.state })
  else if (body.op === 'delta') draft.effects.push({ seq, kind: 'delta', subject, patch: body.patch })
  else if (body.op === 'keyframe') draft.effects.push({ seq, kind: 'keyframe', subject, state: body.state })
}

function addProcess(draft: Draft, { seq, subject, body }: EventOf<'process'>, session: SubjectNo): void {
  if (body.op === 'spawn' && subject !== session) {
    draft.effects.push({ seq, kind: 'open', subject, name: body.name, type: body.type })
  } else if (body.op === 'crash' && subject === session && body.error) {
    draft.effects.push({ seq, kind: 'error', reason: body.reason, error: body.error })
  }
}

function toTurn(draft: Draft, names: ReadonlyMap<number, string>, cut: boolean): RecordedTurn {
  const { delivery, lastSeq, values, effects } = draft
  const base = { turn: delivery.turn, seq: delivery.seq, lastSeq, values, effects, cut }
  return { ...base, delivery: toDelivery(draft, names) }
}

function toDelivery({ delivery, payload }: Draft, names: ReadonlyMap<number, string>): Delivery {
  const { body } = delivery
  if (body.op === 'native') throw new RetroscopeError('INTERNAL', `Event ${delivery.seq} is no delivery of a session.`)
  if (body.op !== 'message') return body
  return {
    op: 'message',
    channel: names.get(body.channel) ?? `process ${body.channel}`,
    n: body.n,
    payload: payload?.value,
  }
}
