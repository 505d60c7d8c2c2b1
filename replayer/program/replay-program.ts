import { RetroscopeError } from '../../src/errors.js'
import type { ThreadNo, ThreadPath } from '../../src/ids.js'
import { openLog } from '../../src/log/open.js'
import type { LogReader } from '../../src/log/reader.js'
import { findThread } from '../threads.js'
import { type ProgramOutcome, runProgram } from './run.js'
import { listTaped, type TapedThread } from './taped-threads.js'

export interface ProgramOptions {
  /** Path of the thread to run; without it the one that failed, else the first. */
  readonly thread?: string
  readonly all?: boolean
  /** Which source files run: those of the recording, or those that stand here. Default: recorded. */
  readonly sources?: 'recorded' | 'local'
}

/** Runs threads of a recorded program again.
 *  @returns undefined where no thread's inputs were recorded and none was asked for
 *  @throws OBSERVED, NODE_VERSION, DAMAGED */
export async function replayProgram(
  path: string,
  { thread, all, sources = 'recorded' }: ProgramOptions,
): Promise<readonly ProgramOutcome[] | undefined> {
  const log = await openLog(path)
  try {
    const taped = await listTaped(log)
    if (taped.length === 0 && thread === undefined && !all) return undefined
    const outcomes: ProgramOutcome[] = []
    for (const one of await choose(log, taped, thread, all))
      outcomes.push(await runProgram(log, one, sources === 'local'))
    return outcomes
  } finally {
    await log.close()
  }
}

async function choose(
  log: LogReader,
  taped: readonly TapedThread[],
  asked: string | undefined,
  all: boolean | undefined,
): Promise<readonly TapedThread[]> {
  if (asked !== undefined) {
    const found = findThread(log, asked)
    const one = taped.find(({ thread }) => thread.no === found.no)
    if (one) return [one]
  } else if (all && taped.length > 0) return taped
  else if (taped.length > 0) {
    const failed = await findFailed(log, taped[0]!.thread.no)
    return [taped.findLast(({ thread }) => failed.has(thread.no)) ?? taped[0]!]
  }
  throw new RetroscopeError('OBSERVED', 'The inputs of that thread were not recorded: it cannot be run again.', {
    hint: `Record without --no-inputs. Threads that can be run: ${taped.map(({ thread }) => thread.path).join(', ') || 'none'}.`,
  })
}

/** Threads with an uncaught error, or with an exit code of their own that is not 0; none where the first of them ended
 *  well: an error that a parent took care of is no failure of the command. What a thread's parent saw counts, too: its
 *  last listeners of `exit` set the code behind our back. */
async function findFailed(log: LogReader, first: ThreadNo): Promise<Set<ThreadNo>> {
  const failed = new Set<ThreadNo>()
  const crashed = new Set<ThreadNo>()
  const paths = new Set<ThreadPath>()
  for await (const event of log.events({ kinds: ['process'] })) {
    if (event.kind !== 'process' || event.subject !== 0) continue
    if (event.body.op === 'crash') crashed.add(event.thread)
    if (event.body.op === 'exit' && event.body.code) failed.add(event.thread)
    if (event.body.op === 'childExit' && event.body.code) paths.add(event.body.path)
  }
  for (const thread of log.threads()) if (paths.has(thread.path)) failed.add(thread.no)
  if (!crashed.has(first) && !failed.has(first)) return new Set()
  return crashed.size > 0 ? crashed : failed
}

export type { ProgramOutcome }
