import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ProgramOutcome } from '../../replayer/program/run.js'
import { CLI, type Ran, type RunOptions, run, runRecord } from '../helpers/command.js'

/** How often a recording is run again: RETROSCOPE_TIMES, else 3, or 20 in the long suite. */
export const TIMES = Number(process.env['RETROSCOPE_TIMES'] ?? (process.env['RETROSCOPE_LONG'] === undefined ? 3 : 20))

export interface Replayed extends Ran, ProgramOutcome {}

/** Records a command with its inputs into `program.retro`. */
export function recordInputs(command: readonly string[], options: RunOptions, more: readonly string[] = []) {
  return runRecord(['-o', 'program.retro', ...more], command, options)
}

const replays = new Map<string, number>()

/** Every third replay of a recording runs with capture on: programs take every entry with it as without. */
function toTrace(dir: string, more: readonly string[]): string[] {
  const n = (replays.get(dir) ?? 0) + 1
  replays.set(dir, n)
  return n % 3 === 2 && !more.includes('--sources') && !more.includes('--trace') && !more.includes('--until')
    ? ['--trace']
    : []
}

/** Runs it again from another directory, in another time zone. */
export async function replayInputs(dir: string, more: readonly string[] = []): Promise<Replayed> {
  const file = join(dir, 'verdict.json')
  const asked = [...more, ...toTrace(dir, more)]
  const words = ['replay', join(dir, 'program.retro'), '--trust', '--json', '--verdict', file, ...asked]
  const ran = await run([process.execPath, CLI, ...words], { cwd: '/', env: { TZ: 'Pacific/Auckland' } })
  const answer = JSON.parse(readFileSync(file, 'utf8')) as { threads: [ProgramOutcome] }
  return { ...ran, ...answer.threads[0] }
}
