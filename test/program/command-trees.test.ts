import { readFileSync, symlinkSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import t from 'tap'
import type { ThreadOutcome } from '../../replayer/program/replay-program.js'
import { CLI, run } from '../helpers/command.js'
import { recordInputs, TIMES } from './rig.js'
import { installRunners } from './runner-packages.js'

const LONG = process.env['RETROSCOPE_LONG'] !== undefined

t.setTimeout(7_200_000)

const OWN = dirname(dirname(createRequire(import.meta.url).resolve('mocha/package.json')))

/** What fails says something else in each run. */
const FAILS = `const fails = async () => {
  await new Promise((done) => setTimeout(done, 3))
  throw new Error('at ' + Date.now() + ' with ' + Math.random())
}`

const GLOBALS = `${FAILS}
  test('works', async () => {})
  test('fails late', fails)`
const WORKS = `test('reads', async () => { await require('node:fs/promises').readFile(__filename) })`
const VITEST = "import { test } from 'vitest'"
const [A, B] = ['a.test.js', 'b.test.js']

interface Tree {
  readonly command: readonly string[]
  readonly files: Readonly<Record<string, string>>
  /** The thread that failed, and what it runs. */
  readonly failed: RegExp
  /** The parent cannot be recorded: what it writes comes from no thread. */
  readonly unrecorded?: true
}

/** Commands as they are typed. The packages are found from the directory of the program. */
const TREES: Readonly<Record<string, Tree>> = {
  'npm test, with mocha': {
    command: ['npm', 'test'],
    files: {
      'package.json': '{ "scripts": { "test": "mocha --ui tdd a.test.js" } }',
      [A]: `${FAILS}; test('fails late', fails)`,
    },
    failed: /mocha --ui tdd/,
  },
  'npx mocha': {
    command: ['npx', 'mocha', '--ui', 'tdd', A],
    files: { [A]: `${FAILS}; test('fails late', fails)` },
    failed: /mocha --ui tdd/,
  },
  'npx tsx': {
    command: ['npx', 'tsx', 'a.ts'],
    files: { 'a.ts': `${FAILS}; const n: number = Date.now(); console.log(n); fails()` },
    failed: /a\.ts/,
  },
  'node --import tsx': {
    command: ['node', '--import', 'tsx', 'a.ts'],
    files: { 'a.ts': `${FAILS}; const n: number = Date.now(); console.log(n); fails()` },
    failed: /a\.ts/,
  },
  'npx ts-node': {
    command: ['npx', 'ts-node', '-T', 'a.ts'],
    files: { 'a.ts': `${FAILS}; const n: number = Date.now(); console.log(n); fails()` },
    failed: /a\.ts/,
  },
  'node --test': {
    command: ['node', '--test'],
    files: { [A]: `const test = require('node:test'); ${GLOBALS}`, [B]: `const test = require('node:test'); ${WORKS}` },
    failed: /a\.test\.js/,
    unrecorded: true,
  },
  'npx tap': {
    command: ['npx', 'tap', 'run', A, B],
    files: {
      '.taprc': 'plugin:\n  - "!@tapjs/typescript"\nallow-incomplete-coverage: true\ndisable-coverage: true\n',
      [A]: `const { test } = require('tap'); ${GLOBALS}`,
      [B]: `const { test } = require('tap'); ${WORKS}`,
    },
    failed: /a\.test\.js/,
  },
  'npx jest, in one process': {
    command: ['npx', 'jest', '-i'],
    files: { [A]: GLOBALS, [B]: WORKS },
    failed: /jest -i/,
  },
  'npx jest, in children': {
    command: ['npx', 'jest', '-w', '2', '--cacheDirectory=cache'],
    files: { [A]: GLOBALS, [B]: WORKS },
    failed: /jest -w 2/,
  },
  'npx jest, in workers': {
    command: ['npx', 'jest', '-w', '2', '--workerThreads', '--cacheDirectory=cache'],
    files: { [A]: GLOBALS, [B]: WORKS },
    failed: /jest -w 2/,
  },
  'npx vitest run, in children': {
    command: ['npx', 'vitest', 'run', '--pool', 'forks'],
    files: { [A]: `${VITEST}\n${GLOBALS}`, [B]: `${VITEST}\ntest('works', () => {})` },
    failed: /vitest run/,
  },
  'npx vitest run, in workers': {
    command: ['npx', 'vitest', 'run', '--pool', 'threads'],
    files: { [A]: `${VITEST}\n${GLOBALS}`, [B]: `${VITEST}\ntest('works', () => {})` },
    failed: /vitest run/,
  },
}

const skip = !LONG && 'in the long suite only'

for (const [name, { command, files, failed, unrecorded }] of Object.entries(TREES)) {
  t.test(`[B1] [B15] a command tree, each thread of it: ${name}`, { skip }, async (t) => {
    const dir = t.testdir({ 'package.json': '{}', ...files })
    symlinkSync(/jest|vitest/.test(name) ? installRunners() : OWN, join(dir, 'node_modules'))
    const recorded = await recordInputs(command, { cwd: dir })
    t.equal(recorded.code, 1, recorded.stderr)
    t.match(recorded.stdout + recorded.stderr, /at \d{13} with 0\.\d+/)
    // No trust is needed: all of it stands where it stood.
    const replay = (...more: string[]) => run([process.execPath, CLI, 'replay', 'program.retro', ...more], { cwd: dir })
    const outputs = new Set<string>()
    for (let n = 0; n < Math.min(TIMES, 5); n++) {
      const { code, stdout, stderr } = await replay()
      t.equal(code, 0, stderr)
      t.match(stderr.slice(0, stderr.indexOf('\n')), failed)
      t.match(stderr, /is exact: .* exit code 1\.\n/)
      outputs.add(stdout)
    }
    t.equal(outputs.size, 1)
    const verdict = join(dir, 'verdict.json')
    const all = await replay('--all', '--json', '--verdict', verdict)
    t.equal(all.code, 0)
    t.equal(all.stdout, unrecorded ? '' : recorded.stdout)
    if (unrecorded) t.match(recorded.own.join('\n'), /not fed: a Node that keeps .* \(thread 0\)/)
    const { threads } = JSON.parse(readFileSync(verdict, 'utf8')) as { threads: ThreadOutcome[] }
    for (const { thread, verdict } of threads) t.match(verdict.kind, /^exact/, thread)
  })
}
