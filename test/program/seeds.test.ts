import t from 'tap'
import { findSeed, splitFlags } from '../../src/boundary/node/engine-flags.js'
import { run } from '../helpers/command.js'
import { recordInputs, replayInputs } from './rig.js'

const DRAWS = `
  const { isMainThread, Worker } = require('node:worker_threads')
  const vm = require('node:vm')
  const draw = () => console.log(Math.random(), vm.runInNewContext('Math.random()'), vm.runInNewContext('Math.random()'))`

const CHANGES = `
  const v8 = require('node:v8')
  draw()
  v8.setFlagsFromString('--random-seed=7')
  draw()
  v8.setFlagsFromString('--no-opt --random_seed 9 --opt')
  draw()
  new Worker("console.log(Math.random(), require('node:vm').runInNewContext('Math.random()'))", { eval: true })`

t.test('[B1] numbers of a seed that the program was started with are those without a recording', async (t) => {
  const dir = t.testdir({ 'draws.cjs': `${DRAWS}\n${CHANGES}` })
  const command = [process.execPath, '--random-seed=42', 'draws.cjs']
  const bare = await run(command, { cwd: dir })
  const recorded = await recordInputs(command, { cwd: dir })
  t.equal(recorded.stdout, bare.stdout)
  for (const thread of ['0', '0.1']) {
    const replayed = await replayInputs(dir, ['--thread', thread])
    t.match(replayed.verdict, { kind: 'exact' })
  }
})

t.test('[B1] a seed and a size of the stack that a program sets while it runs are those of a replay', async (t) => {
  const set = `
    const v8 = require('node:v8')
    v8.setFlagsFromString('--random-seed=0')
    draw()
    v8.setFlagsFromString('--stack-size 300 --random-seed=7')
    draw()
    v8.setFlagsFromString('--stack-size none --random-seed=8')
    draw()`
  const dir = t.testdir({ 'set.cjs': `${DRAWS}\n${set}` })
  const recorded = await recordInputs([process.execPath, 'set.cjs'], { cwd: dir })
  t.equal(recorded.code, 0, recorded.stderr)
  const replayed = await replayInputs(dir, ['--thread', '0'])
  t.match(replayed.verdict, { kind: 'exact' })
  t.equal(replayed.stdout, recorded.stdout)
  t.match(recorded.stderr, 'illegal value for flag --stack-size')
  t.match(replayed.stderr, 'illegal value for flag --stack-size')
  t.notMatch(replayed.stderr, 'missing value')
})

t.test('options of the engine one by one', async (t) => {
  const flags = splitFlags(' --stack-size 300 --opt  --random-seed=-7 x --no-opt')
  t.same(flags, ['--stack-size 300', '--opt', '--random-seed=-7', '--no-opt'])
  t.same([flags, ['--random_seed 3', '--opt'], ['--opt']].map(findSeed), [-7, 3, undefined])
})
