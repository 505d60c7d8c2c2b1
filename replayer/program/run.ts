import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createWriteStream, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import type { TapeHead } from '../../src/boundary/node/head.js'
import { injectPreload } from '../../src/boundary/node/preload-option.js'
import { toTapeBytes } from '../../src/boundary/node/tape-file.js'
import { RetroscopeError } from '../../src/errors.js'
import type { LogReader } from '../../src/log/reader.js'
import type { CapturedThread } from './captured-output.js'
import type { ProgramVerdict, SaidVerdict } from './divergence.js'
import { toNodeBinary } from './node-binary.js'
import { type Printed, type ReplayAnswer, toReplayEnv } from './orders.js'
import { checkText, layOutSources, type SourceOptions, type SourceReport, toRefused } from './recorded-sources.js'
import type { Stop } from './stop.js'
import { readTape, type TapedThread } from './taped-threads.js'
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
}

/** Runs a recorded thread again in a process of its own: in an empty directory, fed from its tape. Its stdout and stderr
 *  are this process's.
 *  @throws OBSERVED, DAMAGED, UNTRUSTED, NO_SOURCE, what `toNodeBinary` throws */
export async function runProgram(
  log: LogReader,
  taped: TapedThread,
  options: RunOptions,
): Promise<ProgramOutcome & Pick<ReplayAnswer, 'printed'>> {
  const { trace, origins = true, printed = [0, 0], quiet = false, output, node, stop } = options
  const { thread, head, unfed } = taped
  if (unfed.length > 0) {
    throw new RetroscopeError(
      'OBSERVED',
      `Thread ${thread.path} used ${unfed.join(', ')}, which this version cannot feed.`,
      {
        hint: 'Its states can be looked at; it cannot be run again.',
      },
    )
  }
  const binary = toNodeBinary(head.node, node)
  checkText(taped, options)
  const dir = mkdtempSync(join(tmpdir(), 'retroscope-replay-'))
  try {
    const [tape, verdict, empty] = [join(dir, 'tape'), join(dir, 'verdict'), join(dir, 'empty')]
    mkdirSync(empty)
    const files = join(dir, 'sources')
    const sources = await layOutSources(log, thread, files, options)
    const endUs = await writeTape(log, taped, tape, trace !== undefined)
    if (output && printed[0] + printed[1] === 0) writeFileSync(output, '', { mode: 0o600 })
    const { local, trust, packed } = options
    const env = toReplayEnv(injectPreload(head.env, PRELOAD), {
      ...{ tape, verdict, sources: files, local, trust, packed },
      ...{ full: thread.record?.level !== 'off', origins, printed, ...(trace !== undefined && { trace }) },
      ...(output && { output }),
      ...(stop?.before !== undefined && { stop: stop.before }),
    })
    const child = spawn(binary, toWords(head, env, join(dir, 'start')), {
      cwd: empty,
      env: head.worker ? head.env : env,
      argv0: head.argv0,
      stdio: quiet ? 'ignore' : output ? ['ignore', 'pipe', 'pipe'] : ['ignore', 'inherit', 'inherit'],
    })
    const [stdout, stderr] = [child.stdout, child.stderr].map(collect)
    const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null]
    if (!existsSync(verdict)) {
      throw new RetroscopeError(
        'INTERNAL',
        `The replay of thread ${thread.path} ended without a verdict (${signal ?? code}).`,
      )
    }
    const said = JSON.parse(readFileSync(verdict, 'utf8')) as ReplayAnswer
    if (said.verdict.kind === 'refused') throw toRefused(said.verdict.what)
    const outcome = {
      thread: thread.path,
      verdict: toVerdict(said.verdict, taped, stop),
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

/** Options that say what the main thread runs, where that is no file. */
const TEXT = /^(-e|--eval|-p|-pe|--print)$/
const TEXT_TYPE = /^(--input-type|-i|--interactive|--eval=|--print=)/

function withoutText(execArgv: readonly string[]): readonly string[] {
  return execArgv.filter(
    (word, index) => !TEXT.test(word) && !TEXT_TYPE.test(word) && !TEXT.test(execArgv[index - 1] ?? ''),
  )
}

/** What comes out of a stream, from here on. */
function collect(stream: Readable | null): Buffer[] | undefined {
  const parts: Buffer[] = []
  stream?.on('data', (part: Buffer) => parts.push(part))
  return stream ? parts : undefined
}

function toVerdict(said: SaidVerdict, { thread }: TapedThread, stop: Stop | undefined): ProgramVerdict {
  if (said.kind !== 'stopped') return said
  const { turn, seq } = stop!
  return { ...said, turn, seq, left: thread.turns - 1 - turn }
}

/** A worker runs in a worker again, which a main thread of ours starts. */
function toWords(head: TapeHead, env: Readonly<Record<string, string>>, path: string): string[] {
  const { worker, execArgv, argv, seed } = head
  if (!worker) return [...execArgv, ...argv.slice(1)]
  const start: WorkerPlan = { ...worker, env }
  writeFileSync(path, JSON.stringify(start), { mode: 0o600 })
  return [...(worker.execArgv ? [] : withoutText(execArgv)), `--random-seed=${seed}`, WORKER_MAIN, path]
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
