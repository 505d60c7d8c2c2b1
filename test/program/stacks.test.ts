import t from 'tap'
import { run } from '../helpers/command.js'
import { testExact } from './exact.js'
import { recordInputs, replayInputs, TIMES } from './rig.js'

/** Says where each of its callbacks stands. */
const PROGRAM = `const fs = require('node:fs')
const say = (what) => console.log(new Error(what).stack)
const sayAll = (where, then) => {
  say(where)
  process.nextTick(say, 'tick of ' + where)
  Promise.resolve('microtask of ' + where).then(say).then(then)
}
sayAll('main script', () => setTimeout(sayAll, 1, 'timer', () => {
  fs.stat('.', () => sayAll('file', () => setImmediate(sayAll, 'immediate')))
}))
`

t.test('[D2] [B1] a stack is the one of a program that is not recorded', async (t) => {
  const dir = t.testdir({ 'program.cjs': PROGRAM })
  const plain = await run([process.execPath, 'program.cjs'], { cwd: dir })
  const recorded = await recordInputs([process.execPath, 'program.cjs'], { cwd: dir })
  t.equal(recorded.stdout, plain.stdout)
  for (let n = 0; n < TIMES; n++) {
    const replayed = await replayInputs(dir)
    t.match(replayed.verdict, { kind: 'exact', code: 0 })
    t.equal(replayed.stdout, recorded.stdout)
  }
})

testExact(t, 'a stack down to its end, with hooks on asynchronous resources', {
  file: 'hooked.mjs',
  text: `
    import { createHook, triggerAsyncId } from 'node:async_hooks'
    import fs from 'node:fs'
    import { createServer, get } from 'node:http'
    Error.stackTraceLimit = Number.POSITIVE_INFINITY
    const errors = []
    const say = (where) => {
      console.log(new Error(where).stack, triggerAsyncId())
      errors.push(new Error('later, of ' + where))
    }
    createHook({ init() {}, before() {} }).enable()
    const server = createServer((_, response) => {
      say('request')
      response.end('answer')
    }).listen(0, '127.0.0.1', () => {
      get({ port: server.address().port }, (response) => {
        say('response')
        response.resume().on('end', () => server.close(() => say('closed')))
      })
    })
    fs.stat('.', () => say('file'))
    setTimeout(() => {
      say('timer')
      setImmediate(say, 'immediate')
    }, 5)
    process.on('exit', () => {
      for (const error of errors) console.log(error.stack)
    })`,
})
