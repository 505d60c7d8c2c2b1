import type { Test } from 'tap'
import type { DatabaseServer } from './database-servers.js'
import { recordInputs, replayInputs, TIMES } from './rig.js'

/** A program, and two loads to run it under: more of it is more to record. */
export interface LoadedProgram {
  readonly file: string
  readonly text: string
  readonly loads: readonly [string, string]
}

export interface Surroundings {
  readonly env?: NodeJS.ProcessEnv
  /** Called before each recording; undefined: it is not there. What it started ends before the replay. */
  readonly start?: () => Promise<DatabaseServer | undefined>
}

/** Records a program under both loads and runs it again, the larger load as often as the suite wants.
 *  @returns whether what it needs was there */
export async function checkLoads(t: Test, program: LoadedProgram, around: Surroundings): Promise<boolean> {
  const { file, text, loads } = program
  const counts: number[] = []
  for (const load of loads) {
    const dir = t.testdir({ [file]: text })
    const server = await around.start?.()
    if (around.start && !server) return false
    const options = { cwd: dir, env: { ...around.env, PORT: server?.port ?? '' } }
    const recorded = await recordInputs([process.execPath, file, load], options, ['--keep-env'])
    await server?.stop()
    t.equal(recorded.code, 0, recorded.stderr)
    t.match(recorded.stdout, /\b(end|closed)\b/)
    for (let n = load === loads[1] ? 0 : TIMES - 1; n < TIMES; n++) {
      const replayed = await replayInputs(dir, ['--thread', '0'])
      t.match(replayed.verdict, { kind: 'exact', code: 0 })
      t.equal(replayed.stdout, recorded.stdout)
      t.equal(replayed.stderr, recorded.stderr)
      counts[loads.indexOf(load)] = replayed.verdict.entries
    }
  }
  t.ok(counts[1]! > counts[0]! * 1.1, `entries grow with the load: ${counts}`)
  return true
}
