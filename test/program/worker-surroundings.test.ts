import t from 'tap'
import { takeEnvironment } from '../../replayer/program/recorded-environment.js'
import { run } from '../helpers/command.js'
import { recordInputs, replayInputs, TIMES } from './rig.js'

const PROGRAM = `
  const { Worker, isMainThread } = require('node:worker_threads')
  if (isMainThread) {
    for (let n = 0; n < 9; n++) process.env['OWN' + n] = 'x'
    const worker = new Worker(__filename)
    console.log(worker.eventNames(), worker.listenerCount('exit'))
    worker.on('exit', (code) => console.log(code, new Error('x').stack))
  } else {
    process.exitCode = 3
    console.log(Object.keys(process.env).join())
  }`

t.test(`[B1] a worker's listeners and the order of its environment, ${TIMES} times of ${TIMES}`, async (t) => {
  const dir = t.testdir({ 'program.cjs': PROGRAM })
  const env = { FOO1: '1', NODE_OPTIONS: '--no-warnings', FOO2: '2', FOO3: '3' }
  const plain = await run([process.execPath, 'program.cjs'], { cwd: dir, env })
  const recorded = await recordInputs([process.execPath, 'program.cjs'], { cwd: dir, env })
  t.equal(recorded.stdout, plain.stdout, 'the program sees nothing of it')
  for (let n = 0; n < TIMES; n++) {
    const { verdict, stdout } = await replayInputs(dir)
    t.match(verdict, { kind: 'exact', code: 0 })
    t.equal(stdout, recorded.stdout)
  }
  const { verdict, stdout } = await replayInputs(dir, ['--thread', '0.1'])
  t.match(verdict, { kind: 'exact', code: 3 })
  t.ok(stdout.length > 0 && recorded.stdout.includes(stdout.trim()), 'the worker itself')
})

t.test('[B1] an environment is put in any order that it was recorded in', async (t) => {
  const environment = { b: '2', c: '3', a: '0', d: '4' }
  takeEnvironment(environment, { a: '1', b: '2', c: '3' })
  t.same(Object.entries(environment), Object.entries({ a: '1', b: '2', c: '3' }))
})
