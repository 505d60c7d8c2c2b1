import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import t from 'tap'
import { run, runRecord } from '../helpers/command.js'
import { PROGRAMS } from './programs.js'
import { replayInputs } from './rig.js'
import { installRunners } from './runner-packages.js'

const LONG = process.env['RETROSCOPE_LONG'] !== undefined
const NODE = process.execPath

t.setTimeout(LONG ? 7_200_000 : 240_000)

const RUNNER = `
  const assert = require('node:assert')
  const { describe, it } = globalThis.it ? globalThis : require('node:test')`

/** Two questions to one server, of which the second is asked so late that the answers come in order, or so it seems. */
const RACE = `${RUNNER}
  const http = require('node:http')
  const { once } = require('node:events')
  describe('a client', () => {
    it('hears answers in the order of its questions', async () => {
      const server = http.createServer((request, response) => response.end(request.url)).listen(0, '127.0.0.1')
      await once(server, 'listening')
      const answers = []
      const ask = async (path) => {
        const response = await fetch('http://127.0.0.1:' + server.address().port + path)
        answers.push(await response.text())
      }
      const first = ask('/1')
      await new Promise((done) => setTimeout(done, 25))
      await Promise.all([first, ask('/2')])
      server.close()
      server.closeAllConnections()
      assert.deepEqual(answers, ['/1', '/2'])
    })
  })`

/** Trusts that one answer of the file system comes before a chain of six. */
const FILES = `${RUNNER}
  const fs = require('node:fs/promises')
  describe('account', () => {
    it('is audited after the withdrawal', async () => {
      let balance = 100
      const withdraw = async () => { await fs.stat('/'); balance -= 30 }
      const audit = async () => { for (let n = 0; n < 6; n++) await fs.stat('/tmp'); return balance }
      const [, seen] = await Promise.all([withdraw(), audit()])
      assert.equal(seen, 70)
    })
  })`

const MOCHA = createRequire(import.meta.url).resolve('mocha/bin/mocha.js')
const [RACE_FILE, FILES_FILE] = ['race.test.cjs', 'files.test.cjs']

interface Suite {
  readonly name: string
  readonly file: string
  readonly text: string
  readonly command: readonly string[]
}

const SUITES: readonly Suite[] = [
  { name: 'node:test, connections', file: RACE_FILE, text: RACE, command: [NODE, RACE_FILE] },
  { name: 'mocha, connections', file: RACE_FILE, text: RACE, command: [NODE, MOCHA, RACE_FILE] },
  ...(LONG ? toLongSuites() : []),
]

function toLongSuites(): Suite[] {
  const words = [NODE, join(installRunners(), 'jest/bin/jest.js'), '--testMatch=**/*.test.cjs', '--rootDir=.']
  return [
    { name: 'node:test, files', file: FILES_FILE, text: FILES, command: [NODE, FILES_FILE] },
    { name: 'mocha, files', file: FILES_FILE, text: FILES, command: [NODE, MOCHA, FILES_FILE] },
    { name: 'jest, connections', file: RACE_FILE, text: RACE, command: words },
    { name: 'jest, files', file: FILES_FILE, text: FILES, command: words },
  ]
}

/** At most one in fifty of the plain runs fails, of the few in the normal suite none. */
const PLAIN_RUNS = LONG ? 200 : 3

for (const { name, file, text, command } of SUITES) {
  t.test(`[C1] a rare failure is provoked, kept, and fails the same way in each replay: ${name}`, async (t) => {
    const dir = t.testdir({ [file]: text })
    let failures = 0
    for (let n = 0; n < PLAIN_RUNS; n++) if ((await run(command, { cwd: dir })).code !== 0) failures++
    t.ok(failures <= PLAIN_RUNS / 50, `${failures} of ${PLAIN_RUNS} plain runs fail`)
    const flags = ['-o', 'program.retro', '--chaos=7', '--until-failure', '--max-runs', '600']
    const recorded = await runRecord(flags, command, { cwd: dir })
    t.equal(recorded.code, 1)
    t.match(recorded.own.at(-1), /the command exited with 1 in run \d+, chaos seed \d+/)
    t.comment(`${failures} of ${PLAIN_RUNS} plain runs fail; ${recorded.own.at(-1)}`)
    for (let n = 0; n < (LONG ? 20 : 3); n++) {
      const replayed = await replayInputs(dir)
      t.match(replayed.verdict, { kind: 'exact', code: 1 })
      t.ok(recorded.stdout.endsWith(replayed.stdout), 'the bytes of the last run')
      t.ok(recorded.stderr.endsWith(replayed.stderr), 'the same of stderr')
    }
  })
}

t.test('[C2] what is perturbed is exact all the same', async (t) => {
  const names = LONG
    ? Object.keys(PROGRAMS)
    : ['files, streams and the thread pool', 'timers, immediates, ticks and promises']
  for (const name of names) {
    const { file, text, code = 0 } = PROGRAMS[name]!
    for (const seed of LONG ? ['1', '2', '3', '4', '5', '6'] : ['1', '4']) {
      const dir = t.testdir({ [file]: text })
      const data = join(dir, 'data')
      mkdirSync(data)
      for (const n of [0, 1, 2, 3]) writeFileSync(join(data, String(n)), 'line\n'.repeat(100 * (n + 1)))
      writeFileSync(join(data, 'big'), Buffer.alloc(60_000, 'abcdefg'))
      const flags = ['-o', 'program.retro', `--chaos=${seed}`]
      const recorded = await runRecord(flags, [NODE, file], { cwd: dir, env: { DATA: data } })
      t.equal(recorded.code, code, `${name}, seed ${seed}: ${recorded.stderr}`)
      const replayed = await replayInputs(dir, ['--thread', '0'])
      t.match(replayed.verdict, { kind: 'exact', code }, `${name}, seed ${seed}`)
      t.equal(replayed.stdout, recorded.stdout)
    }
  }
})

t.test('[C3] a command that does not fail leaves nothing, and its code', async (t) => {
  const dir = t.testdir()
  const flags = ['-o', 'a.retro', '--until-failure', '--max-runs', '2']
  const ran = await runRecord(flags, [NODE, '-e', 'console.log("ran")'], { cwd: dir })
  t.equal(ran.code, 0)
  t.equal(ran.stdout, 'ran\nran\n')
  t.same(ran.own, [
    'retroscope: run 1: the command exited with 0; again',
    'retroscope: the command did not fail in 2 runs: no recording is kept',
  ])
  t.notOk(existsSync(join(dir, 'a.retro')))
})

t.test('[C3] Ctrl-C ends the runs', async (t) => {
  const dir = t.testdir()
  let runs = 0
  const program = `process.on('SIGINT', () => process.exit(0)); console.log('ready'); setTimeout(process.exit, 20000, 0)`
  const ran = await runRecord(['-o', 'a.retro', '--until-failure'], [NODE, '-e', program], {
    cwd: dir,
    onOutput: (text, child) => {
      if (text.split('ready').length - 1 > runs && ++runs === 1) child.kill('SIGINT')
    },
  })
  t.equal(ran.code, 0)
  t.match(ran.own.at(-1), /did not fail in 1 run, and was stopped: no recording is kept/)
})

t.test('[C3] wrong usage says what is meant', async (t) => {
  const dir = t.testdir()
  const bad = await runRecord(['--chaos=x'], [NODE, '-e', '0'], { cwd: dir })
  t.equal(bad.code, 2)
  t.match(bad.stderr + bad.own.join('\n'), /A seed is a whole number/)
  const lone = await runRecord(['--max-runs', '3'], [NODE, '-e', '0'], { cwd: dir })
  t.equal(lone.code, 2)
  t.match(lone.stderr + lone.own.join('\n'), /--max-runs limits --until-failure/)
})
