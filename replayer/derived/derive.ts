import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { RetroscopeError } from '../../src/errors.js'
import type { ThreadNo } from '../../src/ids.js'
import { createFormat, FORMAT_VERSION } from '../../src/log/format-file.js'
import { makeDirectory } from '../../src/log/make-directory.js'
import { openLog } from '../../src/log/open.js'
import { isMadeHere } from '../../src/log/origin.js'
import type { LogReader } from '../../src/log/reader.js'
import { Interruption } from '../program/interruption.js'
import type { SourceOptions } from '../program/recorded-sources.js'
import { type ProgramOutcome, type RunOptions, runProgram } from '../program/run.js'
import { listTaped, type TapedThread } from '../program/taped-threads.js'
import { type TraceFiles, toTraceFiles } from '../program/trace.js'
import { compareDerived } from './compare.js'
import { encodeRows, ROW_BYTES } from './rows.js'
import { openPart, ROWS_FILE, toDerivedDir } from './store.js'

export type DeriveOptions = SourceOptions & Pick<RunOptions, 'quiet' | 'interruption'>

/** Runs a thread again with capture on and keeps what it derived, if the replay was exact. What was recorded is not
 *  derived: it is compared, and a difference is a divergence. What is there is derived again.
 *  @throws what `runProgram` throws, WRITE_FAILED */
export async function derive(
  path: string,
  log: LogReader,
  taped: TapedThread,
  options: DeriveOptions,
): Promise<ProgramOutcome> {
  const dir = mkdtempSync(join(tmpdir(), 'retroscope-trace-'))
  try {
    const [outcome, trace] = await runTraced(log, taped, options, dir)
    if (outcome.verdict.kind === 'diverged') return outcome
    const rows = existsSync(trace.rows) ? readFileSync(trace.rows) : Buffer.alloc(0)
    const made = join(dir, 'derived')
    await makePart(made, log, trace.events, rows)
    if (taped.thread.record?.level !== 'off') return await check(log, taped, outcome, made)
    const kept = toDerivedDir(path, log, taped.thread)
    keep(made, kept)
    return { ...outcome, derived: { events: rows.length / ROW_BYTES, kept: true } }
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}

/** Following origins is the one thing that a program can tell, if it looks at its own async ids: then without. */
async function runTraced(
  log: LogReader,
  taped: TapedThread,
  options: DeriveOptions,
  dir: string,
): Promise<readonly [ProgramOutcome, TraceFiles]> {
  const [first, second] = ['trace', 'trace-2'].map((name) => toTraceFiles(join(dir, name))) as [TraceFiles, TraceFiles]
  const { printed, ...outcome } = await runProgram(log, taped, { ...options, trace: first.events })
  if (outcome.verdict.kind !== 'diverged') return [outcome, first]
  const { printed: _, ...again } = await runProgram(log, taped, {
    ...options,
    trace: second.events,
    origins: false,
    printed,
  })
  return [again, second]
}

/** Compares what was derived with what was recorded. */
async function check(
  log: LogReader,
  taped: TapedThread,
  outcome: ProgramOutcome,
  dir: string,
): Promise<ProgramOutcome> {
  const derived = await openLog(dir)
  try {
    const divergence = await compareDerived(log, taped.thread, derived)
    if (!divergence) return { ...outcome, derived: { events: derived.endSeq, kept: false } }
    const { turns, entries } = outcome.verdict
    return { ...outcome, verdict: { kind: 'diverged', divergence, turns, entries } }
  } finally {
    await derived.close()
  }
}

/** Whether a thread's derived events are kept already. */
export async function isDerived(path: string, log: LogReader, { thread }: TapedThread): Promise<boolean> {
  const part = await openPart(toDerivedDir(path, log, thread), thread)
  await part?.log.close()
  return part !== undefined
}

/** A recording of its own with one thread, collected, and the places of its events. */
async function makePart(dir: string, log: LogReader, spool: string, rows: Buffer): Promise<void> {
  const platform = `${process.platform}-${process.arch}`
  const { startedAtUs } = log
  createFormat(dir, { format: FORMAT_VERSION, startedAtUs, command: null, node: process.version, platform })
  mkdirSync(join(dir, 'spool'), { mode: 0o700 })
  renameSync(spool, join(dir, 'spool', '0'))
  // Whoever opens it first takes its spool into its log.
  await (await openLog(dir)).close()
  writeFileSync(join(dir, ROWS_FILE), encodeRows(rows), { mode: 0o600 })
}

/** Under another name until it is whole: what is found under its own can be read. */
function keep(made: string, dir: string): void {
  const temporary = `${dir}.${process.pid}.part`
  try {
    makeDirectory(dirname(dir))
    cpSync(made, temporary, { recursive: true })
    rmSync(dir, { recursive: true, force: true })
    renameSync(temporary, dir)
  } catch (error) {
    rmSync(temporary, { recursive: true, force: true })
    throw new RetroscopeError('WRITE_FAILED', `What was derived cannot be kept in ${dir}.`, {
      hint: 'It is kept in the recording where that may be written, else below XDG_CACHE_HOME.',
      cause: error,
    })
  }
}

/** Derives what is missing: of every thread, or of one, whose inputs alone were recorded and that was not derived yet.
 *  @throws OBSERVED when a thread cannot be run again, or not exactly; UNTRUSTED when its sources are not those that stand
 *  here; what else `derive` throws */
export function deriveMissing(path: string, thread?: ThreadNo): Promise<void> {
  return Interruption.during((interruption) => deriveEach(path, thread, interruption))
}

async function deriveEach(path: string, thread: ThreadNo | undefined, interruption: Interruption): Promise<void> {
  const own = isMadeHere(path)
  const log = await openLog(path)
  try {
    for (const taped of await listTaped(log)) {
      const { no, record } = taped.thread
      if (record?.level !== 'off' || (thread !== undefined && no !== thread)) continue
      if (await isDerived(path, log, taped)) continue
      const options = { local: false, trust: false, own, recording: path, quiet: true, interruption }
      const { verdict } = await derive(path, log, taped, options)
      if (verdict.kind === 'diverged') throw toInexact(taped.thread.path, verdict.divergence.turn)
    }
  } finally {
    await log.close()
  }
}

function toInexact(thread: string, turn: number): RetroscopeError {
  return new RetroscopeError(
    'OBSERVED',
    `The replay of thread ${thread} diverged at turn @${turn}: nothing is derived.`,
    {
      hint: 'See where: retroscope replay',
    },
  )
}
