import type { Test } from 'tap'
import { recordInputs, replayInputs, TIMES } from './rig.js'

export interface Program {
  readonly file: string
  readonly text: string
  readonly code?: number
  /** Options of Node's. */
  readonly options?: readonly string[]
  /** Other files that stand beside it. */
  readonly others?: Readonly<Record<string, string>>
}

/** A program is recorded once and run again exactly. */
export function testExact(t: Test, name: string, { file, text, code = 0, options = [], others = {} }: Program): void {
  t.test(`[B1] ${name}: recorded once, run again exactly, ${TIMES} times of ${TIMES}`, async (t) => {
    const dir = t.testdir({ [file]: text, ...others })
    const recorded = await recordInputs([process.execPath, ...options, file], { cwd: dir })
    t.equal(recorded.code, code, recorded.stderr)
    for (let n = 0; n < TIMES; n++) {
      const replayed = await replayInputs(dir, ['--thread', '0'])
      t.match(replayed.verdict, { kind: 'exact', code })
      t.equal(replayed.stdout, recorded.stdout)
      t.equal(replayed.stderr, recorded.stderr)
    }
  })
}
