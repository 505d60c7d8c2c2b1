import { once } from 'node:events'
import { rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { type AddressInfo, createServer } from 'node:net'
import { dirname, join } from 'node:path'
import t from 'tap'
import { CLI, run } from '../helpers/command.js'
import { type CallFrame, DebuggerClient, driveNodeInspect, inspect } from './debugger-client.js'
import { recordInputs } from './rig.js'

const TEXT = `const fs = require('node:fs')
const { AsyncLocalStorage, executionAsyncId } = require('node:async_hooks')
const storage = new AsyncLocalStorage()
let n = 0
class Counter {
  constructor() { this.steps = [] }
  get total() { return this.steps.length }
}
const counter = new Counter()
function add(step) {
  const before = n
  n += step
  counter.steps.push(before)
  return before
}
function next() {
  storage.run(n, async () => {
    const before = add(Date.now() > 0 ? 1 : 0)
    console.log(n, before, Date.now(), Math.random(), executionAsyncId())
    await new Promise((done) => fs.readFile(__filename, done))
    console.log(storage.getStore(), performance.now(), executionAsyncId())
    if (n === 9) setTimeout(() => { throw new RangeError('nine') }, 1)
    else setTimeout(next, 1)
  })
}
next()`

/** The turns whose delivery says that. */
async function listTurns(dir: string, line: string): Promise<number[]> {
  const words = ['events', 'program.retro', '--kind', 'delivery', '--json', '--match', line]
  const { stdout } = await run([process.execPath, CLI, ...words], { cwd: dir })
  return stdout
    .trim()
    .split('\n')
    .map((one) => JSON.parse(one).turn)
}

t.test('[B21] a debugger stops at the moment, looks, steps, breaks, and the replay is exact', async (t) => {
  const dir = t.testdir({ 'count.cjs': TEXT })
  const recorded = await recordInputs([process.execPath, 'count.cjs'], { cwd: dir })
  rmSync(join(dir, 'count.cjs'))
  const turns = await listTurns(dir, 'timers')
  const held = await inspect(dir, ['--trust', '--until', `@${turns[2]}`])
  const client = await DebuggerClient.connect(held.address)
  const [frame] = (await client.attach()) as [CallFrame]
  t.equal(client.place(frame), 'count.cjs:17 next')
  t.match(held.place, /count\.cjs:17 next$/)
  t.ok(String(await client.source(frame)).includes('class Counter'), 'the recorded source')
  t.equal(await client.evaluate(frame, 'n'), 3)
  const { breakpointId } = await client.post('Debugger.setBreakpointByUrl', {
    urlRegex: 'count\\.cjs$',
    lineNumber: 17,
  })
  t.equal(client.place((await client.go('resume'))[0]!), 'count.cjs:18')
  // The clock is fed by code of ours.
  for (let place = 'count.cjs:18'; place === 'count.cjs:18'; ) {
    place = client.place((await client.go('stepInto'))[0]!)
    t.match(place, /^count\.cjs:(18|11 add)$/)
  }
  await client.post('Debugger.removeBreakpoint', { breakpointId })
  const note = `console.log('seen', before, performance.now()), false`
  await client.post('Debugger.setBreakpointByUrl', { urlRegex: 'count\\.cjs$', lineNumber: 12, condition: note })
  const condition = 'Date.now() > 0 && n >= 4'
  await client.post('Debugger.setBreakpointByUrl', { urlRegex: 'count\\.cjs$', lineNumber: 11, condition })
  const [stopped] = (await client.go('resume')) as [CallFrame]
  t.equal(client.place(stopped), 'count.cjs:12 add')
  t.equal(await client.evaluate(stopped, 'before'), 4)
  t.same(
    client.logged.filter(([is]) => is === 'seen').map(([, before]) => before),
    [3],
  )
  // The clock, the files, the console and the numbers of the one who looks: nothing of them is the tape's.
  t.ok(Math.abs(Number(await client.evaluate(stopped, 'Date.now()')) - Date.now()) < 60_000)
  t.ok(Number(await client.evaluate(stopped, 'process.hrtime.bigint() > 0n ? performance.now() : -1')) >= 0)
  t.equal(await client.evaluate(stopped, `fs.existsSync(${JSON.stringify(join(dir, 'count.cjs'))})`), false)
  t.equal(await client.evaluate(stopped, `console.log('looked') ?? typeof new Promise(() => {})`), 'object')
  t.equal(await client.evaluate(stopped, 'counter.total', { throwOnSideEffect: true }), 4)
  const { callFrameId } = stopped
  const { result } = await client.post('Debugger.evaluateOnCallFrame', { callFrameId, expression: 'counter' })
  const { objectId } = result as { objectId: string }
  const own = { objectId, ownProperties: true, generatePreview: true }
  t.match(await client.post('Runtime.getProperties', own), { result: [{ name: 'steps' }] })
  t.equal(client.place((await client.go('stepOver'))[0]!), 'count.cjs:13 add')
  t.equal(await client.evaluate((await client.go('stepOver'))[0]!, 'n'), 5)
  t.match(client.place((await client.go('stepOut'))[0]!), /^count\.cjs:1[89]/)
  t.match(client.place((await client.go('stepOver'))[0]!), /^count\.cjs:(19|20)/)
  const resumed = client.post('Debugger.resume')
  t.match(await client.post('Runtime.evaluate', { expression: 'Date.now()' }), { error: { message: /Pause it first/ } })
  await resumed
  await client.close()
  const { stdout, stderr, verdict } = await held.ended
  t.match(verdict(), { kind: 'exact', code: recorded.code! })
  t.equal(stdout, recorded.stdout)
  t.notMatch(stderr, /Waiting for the debugger|looked|seen/)
})

t.test('[B21] without a moment it stops at the first line; at a crash, before it happens', async (t) => {
  const dir = t.testdir({ 'count.cjs': TEXT })
  const recorded = await recordInputs([process.execPath, 'count.cjs'], { cwd: dir })
  const first = await inspect(dir, [])
  const gone = await DebuggerClient.connect(first.address)
  t.equal(gone.place((await gone.attach())[0]!), 'count.cjs:1')
  await t.rejects(DebuggerClient.connect(first.address), /503/, 'one at a time')
  await gone.close()
  const one = await DebuggerClient.connect(first.address)
  t.equal(one.place((await one.attach())[0]!), 'count.cjs:1', 'it stands until one resumes it')
  await one.post('Debugger.resume')
  const { stdout, verdict } = await first.ended
  t.match(verdict(), { kind: 'exact', code: recorded.code! })
  t.equal(stdout, recorded.stdout)
  const crash = await inspect(dir, ['--until', 'crash'])
  const two = await DebuggerClient.connect(crash.address)
  const [frame] = await two.attach()
  t.equal(await two.evaluate(frame!, 'n'), 9)
  await two.post('Debugger.setPauseOnExceptions', { state: 'uncaught' })
  const [thrown] = await two.go('resume')
  t.equal(two.place(thrown!), 'count.cjs:22')
  // Who leaves lets it go.
  await two.close()
  t.match((await crash.ended).verdict(), { kind: 'exact', code: recorded.code! })
})

t.test('[B21] a module of today, from its first line and from within', async (t) => {
  const dir = t.testdir({
    'main.mjs': `import { readFile } from 'node:fs/promises'
      const note = (text) => console.log(text, Date.now())
      for (let i = 0; i < 5; i++) {
        await readFile(new URL(import.meta.url))
        note('read ' + i)
      }`,
  })
  const recorded = await recordInputs([process.execPath, 'main.mjs'], { cwd: dir })
  for (const more of [[], ['--until', `@${(await listTurns(dir, 'fs'))[0]}`]]) {
    const held = await inspect(dir, more)
    const client = await DebuggerClient.connect(held.address)
    const frames = await client.attach()
    t.match(client.place(frames[0]!), /^main\.mjs:\d/)
    await client.post('Debugger.resume')
    const ended = await held.ended
    t.match(ended.verdict(), { kind: 'exact', code: 0 })
    t.equal(ended.stdout, recorded.stdout)
  }
})

t.test('[B21] node inspect is a debugger, too; a line is named as it was written', async (t) => {
  const modules = dirname(dirname(createRequire(import.meta.url).resolve('tsx/package.json')))
  const dir = t.testdir({
    'app.ts': `interface Line {
        readonly price: number
      }

      const lines: readonly Line[] = [{ price: Math.random() }]
      const total = lines.reduce((sum, { price }) => sum + price, Date.now())
      console.log(total)`,
    'package.json': '{ "type": "module" }',
    node_modules: t.fixture('symlink', modules),
  })
  const recorded = await recordInputs([process.execPath, '--import', 'tsx', 'app.ts'], { cwd: dir })
  const held = await inspect(dir, [])
  t.match(held.place, /app\.ts:5$/)
  const prompt = '[\\s\\S]*debug> $'
  const child = await driveNodeInspect(new URL(held.address).host, [
    ['bt', new RegExp(`#0 .*app\\.ts:\\d+${prompt}`)],
    ['n', new RegExp(`(break|step) in .*app\\.ts${prompt}`)],
    ['exec lines.length + 41', new RegExp(`42${prompt}`)],
    ['exec Date.now() > 0', new RegExp(`true${prompt}`)],
    ['c', /^/],
  ])
  const { stdout, verdict } = await held.ended
  t.match(verdict(), { kind: 'exact', code: 0 })
  t.equal(stdout, recorded.stdout)
  child.kill()
})

t.test('[B21] what a terminal interrupts ends with all it started', async (t) => {
  const dir = t.testdir({ 'count.cjs': TEXT })
  await recordInputs([process.execPath, 'count.cjs'], { cwd: dir })
  const held = await inspect(dir, ['--until', '@5'], true)
  const client = await DebuggerClient.connect(held.address)
  const [frame] = await client.attach()
  t.ok(frame)
  process.kill(-held.child.pid!, 'SIGINT')
  const { code, signal, stderr } = await held.ended
  t.equal(signal ?? code, 'SIGINT')
  t.notMatch(stderr, /retroscope:/)
  t.throws(() => process.kill(-held.child.pid!, 0), { code: 'ESRCH' }, 'nothing of it is left')
  await t.rejects(DebuggerClient.connect(held.address), 'nobody listens')
})

t.test('[B21] what --inspect cannot do is said', async (t) => {
  const dir = t.testdir({
    'main.cjs': `new (require('node:worker_threads').Worker)('setTimeout(() => {}, 1)', { eval: true })`,
  })
  await recordInputs([process.execPath, 'main.cjs'], { cwd: dir })
  const ask = (port: number, ...more: string[]) =>
    run([process.execPath, CLI, 'replay', 'program.retro', `--inspect=${port}`, ...more], { cwd: dir })
  const worker = await ask(0, '--thread', '0.1')
  t.equal(worker.code, 2)
  t.match(worker.stderr, /Thread 0\.1 is a worker: debuggers find the main thread only/)
  t.match((await ask(0, '--all')).stderr, /--inspect is for one thread/)
  t.match((await ask(0, '--session', 'x')).stderr, /--inspect is for one thread/)
  const swallowed = await run([process.execPath, CLI, 'replay', '--inspect', 'program.retro'], { cwd: dir })
  t.equal(swallowed.code, 2)
  t.match(swallowed.stderr, /It is a port/)
  const other = createServer().listen(0, '127.0.0.1')
  await once(other, 'listening')
  const { port } = other.address() as AddressInfo
  const taken = await ask(port)
  other.close()
  t.equal(taken.code, 2)
  t.match(taken.stderr, new RegExp(`at port ${port}: something else listens there`))
  const missed = await ask(0, '--until', 'end')
  t.equal(missed.code, 0)
  t.match(missed.stderr, /No debugger was waited for: [\s\S]*Replay of thread 0 is exact/)
})
