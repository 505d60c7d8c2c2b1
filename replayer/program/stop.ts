import type { Seq, ThreadPath } from '../../src/ids.js'
import type { LogReader, ThreadInfo } from '../../src/log/reader.js'
import { resolveMoment } from '../timeline.js'
import { toTapeFrame } from './taped-threads.js'

/** Where the replay of one thread is to stop. */
export interface Stop {
  /** The first event that is not taken any more; undefined where the thread has none behind the moment. */
  readonly before: Seq | undefined
  /** The turn that holds the moment, and the thread's last event up to it. */
  readonly turn: number
  readonly seq: Seq
}

/** The end of the turn that holds a moment.
 *  @param counted path of the thread whose turn `@55` is
 *  @throws UNKNOWN_MOMENT, OUTSIDE */
export async function findStop(log: LogReader, thread: ThreadInfo, until: string, counted?: ThreadPath): Promise<Stop> {
  const moment = await resolveMoment(log, until, { thread: counted })
  const { turn, seq } = await findLast(log, thread, moment)
  const { last } = (await log.findTurn(thread.no, turn)) ?? { last: seq }
  for await (const event of log.events({ thread: thread.no, kinds: ['delivery'], from: seq })) {
    if (event.turn > turn && toTapeFrame(event)) return { before: event.seq, turn, seq: last }
  }
  return { before: undefined, turn, seq: last }
}

/** The event before which a debugger stops: the first of the turn that holds the moment, while there is something to be
 *  seen. Without a moment the thread's first. @throws UNKNOWN_MOMENT, OUTSIDE */
export async function findPause(log: LogReader, thread: ThreadInfo, until?: string): Promise<Seq> {
  if (until === undefined) return thread.firstSeq
  const moment = await resolveMoment(log, until, { thread: thread.path })
  const { turn } = await findLast(log, thread, moment)
  return (await log.findTurn(thread.no, turn))?.first ?? thread.firstSeq
}

/** What the thread did last up to there; its first event where it began later. */
async function findLast(
  log: LogReader,
  { no, firstSeq }: ThreadInfo,
  moment: Seq,
): Promise<{ readonly turn: number; readonly seq: Seq }> {
  for await (const { turn, seq } of log.events({ thread: no, to: moment, reverse: true, limit: 1 }))
    return { turn, seq }
  return { turn: 0, seq: firstSeq }
}
