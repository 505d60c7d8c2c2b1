import { spawnSync } from 'node:child_process'
import { EventEmitter } from 'node:events'
import fs from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { setup } from '../../recorder/index.js'
import { replay } from '../../replayer/replay.js'
import { SessionTimers } from '../../src/boundary/realm/session-timers.js'
import { readEvents, recordSession, TestEnd } from '../helpers/record-session.js'

const HEAD = `import fs from 'node:fs'
import { createStore } from 'redux'
`

function writeModule(dir: string, body: string): string {
  const file = join(dir, 'session.mjs')
  fs.writeFileSync(file, `${HEAD}export default (world) => {\n  const end = world.channel('end')\n${body}\n}\n`)
  return file
}

interface Open {
  readonly title: string
  readonly body: string
  readonly call: RegExp
  /** Line of the module that is named; null where other code did it. */
  readonly line: number | null
  readonly drive?: (mounted: unknown) => void
}

const resolvers: (() => void)[] = []
const globals = globalThis as unknown as Record<string, unknown>
globals['outsidePromise'] = new Promise<void>((resolve) => resolvers.push(resolve))

const OPEN: readonly Open[] = [
  {
    title: 'a file',
    body: "  end.onMessage(() => {\n    fs.readFileSync('/dev/null')\n    end.send('done') })",
    call: /^fs\.readFileSync$/,
    line: 6,
  },
  {
    title: 'the environment',
    body: "  end.onMessage(() => { end.send([process.env.HOME]); end.send('done') })",
    call: /^process\.env\.HOME$/,
    line: 5,
  },
  {
    title: 'the network',
    body: "  end.onMessage(() => { fetch('http://127.0.0.1:9').catch(() => {}); end.send('done') })",
    call: /^fetch$/,
    line: 5,
  },
  {
    title: 'an await of what others resolve',
    body: "  end.onMessage(async () => {\n    await globalThis.outsidePromise\n    end.send('done') })",
    call: /^await of a promise from outside$/,
    line: 6,
    drive: () => setImmediate(() => resolvers[0]?.()),
  },
  {
    title: 'a promise that others settle',
    body: '  end.onMessage(async () => { end.send(await new Promise((r) => { globalThis.settle = r })) })',
    call: /settled from outside/,
    line: null,
    drive: () => setImmediate(() => (globals['settle'] as (value: string) => void)('done')),
  },
  {
    title: 'a container that others change',
    body: "  const store = world.container('n', createStore((n = 0, a) => (a.type === 'up' ? n + 1 : n)))\n  end.onMessage(() => end.send('done'))\n  return store",
    call: /^n changed from outside the session$/,
    line: null,
    drive: (store) => (store as { dispatch(action: object): void }).dispatch({ type: 'up' }),
  },
]

t.test('[S8] what leaves the closed world is named with its line, and replay refuses it', async (t) => {
  for (const { title, body, call, line, drive } of OPEN) {
    const dir = t.testdir({ [title]: {} })
    const end = new TestEnd()
    const { path } = await recordSession(
      join(dir, title),
      writeModule(join(dir, title), body),
      { end },
      async (mounted) => {
        end.give('go')
        drive?.(mounted)
        await end.until((message) => message === 'done')
      },
    )
    const noted = (await readEvents(path)).flatMap(({ kind, body }) =>
      kind === 'process' && body.op === 'observed' ? [body] : [],
    )
    t.equal(noted.length, 1, `${title}: noted once`)
    t.match(noted[0]?.call, call, title)
    if (line !== null) t.match(noted[0]?.stack, `session.mjs:${line}:`, `${title}: its line`)
    await t.rejects(replay(path, { inProcess: true }), { code: 'OBSERVED', message: noted[0]?.call ?? '' }, title)
  }
})

t.test('[S9] code outside sessions is untouched, two sessions run at once, nothing stays patched', async (t) => {
  const dir = t.testdir()
  const watched = () => [
    Date,
    Date.now,
    Math.random,
    setTimeout,
    setInterval,
    setImmediate,
    clearTimeout,
    fs.readFileSync,
    fs.promises.readFile,
    process.hrtime,
    process.nextTick,
    queueMicrotask,
    process.exit,
    Object.hasOwn(process, 'emit'),
    fetch,
    AbortSignal.timeout,
    Object.getPrototypeOf(performance).now,
    crypto.getRandomValues,
    Object.getOwnPropertyDescriptor(process, 'env')?.value,
    process.listenerCount('uncaughtExceptionMonitor'),
  ]
  const before = watched()
  const body = `  const store = world.container('rolls', createStore((s = [], a) => (a.type === 'roll' ? [...s, a.value] : s)))
  end.onMessage((name) => setTimeout(() => {
    store.dispatch({ type: 'roll', value: [name, Math.random(), Date.now()] })
    end.send(name)
  }, 1))`
  const path = join(dir, 'two.retro')
  const scope = await setup({ out: path })
  const [a, b] = [new TestEnd(), new TestEnd()]
  const module = writeModule(dir, body)
  await Promise.all([scope.session('a', module, { end: a }), scope.session('b', module, { end: b })])
  const own: number[] = []
  for (let round = 0; round < 5; round += 1) {
    a.give(`a${round}`)
    b.give(`b${round}`)
    own.push(Math.random(), Date.now(), fs.readFileSync('/dev/null').length)
    await new Promise((resolve) => setTimeout(resolve, 1))
    await Promise.all([a.until((name) => name === `a${round}`), b.until((name) => name === `b${round}`)])
  }
  t.ok(new Date() instanceof Date)
  t.type(setTimeout(() => {}, 0).ref, 'function')
  await scope.stop()
  t.same(
    watched().map((value, i) => value === before[i]),
    before.map(() => true),
    'all restored',
  )

  const values = (await readEvents(path)).flatMap(({ kind, body }) => (kind === 'values' ? body.values : []))
  t.equal(values.filter(([call]) => call === 'Math.random').length, 10, 'only the sessions’ calls')
  t.notOk(values.some(([call, result]) => call === 'Math.random' && own.includes(result as number)))
  for (const session of ['a', 'b']) {
    const outcome = await replay(path, { session, inProcess: true })
    t.match(outcome.verdict, { kind: 'exact', turns: 11 }, session)
    t.match(
      (outcome.live['rolls'] as unknown[][]).map(([name]) => name),
      [0, 1, 2, 3, 4].map((n) => `${session}${n}`),
    )
  }
  await t.rejects(replay(path, {}), { code: 'AMBIGUOUS_NAME' })
})

t.test('[S10] a program that its session crashed replays to the same crash; the command line says so', async (t) => {
  const dir = t.testdir()
  const body = `  let orders = 0
  end.onMessage(async (n) => {
    orders += n
    await null
    if (orders > 5) throw new Error('oversold by ' + (orders - 5))
  })`
  const module = writeModule(dir, body)
  // Listeners of the dying process are other code: what they do is not the session's.
  const listener = "process.on('exit', () => { process.env.HOME; Math.random() })"
  const entry = new URL('../../recorder/index.js', import.meta.url).href
  fs.writeFileSync(
    join(dir, 'main.mjs'),
    `import { EventEmitter } from 'node:events'
import { setup } from '${entry}'
${listener}
const end = new EventEmitter()
const scope = await setup({ out: 'crash.retro' })
await scope.session('shop', new URL('./session.mjs', import.meta.url), { end })
for (const n of [1, 2, 4, 8]) end.emit('message', n)
`,
  )
  const node = (...args: string[]) =>
    spawnSync(process.execPath, args, { cwd: dir, encoding: 'utf8', env: { ...process.env, NODE_OPTIONS: '' } })
  t.match(node('main.mjs'), { status: 1, stderr: /oversold by 2/ })
  const main = new URL('../../replayer/faces/cli/main.js', import.meta.url).pathname
  const exact = node(main, 'replay', 'crash.retro', '--session', 'shop')
  t.match(exact, { status: 0, stdout: /exact, to the same crash \(Error: oversold by 2\)/ })

  fs.writeFileSync(module, fs.readFileSync(module, 'utf8').replace('> 5)', '> 9)'))
  const diverged = node(main, 'replay', 'crash.retro')
  t.equal(diverged.status, 3)
  t.match(diverged.stdout, /Replay diverged at turn @\d+ \(last agreement: @\d+/)
  t.match(diverged.stdout, / {2}recorded {2}an error escaped \(unhandledRejection\): Error: oversold by 2/)
  t.match(diverged.stdout, / {2}reason {4}the local file differs from the recorded one: session\.mjs/)
  const json = node(main, 'replay', 'crash.retro', '--json', '--verdict', 'verdict.json')
  t.equal(json.stdout, '')
  t.match(JSON.parse(fs.readFileSync(join(dir, 'verdict.json'), 'utf8')), {
    session: 'shop',
    verdict: { kind: 'diverged' },
  })
  t.match(node(main, 'replay', 'crash.retro', '--session', 'nope'), { status: 1, stderr: /no session "nope"/ })
})

t.test('[S11] errors that the program survives replay too, with what came after them', async (t) => {
  const dir = t.testdir()
  writeModule(
    dir,
    `  end.onMessage(async (n) => { await null; if (n === 1) throw new Error('async'); end.send([n, Math.random()]) })
  setTimeout(() => { throw new Error('in a timer') }, 1)
  setTimeout(() => queueMicrotask(() => { throw new Error('in a microtask') }), 2)
  setTimeout(() => end.send('done'), 4)`,
  )
  const entry = new URL('../../recorder/index.js', import.meta.url).href
  const main = `import { EventEmitter } from 'node:events'
import { setup } from '${entry}'
let survived = 0
process.on('uncaughtException', () => { survived += 1 })
const end = new EventEmitter()
const scope = await setup({ out: 'survived.retro' })
await scope.session('work', new URL('./session.mjs', import.meta.url), { end })
end.on('message', async (m) => { if (m === 'done') { await scope.stop(); process.exitCode = survived } })
for (const n of [1, 2]) end.emit('message', n)
`
  fs.writeFileSync(join(dir, 'main.mjs'), main)
  const ran = spawnSync(process.execPath, ['main.mjs'], { cwd: dir, encoding: 'utf8' })
  t.equal(ran.status, 3, 'three errors were survived')
  const { verdict } = await replay(join(dir, 'survived.retro'), { execArgv: [] })
  t.match(verdict, { kind: 'exact', ends: 'closed' })
  const crashes = (await readEvents(join(dir, 'survived.retro'))).filter(
    ({ kind, body }) => kind === 'process' && body.op === 'crash',
  )
  t.same(crashes.map(({ body }) => (body as { reason: string }).reason).sort(), [
    'error',
    'uncaughtException',
    'unhandledRejection',
  ])
})

t.test('[S12] a session that cannot be mounted leaves nothing patched, also beside one that could', async (t) => {
  const dir = t.testdir({ 'broken.mjs': "throw new Error('broken')" })
  const module = writeModule(dir, '')
  const { now } = Date
  const timer = globalThis.setTimeout
  const scope = await setup()
  await scope.session('whole', module, { end: new TestEnd() })
  await t.rejects(scope.session('broken', join(dir, 'broken.mjs'), {}), /broken/)
  await scope.stop()
  t.equal(Date.now, now)
  t.equal(globalThis.setTimeout, timer)
})

t.test('[S13] what others emit while they are told of a message of the session reaches it', async (t) => {
  const module = writeModule(
    t.testdir(),
    "  const got = []\n  end.onMessage((m) => got.push(m))\n  queueMicrotask(() => { end.send('ask'); end.send('echo') })\n  return got",
  )
  const emitter = new EventEmitter()
  emitter.on('message', (message) => {
    if (message === 'ask') emitter.emit('message', 'answer')
    else if (message === 'echo' && emitter.emit('told')) emitter.emit('message', 'echo')
  })
  emitter.once('told', () => {})
  const target = new EventTarget()
  target.addEventListener('message', (event) => {
    if ((event as MessageEvent).data === 'ask') target.dispatchEvent(new MessageEvent('message', { data: 'answer' }))
  })
  const scope = await setup()
  const byEmitter = await scope.session('emitter', module, { end: emitter })
  const byTarget = await scope.session('target', module, { end: target })
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve))
  await scope.stop()
  t.strictSame(byEmitter, ['answer', 'echo'])
  t.strictSame(byTarget, ['answer'])
})

t.test('[S14] a timer that is refreshed after it fired, before its turn, runs once and later', async (t) => {
  const order: string[] = []
  let due: number[] = []
  const timers = new SessionTimers({ live: true, effect() {}, due: (id) => due.push(id), mark: () => null })
  const timer = timers.set('setTimeout', 1, () => order.push('ran'))
  while (due.length === 0) await new Promise((resolve) => setImmediate(resolve))
  timer.refresh()
  t.notOk(timers.isDue(timer.id), 'its turn finds it waiting again')
  due = []
  while (due.length === 0) await new Promise((resolve) => setImmediate(resolve))
  t.ok(timers.isDue(timer.id) && timers.fire(timer.id))
  t.strictSame(order, ['ran'])
})
