import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isRetroscopeError, RetroscopeError } from '../../src/errors.js'
import type { ThreadPath } from '../../src/ids.js'
import { openLog } from '../../src/log/open.js'
import { isMadeHere } from '../../src/log/origin.js'
import type { LogReader } from '../../src/log/reader.js'
import { derive } from '../derived/derive.js'
import { findThread } from '../threads.js'
import { type CapturedThread, mergeOutputs } from './captured-output.js'
import { DebuggerPort } from './debugger-port.js'
import type { NotRun, ProgramVerdict } from './divergence.js'
import { type FailedThread, findFailedThread } from './failed-thread.js'
import { type InheritedOutput, listInherited } from './inherited-output.js'
import { Interruption } from './interruption.js'
import { type ProgramOutcome, type RunOptions, runProgram } from './run.js'
import { findPause, findStop } from './stop.js'
import { findUnfed, listTaped, type TapedThread, toCommand, toUnfedError } from './taped-threads.js'

export interface ProgramOptions {
  /** Path of the thread to run; without it the one that failed, else the first. */
  readonly thread?: string
  readonly all?: boolean
  /** Which source files run: those of the recording, or those that stand here. Default: recorded. */
  readonly sources?: 'recorded' | 'local'
  /** Run recorded sources that do not stand here as they are. */
  readonly trust?: boolean
  /** Derive what its channels and containers did, and keep it with the recording. */
  readonly trace?: boolean
  /** Path of the Node binary that runs it; without it the one that runs this. */
  readonly node?: string
  /** A moment: stop at the end of the turn that holds it. `@55` is a turn of the thread that runs; with `all`, of the
   *  first. */
  readonly until?: string
  /** Stop in front of that turn for a debugger instead, which connects at that port; 0: at any. Without a moment, at the
   *  first line. */
  readonly inspect?: number
}

/** A thread that is about to run again. */
export interface ChosenThread {
  readonly path: ThreadPath
  /** Its words, and how it failed where it was chosen for that. */
  readonly command: string
  readonly failed?: string
}

export interface ProgramEvents {
  onStart?(thread: ChosenThread): void
  /** The program waits for a debugger. */
  onHeld?(place: string, url: string): void
  /** It has run to its end, and no line of its own was left to stand at. */
  onMissed?(): void
  /** A debugger has come. */
  onDebugger?(): void
  /** What all threads wrote to the command's stdout and stderr, in order. */
  onOutput?(fd: number, bytes: Uint8Array): Promise<void>
}

/** What came of one thread, and what its children wrote beside it. */
export interface ThreadOutcome extends Omit<ProgramOutcome, 'captured' | 'verdict'> {
  /** `refused` where it is one of several: the others are run all the same. */
  readonly verdict: ProgramVerdict | NotRun
  readonly inherited: readonly InheritedOutput[]
}

/** Runs threads of a recorded program again.
 *  @returns undefined where no thread's inputs were recorded and none was asked for
 *  @throws USAGE, OBSERVED, NODE_VERSION, BOUNDARY_VERSION, DAMAGED, UNTRUSTED, NO_SOURCE, NOT_FOUND, NO_PERMISSION, CANNOT_START,
 *  UNKNOWN_MOMENT, OUTSIDE, Interrupted */
export async function replayProgram(
  path: string,
  options: ProgramOptions,
  events: ProgramEvents = {},
): Promise<readonly ThreadOutcome[] | undefined> {
  if (options.trace) checkWhole(options.sources, options.until)
  return Interruption.during((interruption) => replayThreads(path, options, { ...events, interruption }))
}

interface Going extends ProgramEvents {
  readonly interruption: Interruption
}

async function replayThreads(
  path: string,
  { thread, all, trace = false, sources, trust = false, node, until, inspect }: ProgramOptions,
  events: Going,
): Promise<readonly ThreadOutcome[] | undefined> {
  const { interruption } = events
  const own = isMadeHere(path)
  const local = sources === 'local'
  const given = node !== undefined && { node }
  const options: RunOptions = { interruption, local, trust, own, recording: path, ...given }
  const log = await openLog(path)
  try {
    const taped = await listTaped(log)
    if (taped.length === 0 && thread === undefined && !all) return undefined
    const run = async (one: TapedThread, output?: string): Promise<ProgramOutcome> => {
      // `@55` is a turn of the thread that runs, and of the first where many do.
      const stop =
        until === undefined ? undefined : await findStop(log, one.thread, until, output ? undefined : one.thread.path)
      return runOne(path, log, one, { ...options, ...(output && { output }), ...(stop && { stop }) }, trace)
    }
    if (all && taped.length > 0) return await runAll(taped, run, events)
    const { one, failed } = await choose(log, taped, thread)
    events.onStart?.({ path: one.thread.path, command: toCommand(one.head), ...(failed && { failed: failed.how }) })
    const { captured: _, ...outcome } =
      inspect === undefined ? await run(one) : await runDebugged(log, one, options, { inspect, until, events })
    return [{ ...outcome, inherited: await listInherited(log, taped, one) }]
  } finally {
    await log.close()
  }
}

/** @throws USAGE where what is derived would be that of other code, or of a part */
function checkWhole(sources: ProgramOptions['sources'], until: string | undefined): void {
  if (sources !== 'local' && until === undefined) return
  throw new RetroscopeError(
    'USAGE',
    `trace and ${until === undefined ? 'local sources' : 'until'} exclude each other.`,
    {
      hint: 'What is kept with a recording is derived from what was recorded, all of it.',
    },
  )
}

interface Debugging {
  readonly inspect: number
  readonly until: string | undefined
  readonly events: ProgramEvents
}

async function runDebugged(
  log: LogReader,
  one: TapedThread,
  options: RunOptions,
  { inspect, until, events }: Debugging,
): Promise<ProgramOutcome> {
  if (one.head.worker) {
    throw new RetroscopeError('USAGE', `Thread ${one.thread.path} is a worker: debuggers find the main thread only.`, {
      hint: 'Name a main thread with --thread, or stop the worker without --inspect.',
    })
  }
  const pause = await findPause(log, one.thread, until)
  const port = await DebuggerPort.listen(inspect)
  let isHeld = false
  try {
    port.onDebugger = () => events.onDebugger?.()
    const onHeld = (place: string, url: string): void => {
      isHeld = true
      events.onHeld?.(place, url)
    }
    const { printed: _, ...outcome } = await runProgram(log, one, { ...options, inspect: { port, pause, onHeld } })
    if (!isHeld && outcome.verdict.kind !== 'diverged') events.onMissed?.()
    return outcome
  } finally {
    port.close()
  }
}

async function runOne(
  path: string,
  log: LogReader,
  taped: TapedThread,
  options: RunOptions,
  trace: boolean,
): Promise<ProgramOutcome> {
  if (trace) return derive(path, log, taped, options)
  const { printed: _, ...outcome } = await runProgram(log, taped, options)
  return outcome
}

/** Each alone, one after the other; then what they wrote, put in order. One that cannot be run stops no other. */
async function runAll(
  taped: readonly TapedThread[],
  run: (taped: TapedThread, output: string) => Promise<ProgramOutcome>,
  { onStart, onOutput, interruption }: Going,
): Promise<readonly ThreadOutcome[]> {
  const dir = mkdtempSync(join(tmpdir(), 'retroscope-outputs-'))
  try {
    const outcomes: ThreadOutcome[] = []
    const outputs: CapturedThread[] = []
    for (const one of taped) {
      const { path } = one.thread
      onStart?.({ path, command: toCommand(one.head) })
      const { captured, ...outcome } = await run(one, join(dir, path)).catch((error) => toNotRun(path, error))
      if (captured) outputs.push(captured)
      outcomes.push({ ...outcome, inherited: [] })
    }
    const tell = async (): Promise<void> => {
      for (const { fd, bytes } of mergeOutputs(outputs)) await onOutput?.(fd, bytes)
    }
    await interruption.race(tell())
    return outcomes
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}

type Attempt = Omit<ThreadOutcome, 'inherited'> & Pick<ProgramOutcome, 'captured'>

/** @throws what is no answer about that thread */
function toNotRun(thread: ThreadPath, error: unknown): Attempt {
  if (!isRetroscopeError(error)) throw error
  const { code, message, hint = null } = error as RetroscopeError
  const verdict = { kind: 'refused', error: code, message, hint } as const
  return { thread, verdict, sources: { files: 0, changed: [], missing: [] } }
}

async function choose(
  log: LogReader,
  taped: readonly TapedThread[],
  asked: string | undefined,
): Promise<{ readonly one: TapedThread; readonly failed?: FailedThread }> {
  if (asked !== undefined) {
    const found = findThread(log, asked)
    const one = taped.find(({ thread }) => thread.no === found.no)
    if (one) return { one }
    const unfed = await findUnfed(log, found)
    if (unfed.length > 0) throw toUnfedError(found.path, unfed)
  } else if (taped.length > 0) {
    const failed = await findFailedThread(log)
    const one = taped.find(({ thread }) => thread.no === failed?.no)
    return one && failed ? { one, failed } : { one: taped[0]! }
  }
  throw new RetroscopeError('OBSERVED', 'The inputs of that thread were not recorded: it cannot be run again.', {
    hint: `Record without --no-inputs. Threads that can be run: ${taped.map(({ thread }) => thread.path).join(', ') || 'none'}.`,
  })
}
