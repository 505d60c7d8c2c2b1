import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createWriteStream, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import type { TapeHead } from '../../src/boundary/node/head.js'
import { injectPreload } from '../../src/boundary/node/preload-option.js'
import { toTapeBytes } from '../../src/boundary/node/tape-file.js'
import { RetroscopeError } from '../../src/errors.js'
import type { LogReader } from '../../src/log/reader.js'
import type { CapturedThread } from './captured-output.js'
import type { ProgramRefusal, ProgramVerdict, SaidDivergence } from './divergence.js'
import { explain } from './explanation.js'
import { hold, type Inspecting } from './held-program.js'
import type { Interruption } from './interruption.js'
import { toNodeBinary } from './node-binary.js'
import { toSafeEnvironment, toSafeWorkerEnvironment } from './node-environment.js'
import { keepFlags, readFlags, splitOptions, TEXT } from './node-flags.js'
import { type Printed, type ReplayAnswer, type ReplayOrders, toReplayEnv } from './orders.js'
import { checkBoundary } from './recorded-boundary.js'
import { checkText, layOutSources, type SourceOptions, type SourceReport, toRefused } from './recorded-sources.js'
import type { Stop } from './stop.js'
import { readTape, type TapedThread, toUnfedError } from './taped-threads.js'
import type { WorkerPlan } from './worker-main.js'

const WORKER_MAIN = fileURLToPath(new URL('./worker-main.js', import.meta.url))
const PRELOAD = fileURLToPath(new URL('./preload.cjs', import.meta.url))

export interface ProgramOutcome {
  readonly thread: string
  readonly verdict: ProgramVerdict
  /** Which of its sources are not as they are here. */
  readonly sources: SourceReport
  /** Events that were derived, where that was asked for. They are kept where they were not recorded, else they agree. */
  readonly derived?: { readonly events: number; readonly kept: boolean }
  /** What it wrote, where that was kept. */
  readonly captured?: CapturedThread
}

export interface RunOptions extends SourceOptions {
  readonly interruption: Interruption
  /** Path for the trace of what its channels and containers do. */
  readonly trace?: string
  /** Follow on whose behalf the traced program does what it does. Default: true. */
  readonly origins?: boolean
  /** What an earlier replay has printed is not printed again. */
  readonly printed?: Printed
  /** Keep what it prints to itself. */
  readonly quiet?: boolean
  /** File for what it writes; without it that goes to this process's stdout and stderr. */
  readonly output?: string
  /** Path of the Node binary; without it the one that runs this. */
  readonly node?: string
  /** Where to stop; without it, run to the end. */
  readonly stop?: Stop
  readonly inspect?: Inspecting
}

/** Runs a recorded thread again in a process of its own: in an empty directory, fed from its tape. Its stdout and stderr
 *  are this process's.
 *  @throws OBSERVED, DAMAGED, BOUNDARY_VERSION, UNTRUSTED, NO_SOURCE, what `toNodeBinary` throws, Interrupted */
export async function runProgram(
  log: LogReader,
  taped: TapedThread,
  options: RunOptions,
): Promise<ProgramOutcome & Pick<ReplayAnswer, 'printed'>> {
  const { trace, origins = true, printed = [0, 0], quiet = false, output, node, stop, inspect, interruption } = options
  const { thread, head, unfed } = taped
  if (unfed.length > 0) throw toUnfedError(thread.path, unfed)
  checkBoundary(head)
  const binary = toNodeBinary(head.node, node)
  checkText(taped, options)
  const dir = mkdtempSync(join(tmpdir(), 'retroscope-replay-'))
  try {
    mkdirSync(join(dir, 'empty'))
    const files = join(dir, 'sources')
    const sources = await layOutSources(log, thread, files, options)
    const endUs = await writeTape(log, taped, join(dir, 'tape'), trace !== undefined)
    interruption.check()
    if (output && printed[0] + printed[1] === 0) writeFileSync(output, '', { mode: 0o600 })
    const { local, trust, own, recording } = options
    const orders = {
      ...{
        tape: join(dir, 'tape'),
        verdict: join(dir, 'verdict'),
        sources: files,
        local,
        trust,
        own,
        recording: resolve(recording),
      },
      ...{ full: thread.record?.level !== 'off', origins, printed, ...(trace !== undefined && { trace }) },
      ...(output && { output }),
      ...(stop?.before !== undefined && { stop: stop.before }),
      ...(inspect && { stop: inspect.pause, inspect: true }),
    }
    const streams = quiet ? 'ignore' : output ? 'pipe' : 'inherit'
    const run = { binary, orders, streams, inspect, interruption } as const
    const { said, stdout, stderr } = await runOnce(taped, dir, run)
    if (said.verdict.kind === 'refused') throw toRefused(said.verdict.what)
    const show = (showAt: number): Promise<Ran> =>
      runOnce(taped, dir, { ...run, orders: toShowing(orders, showAt), streams: 'ignore', inspect: undefined })
    const { verdict } = said
    const outcome = {
      thread: thread.path,
      verdict:
        verdict.kind === 'diverged'
          ? await toDiverged(log, taped, verdict, { sources, local, ...(local && trust && { show }) })
          : toVerdict(verdict, taped, stop),
      printed: said.printed,
      sources,
    }
    if (!output || !stdout || !stderr) return outcome
    const last = { timeUs: endUs, stdout: Buffer.concat(stdout), stderr: Buffer.concat(stderr) }
    return { ...outcome, captured: { file: output, head, last } }
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}

interface Run {
  readonly binary: string
  readonly orders: ReplayOrders
  /** What becomes of its stdout and stderr. */
  readonly streams: 'ignore' | 'pipe' | 'inherit'
  readonly inspect: Inspecting | undefined
  readonly interruption: Interruption
}

interface Ran {
  readonly said: ReplayAnswer
  readonly stdout: Buffer[] | undefined
  readonly stderr: Buffer[] | undefined
}

/** Node itself would print the address of an inspector that is not the one to connect to. */
const QUIETLY = ['--inspect-publish-uid=http']

async function runOnce(
  { thread, head }: TapedThread,
  dir: string,
  { binary, orders, streams, inspect, interruption }: Run,
): Promise<Ran> {
  rmSync(orders.verdict, { force: true })
  const { words, env } = toStart(head, dir, orders)
  const child = spawn(binary, [...(inspect ? QUIETLY : []), ...words], {
    cwd: join(dir, 'empty'),
    env,
    argv0: head.argv0,
    stdio: inspect ? ['ignore', 'inherit', 'pipe', 'pipe', 2] : ['ignore', streams, streams],
  })
  const held = inspect && hold(child, inspect)
  const [stdout, stderr] = held ? [] : [child.stdout, child.stderr].map(collect)
  const ending = interruption.awaitEnd(child)
  await Promise.allSettled([ending, held])
  const [code, signal] = await ending
  await held
  if (!existsSync(orders.verdict)) {
    throw new RetroscopeError(
      'INTERNAL',
      `The replay of thread ${thread.path} ended without a verdict (${signal ?? code}).`,
    )
  }
  return { said: JSON.parse(readFileSync(orders.verdict, 'utf8')) as ReplayAnswer, stdout, stderr }
}

interface Start {
  readonly words: readonly string[]
  readonly env: Readonly<Record<string, string>>
}

/** How Node is started: without what it would do by itself below the tape. The program finds its own words and
 *  environment all the same. */
function toStart(head: TapeHead, dir: string, orders: ReplayOrders): Start {
  const { worker, execArgv, argv, env } = head
  // Node's own writing on its way out goes there.
  const coverage = join(dir, 'coverage')
  if (worker)
    return toWorkerStart(head, dir, toReplayEnv(injectPreload(toSafeWorkerEnvironment(env, coverage), PRELOAD), orders))
  const given = argv.length > 1 ? ['--', ...argv.slice(1)] : []
  return {
    words: [...keepFlags(execArgv, 'process', 'thread'), ...given],
    env: toReplayEnv(injectPreload(toSafeEnvironment(env, coverage), PRELOAD), orders),
  }
}

/** A worker runs in a worker again, which a main thread of ours starts. That one gets what holds for the whole process;
 *  whatever runs code is for the worker, where it is fed. */
function toWorkerStart({ worker, execArgv, env, seed }: TapeHead, dir: string, workerEnv: Start['env']): Start {
  const path = join(dir, 'start')
  const plan: WorkerPlan = {
    ...worker!,
    execArgv: keepFlags(withoutText(worker!.execArgv ?? execArgv), 'thread'),
    env: workerEnv,
  }
  writeFileSync(path, JSON.stringify(plan), { mode: 0o600 })
  const { NODE_OPTIONS: options = '', ...early } = toSafeEnvironment(env, '')
  const words = [...keepFlags([...splitOptions(options), ...execArgv], 'process'), `--random-seed=${seed}`]
  return { words: [...words, WORKER_MAIN, path], env: early }
}

/** The recorded sources run, quietly, up to an entry. */
function toShowing(
  { output: _output, trace: _trace, stop: _stop, inspect: _inspect, ...orders }: ReplayOrders,
  showAt: number,
): ReplayOrders {
  return { ...orders, local: false, showAt }
}

interface Asking {
  readonly sources: SourceReport
  readonly local: boolean
  /** Runs the recorded program once more, where that is allowed: it is asked what it did where this one diverged. */
  readonly show?: (showAt: number) => Promise<Ran>
}

async function toDiverged(
  log: LogReader,
  taped: TapedThread,
  said: SaidDivergence,
  { sources, local, show }: Asking,
): Promise<ProgramVerdict> {
  const { turns, entries, divergence } = said
  const answer = show && (await show(divergence.entry)).said.verdict
  const shown = answer?.kind === 'shown' ? answer : undefined
  const changed = local ? sources.changed : []
  return { kind: 'diverged', turns, entries, divergence: await explain(log, taped, said, { shown, changed }) }
}

function withoutText(execArgv: readonly string[]): readonly string[] {
  return readFlags(execArgv).flatMap(({ name, words }) => (TEXT.has(name) ? [] : words))
}

/** What comes out of a stream, from here on. */
function collect(stream: Readable | null): Buffer[] | undefined {
  const parts: Buffer[] = []
  stream?.on('data', (part: Buffer) => parts.push(part))
  return stream ? parts : undefined
}

type Final = Exclude<ReplayAnswer['verdict'], ProgramRefusal | SaidDivergence>

function toVerdict(said: Final, { thread }: TapedThread, stop: Stop | undefined): ProgramVerdict {
  if (said.kind === 'shown') throw new RangeError('a replay that was to run to its end was stopped')
  if (said.kind !== 'stopped') return said
  const { turn, seq } = stop!
  return { ...said, turn, seq, left: thread.turns - 1 - turn }
}

/** @returns the time of its last frame */
async function writeTape(log: LogReader, { thread }: TapedThread, path: string, landmarks: boolean): Promise<number> {
  let endUs = 0
  const file = createWriteStream(path, { mode: 0o600 })
  for await (const frame of readTape(log, thread, landmarks)) {
    endUs = frame.timeUs
    if (!file.write(toTapeBytes(frame))) await once(file, 'drain')
  }
  file.end()
  await once(file, 'close')
  return endUs
}
