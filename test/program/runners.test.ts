import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import t from 'tap'
import { recordInputs, replayInputs, TIMES } from './rig.js'

const MODULES = dirname(dirname(createRequire(import.meta.url).resolve('tsx/package.json')))

const MOCHA = join(MODULES, 'mocha/bin/mocha.js')

interface Run {
  readonly words: readonly string[]
  readonly files: Readonly<Record<string, string>>
  readonly code?: number
  /** What the thread that failed prints, and no other. */
  readonly shows: RegExp
}

const SPEC = `
  const assert = require('node:assert')
  describe('things', () => {
    it('works', () => {})
    it('fails late', async () => {
      await new Promise((done) => setTimeout(done, 3))
      assert.ok(Date.now() < 0, 'at ' + Date.now() + ' with ' + Math.random())
    })
  })`

const RUNS: Readonly<Record<string, Run>> = {
  'mocha, which sets its exit code last, below a script': {
    words: ['run.cjs'],
    files: {
      'run.cjs': `
        const { spawnSync } = require('node:child_process')
        process.exit(spawnSync(process.execPath, [process.env.MOCHA, 'things.cjs'], { stdio: 'inherit' }).status)`,
      'things.cjs': SPEC,
    },
    shows: /1 passing(.*\n)*.*at \d{13} with 0\.\d+/,
  },
  'a file of node:test': {
    words: ['--test', 'things.test.cjs'],
    files: {
      'things.test.cjs': `
        const { test } = require('node:test')
        test('works', () => {})
        test('fails', () => { throw new Error('at ' + Date.now() + ' with ' + Math.random()) })`,
    },
    shows: /at \d{13} with 0\.\d+/,
  },
}

for (const [name, { words, files, code = 1, shows }] of Object.entries(RUNS)) {
  t.test(`[B1] the thread that failed runs again: ${name}, ${TIMES} times of ${TIMES}`, async (t) => {
    const dir = t.testdir({ ...files })
    const recorded = await recordInputs([process.execPath, ...words], { cwd: dir, env: { MOCHA } })
    t.equal(recorded.code, code, recorded.stderr)
    const outputs = new Set<string>()
    for (let n = 0; n < TIMES; n++) {
      const { verdict, stdout } = await replayInputs(dir)
      t.match(verdict, { kind: 'exact', code })
      t.match(stdout, shows)
      outputs.add(stdout)
    }
    t.equal(outputs.size, 1)
  })
}
