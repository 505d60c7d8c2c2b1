import { existsSync, readdirSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { RetroscopeError } from '../src/errors.js'
import { createFormat, FORMAT_VERSION } from '../src/log/format-file.js'
import { markMadeHere } from '../src/log/origin.js'
import { DATA_NOTE, INPUTS_NOTE, loadTotals, toClosingLine, toFidelityLines } from './closing.js'
import { makeCodeCache } from './code-cache.js'
import { collect } from './collection.js'
import { type CommandEnd, runCommand, toEndText, toExitCode } from './command.js'
import { redactWords } from './command-words.js'
import { injectEnv } from './injection.js'
import type { Level } from './levels.js'
import { getTimeUs } from './originals.js'
import { findOutputs } from './outputs.js'
import { toDefaultPath } from './recording-path.js'
import { Redaction } from './redaction.js'
import { toMessage } from './report.js'
import { holdSignals, type SignalForwarding } from './signals.js'
import { findObstacle } from './tree.js'

/** The preload's bundle, beside this file. */
const PRELOAD = fileURLToPath(new URL('./preload.cjs', import.meta.url))

/** Path of the command's own thread. */
const ROOT = '0'

export interface RecordOptions {
  readonly command: readonly string[]
  /** Default: `recordings/TIME-COMMAND.retro`. */
  readonly out?: string
  /** `failure`: the recording is removed when the command ends with 0. */
  readonly keep: 'always' | 'failure'
  /** Store environment values with secret-like names as they are. */
  readonly keepEnv: boolean
  /** Record the inputs of whole programs, so that they can run again. */
  readonly inputs: boolean
  /** Perturbs the order of what comes to the threads: by that seed, or by one that is drawn. */
  readonly chaos?: number | true
  /** Runs the command again and again until it fails, and keeps that recording. */
  readonly untilFailure: boolean
  /** Runs it at most that often. */
  readonly maxRuns: number
  /** With inputs: put the sources that the program loads into the recording. Default: true. */
  readonly sources?: boolean
  readonly level: Level
}

/** Records a command and all that it starts, and is the collector of that recording. Whatever happens to the recording
 *  meanwhile, the command runs to its own end.
 *  @returns the exit code to end with (DESIGN §8)
 *  @throws EXISTS, NO_PERMISSION, CANNOT_START when there can be no recording: then nothing was started */
export async function record(options: RecordOptions): Promise<number> {
  const { chaos, untilFailure, maxRuns } = options
  const signals = await holdSignals()
  try {
    let seed = chaos === true ? process.hrtime()[1] : chaos
    if (seed !== undefined) say(`chaos seed ${seed}: --chaos=${seed} draws the same again`)
    if (!untilFailure) return toExitCode(await recordRun(options, signals, options.keep, seed))
    for (let run = 1; ; run++) {
      const end = await recordRun(options, signals, 'failure', seed)
      const code = toExitCode(end)
      if (code !== 0 || signals.came || run === maxRuns) {
        say(toRunsText(end, run, maxRuns, seed))
        return code
      }
      say(`run ${run}: the command exited with 0; again`)
      if (seed !== undefined) seed++
    }
  } finally {
    signals.stop()
  }
}

function toRunsText(end: CommandEnd, run: number, maxRuns: number, seed: number | undefined): string {
  const runs = run === 1 ? '1 run' : `${run} runs`
  if (toExitCode(end) === 0) {
    const why = run === maxRuns ? '' : ', and was stopped'
    return `the command did not fail in ${runs}${why}: no recording is kept`
  }
  return `the command ${toEndText(end)} in run ${run}${seed === undefined ? '' : `, chaos seed ${seed}`}`
}

/** @param chaos seed of this run */
async function recordRun(
  options: RecordOptions,
  signals: SignalForwarding,
  keep: RecordOptions['keep'],
  chaos: number | undefined,
): Promise<CommandEnd> {
  const { command, keepEnv, inputs, level, sources = true } = options
  const recording = resolve(options.out ?? toDefaultPath(command))
  const redaction = new Redaction({}, keepEnv ? {} : process.env)
  const isNew = !existsSync(recording)
  createRecording(recording, redactWords(command, redaction))
  const collection = await collect(recording, redaction)
  const injection = {
    preload: PRELOAD,
    recording,
    key: redaction.key,
    keepEnv,
    inputs,
    sources,
    level,
    outputs: findOutputs(),
    ...(chaos !== undefined && { chaos }),
  }
  const obstacle = findOwnObstacle(command)
  const env = obstacle === undefined ? injectEnv(process.env, injection, ROOT) : process.env
  const end = await runCommand(command, env, signals, (pid) => {
    collection.watch({ pid, command, ...(obstacle !== undefined && { obstacle }) })
  })
  await collection.finish()
  speedUp()
  // Whatever goes wrong from here on is no matter of the command's.
  const quiet = options.untilFailure
  await close(end, { recording, isNew, inputs, keep, quiet }).catch((error: unknown) => say(toMessage(error)))
  return end
}

/** The next start costs less. */
function speedUp(): void {
  try {
    makeCodeCache(PRELOAD)
  } catch {
    // It is as slow as it was.
  }
}

interface Closed {
  readonly recording: string
  readonly isNew: boolean
  readonly inputs: boolean
  readonly keep: RecordOptions['keep']
  /** Another run may follow: a recording that goes is no news. */
  readonly quiet: boolean
}

async function close(end: CommandEnd, { recording, isNew, inputs, keep, quiet }: Closed): Promise<void> {
  if (end.kind === 'unstarted') {
    say(end.message)
    remove(recording, isNew)
  } else if (keep === 'failure' && toExitCode(end) === 0) {
    remove(recording, isNew)
    if (!quiet) say(`the command ${toEndText(end)}; its recording is not kept (--keep failure)`)
  } else {
    say(inputs ? INPUTS_NOTE : DATA_NOTE)
    const totals = await loadTotals(recording)
    if (inputs) for (const line of toFidelityLines(totals)) say(line)
    say(toClosingLine(recording, totals))
  }
}

function findOwnObstacle(command: readonly string[]): string | undefined {
  const pairs = Object.entries(process.env).map(([name, value]) => `${name}=${value}`)
  return findObstacle(command[0]!, command, pairs)
}

function createRecording(dir: string, command: readonly string[]): void {
  const startedAtUs = getTimeUs()
  const platform = `${process.platform}-${process.arch}`
  try {
    if (existsSync(dir) && readdirSync(dir).length > 0 && !existsSync(join(dir, 'format'))) {
      throw new RetroscopeError('EXISTS', `${dir} is there already, and is not empty.`, {
        hint: 'Choose another path.',
      })
    }
    createFormat(dir, { format: FORMAT_VERSION, startedAtUs, command, node: process.version, platform })
    markMadeHere(dir)
  } catch (error) {
    if (error instanceof RetroscopeError) throw error
    const { code, message } = error as NodeJS.ErrnoException
    throw new RetroscopeError('CANNOT_START', `No recording can be made at ${dir} (${code ?? message}).`, {
      hint: 'Nothing was started. Choose another path with -o.',
      cause: error,
    })
  }
}

/** Removes the recording; a directory that was there before stays. */
function remove(dir: string, isNew: boolean): void {
  if (isNew) rmSync(dir, { recursive: true, force: true })
  else for (const name of readdirSync(dir)) rmSync(join(dir, name), { recursive: true, force: true })
}

function say(text: string): void {
  process.stderr.write(`retroscope: ${text}\n`)
}
