import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { RetroscopeError } from '../src/errors.js'
import { toSeq } from '../src/ids.js'
import { findLive } from '../src/log/live.js'
import { openLog } from '../src/log/open.js'
import { isMadeHere } from '../src/log/origin.js'
import type { LogReader, StateAnswer } from '../src/log/reader.js'
import { toModuleUrl } from '../src/scope/session-module.js'
import type { MomentInput } from './recording.js'
import type { Verdict } from './replay/divergence.js'
import { type Progress, type Runner, runHere } from './replay/runner.js'
import { loadSessionLog, type SessionLog } from './replay/session-log.js'
import { runInWorker } from './replay/worker-runner.js'
import { resolveMoment } from './timeline.js'

export interface ReplayOptions {
  /** The session to run; needed when the recording has several. */
  readonly session?: string
  /** Stop at the end of the turn that holds this moment. Without it, run to the end. */
  readonly until?: MomentInput
  /** The session module, where it doesn't lie where it lay. */
  readonly module?: string | URL
  /** Run the module that a recording names which was not made here. */
  readonly trust?: boolean
  /** Run in this thread and hand out the live objects. Then nothing ends a session that loops for ever. */
  readonly inProcess?: boolean
  /** A turn that runs longer is a divergence. Default 10,000. */
  readonly turnTimeoutMs?: number
  /** Node's flags for the Worker, such as a loader's `--import`. Default: those of this process. */
  readonly execArgv?: readonly string[]
  /** Where the session's own output goes. Default stdout. */
  readonly output?: 'stdout' | 'stderr'
}

/** What a replay found, up to where it stands. */
export interface ReplayOutcome {
  readonly session: string
  readonly verdict: Verdict
  /** End of the turn that ran last; null before the first. */
  readonly at: { readonly turn: number; readonly seq: number } | null
  /** State of each container at exactly the asked moment, from the recorded deltas. */
  readonly recorded: Readonly<Record<string, StateAnswer>>
  /** What each container holds at the end of the turn `at`: the live objects in process, else copies. */
  readonly live: Readonly<Record<string, unknown>>
  /** Runs further turns, then answers anew. After a final verdict it answers the same. */
  step(turns?: number): Promise<ReplayOutcome>
  /** Needed only where the replay was stopped and isn't taken further. */
  close(): Promise<void>
}

const TURN_TIMEOUT_MS = 10_000

/** Runs a recorded session again, in a fresh Worker, fed with what it got, and compares what it does with what it did.
 *  Nothing real is opened, sent or waited for. `source`: path of a recording, or the scope of this program.
 *  @throws UNKNOWN_SESSION, AMBIGUOUS_NAME, OBSERVED, NOT_FOUND (the module), UNTRUSTED, what openRecording throws, or what the
 *  module throws when it is imported */
export async function replay(source: string | object, options: ReplayOptions = {}): Promise<ReplayOutcome> {
  const log = await openLogOf(source)
  try {
    return await replayLog(log, source, options)
  } catch (error) {
    await log.close()
    throw error
  }
}

async function openLogOf(source: string | object): Promise<LogReader> {
  if (typeof source === 'string') return openLog(source)
  const live = findLive(source)
  if (live) return live.open()
  throw new RetroscopeError('NOT_A_RECORDING', 'Neither a path nor the scope of a program that is being recorded.', {
    hint: 'Give the path of a recording, or what `await setup()` returned.',
  })
}

async function replayLog(log: LogReader, origin: string | object, options: ReplayOptions): Promise<ReplayOutcome> {
  const found = await loadSessionLog(log, options.session)
  const until = options.until === undefined ? undefined : await resolveMoment(log, options.until)
  const turns = found.turns()
  const source = async () => {
    const next = await turns.next()
    return next.done ? undefined : next.value
  }
  const module = findModule(log, found, options.module)
  checkModule(module, origin, options)
  const runner = await start(found, source, module, options)
  try {
    const progress = await runner.advance(until === undefined ? {} : { until })
    return await toOutcome({ log, found, runner }, progress, until)
  } catch (error) {
    await runner.close()
    throw error
  }
}

function start(
  found: SessionLog,
  source: () => ReturnType<Parameters<typeof runHere>[1]>,
  module: string,
  options: ReplayOptions,
): Promise<Runner> {
  const { session, channels, ends, module: recordedModule } = found
  const spec = { name: session.name, subject: session.subject, channels, ends, recordedModule, module }
  if (options.inProcess) return runHere(spec, source)
  const { turnTimeoutMs = TURN_TIMEOUT_MS, output = 'stdout' } = options
  const flags = options.execArgv === undefined ? {} : { execArgv: options.execArgv }
  return runInWorker(spec, source, { turnTimeoutMs, output, ...flags })
}

interface Replaying {
  readonly log: LogReader
  readonly found: SessionLog
  readonly runner: Runner
}

/** Once the verdict is final, everything is let go; a replay that only stopped is kept for its next step. */
async function toOutcome(replaying: Replaying, progress: Progress, until?: number): Promise<ReplayOutcome> {
  const { log, found, runner } = replaying
  const { verdict, at, live } = progress
  const moment = until ?? at?.seq
  const recorded: Record<string, StateAnswer> = {}
  for (const { name, thread, subject } of log.processes().filter((one) => isContainerOf(found, one))) {
    if (moment !== undefined) recorded[name] = await log.stateAt({ thread, subject }, toSeq(moment))
  }
  const close = async () => {
    await runner.close()
    await log.close()
  }
  const base = { session: found.session.name, verdict, at, recorded, live, close }
  if (verdict.kind === 'stopped') {
    return { ...base, step: async (turns = 1) => toOutcome(replaying, await runner.advance({ turns })) }
  }
  await close()
  const outcome: ReplayOutcome = { ...base, step: async () => outcome, close: async () => {} }
  return outcome
}

function isContainerOf({ session }: SessionLog, one: ReturnType<LogReader['processes']>[number]): boolean {
  return one.container && one.thread === session.thread && one.within === session.subject
}

/** Nothing holds back what a module does while it is loaded: which one that is, a recording from elsewhere does not say. */
function checkModule(module: string, origin: string | object, { module: given, trust }: ReplayOptions): void {
  if (given !== undefined || trust || typeof origin !== 'string' || isMadeHere(origin)) return
  const isFile = module.startsWith('file:')
  const place = isFile ? fileURLToPath(module) : module.slice(0, 60)
  throw new RetroscopeError('UNTRUSTED', `The session would run ${isFile ? '' : 'what stands in no file: '}${place}.`, {
    hint:
      'The recording was not made here by you, or was copied. Name the module that shall run, such as your own checkout’s, ' +
      'with --module FILE; or run the one that the recording names with --trust.',
  })
}

/** The module as it was recorded, else at the same place under the current directory. */
function findModule(log: LogReader, { module, session }: SessionLog, given: string | URL | undefined): string {
  if (given !== undefined) return toModuleUrl(given)
  if (!module.startsWith('file:') || existsSync(new URL(module))) return module
  const cwd = log.threads().find(({ no }) => no === session.thread)?.record?.cwd
  const path = fileURLToPath(module)
  const here =
    cwd !== undefined && path.startsWith(`${cwd}/`) ? toModuleUrl(`./${path.slice(cwd.length + 1)}`) : undefined
  if (here !== undefined && existsSync(new URL(here))) return here
  throw new RetroscopeError('NOT_FOUND', `The session's module is not there: ${path}.`, {
    hint: 'Check out the program at the version that was recorded, or name the module with --module FILE.',
  })
}
