import t from 'tap'
import { run } from '../helpers/command.js'
import { recordInputs, replayInputs, TIMES } from './rig.js'

/** What every function says of itself that can be reached from some roots. */
const WALK = `(function walk(roots, met, depth = 0) {
  const { toString } = Function.prototype
  const lines = []
  for (const [path, value] of Object.entries(roots)) {
    if (Object(value) !== value || met.has(value) || depth > 5) continue
    met.add(value)
    if (typeof value === 'function') {
      lines.push([path, value.name, value.length, toString.call(value), String(value) === toString.call(value)].join(' '))
    }
    const own = Object.entries(Object.getOwnPropertyDescriptors(value)).flatMap(([name, { value, get, set }]) => [
      [path + '.' + name, value], [path + '.get ' + name, get], [path + '.set ' + name, set],
    ])
    lines.push(...walk(Object.fromEntries(own), met, depth + 1))
  }
  return lines
})`

const GLOBALS =
  '{ Function, Date, Intl, WeakRef, FinalizationRegistry, WebAssembly, Atomics, Math, format: new Intl.DateTimeFormat().format }'

const LOOKS = `
  const threads = require('node:worker_threads')
  const vm = require('node:vm')
  const { ref, unref, postMessage } = MessagePort.prototype
  const { _events, mainModule, memoryUsage, uptime, emit, dlopen, ...others } = process
  const found = [
    ...${WALK}({ ...${GLOBALS}, memoryUsage, uptime, emit, dlopen, nodeTiming: performance.nodeTiming }, new Set()),
    ...${WALK}({ fs: require('node:fs'), vm, loader: require('node:module'), Worker: threads.Worker, ref, unref, postMessage }, new Set([process])),
    ...vm.runInNewContext(${JSON.stringify(`${WALK}(${GLOBALS}, new Set())`)}),
    Function.prototype.toString.call(vm.runInNewContext('Date')),
    vm.runInNewContext('toString.call(now)', { toString: Function.prototype.toString, now: Date.now }),
    vm.runInNewContext('Function.prototype.toString.call(now)', { now: Date.now }),
  ]
  for (const value of [undefined, null, 1, {}]) try { Function.prototype.toString.call(value) } catch (error) { found.push(error.message) }
  console.log(found.join('\\n'))
  if (threads.isMainThread) new threads.Worker(__filename)`

t.test('[B1] stand-ins look like what they stand for, and the same when they are run again', async (t) => {
  const dir = t.testdir({ 'looks.cjs': LOOKS })
  const bare = await run([process.execPath, 'looks.cjs'], { cwd: dir })
  t.equal(bare.code, 0, bare.stderr)
  const recorded = await recordInputs([process.execPath, 'looks.cjs'], { cwd: dir })
  t.equal(recorded.stdout, bare.stdout)
  for (let n = 0; n < TIMES; n++) {
    const replayed = await replayInputs(dir, ['--thread', n % 2 === 0 ? '0' : '0.1'])
    t.match(replayed.verdict, { kind: 'exact' })
  }
})
