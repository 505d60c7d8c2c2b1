import { assertNever, RetroscopeError } from '../src/errors.js'
import { type Seq, type ThreadNo, toSeq } from '../src/ids.js'
import type { LogReader, ThreadInfo } from '../src/log/reader.js'
import { type Moment, toMoment } from '../src/moments.js'
import { toDuration, toRelative } from './durations.js'
import type { MomentInput, MomentOptions } from './recording.js'
import { findThread } from './threads.js'

/** Finds the event that a moment names: the last at or before it. @throws UNKNOWN_MOMENT, OUTSIDE with what exists */
export async function resolveMoment(log: LogReader, input: MomentInput, options: MomentOptions = {}): Promise<Seq> {
  const moment: Moment = typeof input === 'number' ? { kind: 'seq', seq: input } : toMoment(input)
  if (log.endSeq <= log.firstSeq) {
    throw new RetroscopeError('OUTSIDE', 'The recording holds no events yet.', {
      hint: 'Look at it with: retroscope info',
    })
  }
  switch (moment.kind) {
    case 'seq':
      return resolveSeq(log, moment.seq)
    case 'derived':
      return resolveDerived(log, moment)
    case 'turn':
      return resolveTurn(log, moment, options)
    case 'time':
      return resolveTime(log, moment, String(input), options)
    case 'date':
      return resolveDate(log, moment.epochUs, String(input), options)
    case 'start':
      return log.firstSeq
    case 'end':
      return toSeq(log.endSeq - 1)
    case 'crash':
      return resolveCrash(log)
    default:
      return assertNever(moment)
  }
}

/** Time of the last event, µs since the start. */
export async function loadEndUs(log: LogReader): Promise<number> {
  if (log.endSeq <= log.firstSeq) return 0
  let endUs = 0
  // Order between threads is by anchored time, but a late event may stand last and be older than its neighbours.
  for await (const event of log.events({ reverse: true, limit: 64 })) endUs = Math.max(endUs, event.timeUs)
  return endUs
}

function resolveSeq(log: LogReader, seq: number): Seq {
  if (!Number.isSafeInteger(seq) || seq < 0) {
    throw new RetroscopeError('UNKNOWN_MOMENT', `${seq} is no seq: seqs are 0, 1, 2, …`)
  }
  if (seq > toSpan(log).last) {
    throw new RetroscopeError('OUTSIDE', `Moment ${seq} is outside the recording: its events are ${toSpanText(log)}.`, {
      hint: 'Use a seq in that range, or end.',
    })
  }
  if (seq < toSpan(log).first) {
    throw new RetroscopeError('OUTSIDE', `Event ${seq} was pruned: the recording still holds ${toSpanText(log)}.`, {
      hint: 'Use a seq in that range, or start.',
    })
  }
  return log.findPosition({ seq: toSeq(seq) })!
}

function resolveDerived(log: LogReader, { seq, derived }: Extract<Moment, { kind: 'derived' }>): Seq {
  const after = resolveSeq(log, seq)
  const found = log.findPosition({ seq: toSeq(seq), derived })
  if (found !== undefined) return found
  let last = 0
  while (log.findPosition({ seq: toSeq(seq), derived: last + 1 }) !== undefined) last++
  const what = last === 0 ? 'none' : `up to ${seq}.${last}`
  throw new RetroscopeError(
    'OUTSIDE',
    `There is no event ${seq}.${derived}: behind event ${seq}, ${what} was derived.`,
    {
      hint: last === 0 ? `Use ${log.position(after).seq}.` : `Use ${seq}.${last}.`,
    },
  )
}

async function resolveTurn(
  log: LogReader,
  moment: { readonly turn: number; readonly step: number },
  options: MomentOptions,
): Promise<Seq> {
  const thread = findThread(log, options.thread)
  const found = await log.findTurn(thread.no, moment.turn)
  if (!found) throw toOutsideTurn(thread, moment.turn)
  if (moment.step === 0) return options.edge === 'first' ? found.first : found.last
  return findStep(log, { thread: thread.no, ...moment, ...found, edge: options.edge ?? 'last' })
}

interface StepQuery {
  readonly thread: ThreadNo
  readonly turn: number
  readonly step: number
  readonly first: Seq
  readonly last: Seq
  readonly edge: 'first' | 'last'
}

async function findStep(log: LogReader, query: StepQuery): Promise<Seq> {
  let steps = 0
  const reverse = query.edge === 'last'
  for await (const event of log.events({ thread: query.thread, from: query.first, to: query.last, reverse })) {
    if (event.turn !== query.turn) continue
    if (event.step === query.step) return event.seq
    steps = Math.max(steps, event.step)
  }
  throw new RetroscopeError(
    'OUTSIDE',
    `Turn @${query.turn} has no step ${query.step}: ${steps === 0 ? 'it has no further steps' : `its last is @${query.turn}.${steps}`}.`,
  )
}

function toOutsideTurn(thread: ThreadInfo, turn: number): RetroscopeError {
  const range = thread.turns > 0 ? `@0 to @${thread.turns - 1}` : 'none'
  return new RetroscopeError('OUTSIDE', `Thread ${thread.path} has no turn @${turn}: its turns are ${range}.`, {
    hint: 'Use a turn in that range, or name another thread with --thread.',
  })
}

async function resolveTime(
  log: LogReader,
  moment: { readonly us: number; readonly fromEnd: boolean },
  text: string,
  options: MomentOptions,
): Promise<Seq> {
  const endUs = await loadEndUs(log)
  // Times are printed to the millisecond: what is pasted back may lie that much behind the last event.
  const us = moment.fromEnd ? endUs - moment.us : moment.us
  // "From -2s on" of a recording that is shorter is all of it.
  if (us < 0 && options.edge === 'first') return log.firstSeq
  if (us < 0 || us > endUs + 1_000) {
    throw new RetroscopeError('OUTSIDE', `${text} is outside the recording, which is ${toDuration(endUs)} long.`, {
      hint: `Use a time from +0s to ${toRelative(endUs)}, or end.`,
    })
  }
  return seekEdge(log, us, options)
}

async function resolveDate(log: LogReader, epochUs: number, text: string, options: MomentOptions): Promise<Seq> {
  const endUs = await loadEndUs(log)
  const us = epochUs - log.startedAtUs
  // A date has milliseconds at best.
  if (us < -1_000 || us > endUs + 1_000) {
    const [from, to] = [log.startedAtUs, log.startedAtUs + endUs].map(toIso)
    throw new RetroscopeError('OUTSIDE', `${text} is outside the recording, which runs from ${from} to ${to}.`, {
      hint: 'Use a time in that range, or start or end.',
    })
  }
  return seekEdge(log, Math.max(0, us), options)
}

/** An ISO time for µs since the Unix epoch. */
export function toIso(epochUs: number): string {
  return new Date(Math.floor(epochUs / 1000)).toISOString()
}

async function seekEdge(log: LogReader, us: number, options: MomentOptions): Promise<Seq> {
  if (options.edge === 'first') {
    const before = us > 0 ? await log.seekTime(us - 1) : undefined
    return before === undefined ? log.firstSeq : toSeq(Math.min(before + 1, log.endSeq - 1))
  }
  return (await log.seekTime(us)) ?? log.firstSeq
}

async function resolveCrash(log: LogReader): Promise<Seq> {
  const seq = await findCrash(log)
  if (seq !== undefined) return seq
  throw new RetroscopeError('OUTSIDE', 'The recording has no crash.', { hint: 'Use end for its last event.' })
}

/** The last crash of the recording: the one that ended it, where several threads crashed. */
export async function findCrash(log: LogReader): Promise<Seq | undefined> {
  for await (const event of log.events({ kinds: ['process'], reverse: true })) {
    if (event.kind === 'process' && event.body.op === 'crash') return event.seq
  }
  return undefined
}

/** Seqs of the first and the last event. */
function toSpan(log: LogReader): { readonly first: number; readonly last: number } {
  return { first: log.position(log.firstSeq).seq, last: log.position(toSeq(log.endSeq - 1)).seq }
}

function toSpanText(log: LogReader): string {
  const { first, last } = toSpan(log)
  return `${first} to ${last}`
}
