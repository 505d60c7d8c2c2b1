import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ProgramVerdict } from '../../replayer/program/divergence.js'
import { CLI, type Ran, type RunOptions, run, runRecord } from '../helpers/command.js'

/** How often a recording is run again: RETROSCOPE_TIMES, else 3, or 20 in the long suite. */
export const TIMES = Number(process.env['RETROSCOPE_TIMES'] ?? (process.env['RETROSCOPE_LONG'] === undefined ? 3 : 20))

export interface Replayed extends Ran {
  readonly verdict: ProgramVerdict
}

/** Records a command with its inputs into `program.retro`. */
export function recordInputs(command: readonly string[], options: RunOptions, more: readonly string[] = []) {
  return runRecord(['-o', 'program.retro', ...more], command, options)
}

/** Runs it again from another directory, in another time zone. */
export async function replayInputs(dir: string, more: readonly string[] = []): Promise<Replayed> {
  const file = join(dir, 'verdict.json')
  const words = ['replay', join(dir, 'program.retro'), '--json', '--verdict', file, ...more]
  const ran = await run([process.execPath, CLI, ...words], { cwd: '/', env: { TZ: 'Pacific/Auckland' } })
  const answer = JSON.parse(readFileSync(file, 'utf8')) as { threads: [{ verdict: ProgramVerdict }] }
  return { ...ran, verdict: answer.threads[0].verdict }
}
