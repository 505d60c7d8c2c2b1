import { existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { openRecording } from '../../replayer/open.js'
import { replayProgram } from '../../replayer/program/replay-program.js'
import type { Recording } from '../../replayer/recording.js'
import { CLI, run } from '../helpers/command.js'
import { recordInputs, replayInputs } from './rig.js'

const OFF = ['--level', 'off']
const PACKAGE = new URL('../../recorder/index.js', import.meta.url).href
const REPLAY = new URL('../../replayer/index.js', import.meta.url).href
const REDUX = import.meta.resolve('redux')
const HEAD = `
  import { setup } from ${JSON.stringify(PACKAGE)}
  const scope = await setup()`

/** Requests that wait for one another: each changes the cart in turns that are not its own. */
const SHOP = `${HEAD}
  import http from 'node:http'
  import { legacy_createStore as createStore } from ${JSON.stringify(REDUX)}
  const reduce = (state = { n: 0, last: null, list: [] }, action) =>
    action.type === 'add' ? { n: state.n + action.by, last: action.by, list: [...state.list, action.by] } : state
  const store = scope.container('cart', createStore(reduce))
  const counter = scope.container('counter', { requests: 0, seen: new Map(), password: 'planted-secret-1' })
  store.subscribe(() => console.log(JSON.stringify(store.getState())))
  const pause = (ms) => new Promise((done) => setTimeout(done, ms))
  const server = http.createServer(async (request, response) => {
    counter.requests += 1
    counter.seen.set(request.url, counter.requests)
    const by = Number(request.url.slice(1))
    await pause(Math.random() * 6)
    store.dispatch({ type: 'add', by })
    await new Promise((done) => setImmediate(() => process.nextTick(done)))
    setTimeout(() => { store.dispatch({ type: 'add', by: by * 100 }); response.end('ok') }, Math.random() * 3)
  })
  scope.channel('http', server)
  server.listen(0, '127.0.0.1', async () => {
    const { port } = server.address()
    await Promise.all([1, 2, 3, 4].map(async (n) => (await fetch('http://127.0.0.1:' + port + '/' + n)).text()))
    scope.mark('served', { n: store.getState().n })
    server.close()
  })`

async function take<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const item of items) all.push(item)
  return all
}

async function open(t: Test, dir: string): Promise<Recording> {
  const recording = await openRecording(join(dir, 'program.retro'))
  t.teardown(() => recording.close())
  return recording
}

async function ask(dir: string, words: readonly string[], env: NodeJS.ProcessEnv = {}) {
  const [command, ...rest] = words
  const ran = await run([process.execPath, CLI, command!, join(dir, 'program.retro'), ...rest], { cwd: dir, env })
  return { ...ran, answer: ran.stdout.startsWith('{') ? JSON.parse(ran.stdout.split('\n')[0]!) : undefined }
}

t.test('[V2] what was not recorded is derived: every state, where it stood, and on whose behalf', async (t) => {
  const dir = t.testdir({ 'shop.mjs': SHOP })
  const recorded = await recordInputs([process.execPath, 'shop.mjs'], { cwd: dir }, OFF)
  t.equal(recorded.code, 0, recorded.stderr)
  const states: unknown[] = recorded.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  t.equal(states.length, 8)

  const before = await ask(dir, ['state', 'cart'])
  const typed = /What cart did was not recorded[\s\S]*retroscope replay \S+program\.retro --trace, or add --derive/
  t.match(before, { code: 1, stderr: typed }, 'nothing is run to answer')
  const replayed = await replayInputs(dir, ['--trace'])
  t.match(replayed, { verdict: { kind: 'exact', code: 0 }, derived: { kept: true }, stdout: recorded.stdout })

  const recording = await open(t, dir)
  const history = await take(recording.history('cart'))
  t.same(
    history.slice(1).map(({ value }) => value),
    states,
    'the states are those that the program printed',
  )
  t.ok(history.every(({ derived }) => derived !== undefined))
  for (const entry of history) {
    const at = `${entry.seq}.${entry.derived}`
    t.match(await recording.stateAt('cart', at), {
      ok: true,
      state: entry.value,
      seq: entry.seq,
      derived: entry.derived,
    })
  }
  const secret = await run(['grep', '-rlaF', 'planted-secret', join(dir, 'program.retro/derived')], { cwd: dir })
  t.match(secret, { code: 1, stdout: '' }, 'secrets are withheld')
  const { seq, derived } = history[3]!
  t.same(await recording.diff('cart', `${history[2]!.seq}.${history[2]!.derived}`, `${seq}.${derived}`), {
    ok: true,
    from: `${history[2]!.seq}.${history[2]!.derived}`,
    to: `${seq}.${derived}`,
    patch: (
      (await recording.diff('cart', `${history[2]!.seq}.${history[2]!.derived}`, `${seq}.${derived}`)) as {
        patch: unknown
      }
    ).patch,
    before: states[1],
    after: states[2],
  })
  for (const { seq, derived, value } of history.slice(1)) {
    const why = await recording.why('cart', '/last', { at: `${seq}.${derived}` })
    if (!why.ok) return t.fail(why.detail)
    const root = why.chain.at(-1)!.event
    const { last } = value as { last: number }
    t.match(root, { kind: 'message', body: { payload: { url: `/${last < 100 ? last : last / 100}` } } }, String(last))
    t.match(why, { ends: 'root' })
    t.equal(why.chain[0]!.evidence, 'derived')
  }
  t.match(await recording.stateAt('counter'), { ok: true, state: { requests: 4 } })
  const info = await recording.info()
  t.equal(info.derived, replayed.derived?.events)
  t.equal(info.counts.state, 0, 'what was recorded is counted as it was')
  t.match(await ask(dir, ['state', 'cart', '--at', `${seq}.${derived}`, '--json']), { answer: { seq, derived } })
  t.match(await ask(dir, ['state', 'cart', '--at', `${seq}.99`]), { code: 1, stderr: /no event \d+\.99/ })
})

t.test('[V4] a question that needs it runs the program again where that was asked for, once', async (t) => {
  const dir = t.testdir({ 'shop.mjs': SHOP })
  await recordInputs([process.execPath, 'shop.mjs'], { cwd: dir }, OFF)
  t.match(await ask(dir, ['events', '--process', 'http/2', '--kind', 'message']), { code: 1, stderr: /--derive/ })
  const first = await ask(dir, ['state', 'cart', '--derive', '--json'])
  t.match(first, { code: 0, stderr: '', answer: { ok: true, state: { list: { length: 8 } } } })
  const [kept] = readdirSync(join(dir, 'program.retro/derived'))
  rmSync(join(dir, 'shop.mjs'))
  for (const words of [
    ['why', 'cart', '/n'],
    ['history', 'cart', '--derive'],
    ['events', '--process', 'http/2'],
  ]) {
    t.match(await ask(dir, words), { code: 0, stderr: '' }, words.join(' '))
  }
  t.same(readdirSync(join(dir, 'program.retro/derived')), [kept])
  rmSync(join(dir, 'program.retro/derived'), { recursive: true })
  t.match(await ask(dir, ['state', 'cart', '--derive']), { code: 1, stderr: /--trust/ }, 'only what stands here is run')
  writeFileSync(join(dir, 'shop.mjs'), SHOP)
  const text = `import { openRecording } from ${JSON.stringify(REPLAY)}
    const recording = await openRecording('program.retro', { derive: true })
    console.log((await recording.stateAt('cart')).state.list.length)
    await recording.close()`
  const library = await run([process.execPath, '--input-type=module', '-e', text], { cwd: dir })
  t.match(library, { code: 0, stdout: '8' })
})

t.test('[V3] what was recorded is compared: all of it agrees, and stands in the same places', async (t) => {
  // Nothing in it depends on time: two runs are alike, event for event.
  const text = `${HEAD}
    import { EventEmitter } from 'node:events'
    const bus = scope.channel('bus', new EventEmitter())
    const state = scope.container('state', { n: 0, list: [], when: new Date(5), map: new Map() })
    bus.on('add', async (by) => {
      state.n += by
      await null
      state.list.push(by)
      scope.transaction(() => { state.map.set(by, state.n); state.when = new Date(by) })
      if (by === 3) throw new Error('no threes')
    })
    process.on('unhandledRejection', (error) => scope.mark('rejected', error.message))
    const pause = () => new Promise((done) => setTimeout(done, 1))
    for (const by of [1, 2, 3]) { bus.emit('add', by); await pause() }
    scope.mark('done')`
  const lists: string[][] = []
  for (const level of ['full', 'off'] as const) {
    const dir = t.testdir({ full: {}, off: {} })
    const own = join(dir, level)
    await recordInputs([process.execPath, '--input-type=module', '-e', text], { cwd: own }, ['--level', level])
    const replayed = await replayInputs(own, ['--trace'])
    t.match(replayed, { verdict: { kind: 'exact' }, derived: { kept: level === 'off' } })
    const recording = await open(t, own)
    const events = await take(recording.events({ kinds: ['process', 'message', 'state', 'mark'] }))
    const ofProgram = events.filter(
      ({ kind, subject, body }) => (kind !== 'process' || subject > 0) && !('op' in body && body.op === 'handled'),
    )
    lists.push(ofProgram.map(({ kind, pid, body }) => JSON.stringify([kind, pid, { ...body, handleUs: 0 }])))
  }
  t.ok(lists[0]!.length >= 20, String(lists[0]!.length))
  t.same(lists[1], lists[0])
})

t.test('[V3] a state that is another than the recorded one is a divergence, though every entry agrees', async (t) => {
  const text = `${HEAD}
    const state = scope.container('state', { n: 0, drives: '' })
    state.n = 1
    // The recorder's seam has a tape attached to it, a replay's has not.
    setTimeout(() => { state.drives = typeof globalThis[Symbol.for('retroscope.seam.v1')].attach }, 2)`
  const dir = t.testdir({ 'seam.mjs': text })
  await recordInputs([process.execPath, 'seam.mjs'], { cwd: dir })
  t.match(await replayInputs(dir), { verdict: { kind: 'exact' } })
  const { verdict, code } = await replayInputs(dir, ['--trace'])
  t.equal(code, 3)
  const words = { recorded: /state: state replace \/drives "function"/, replayed: /replace \/drives "undefined"/ }
  t.match(verdict, { kind: 'diverged', divergence: words })
})

t.test('[V4] of a replay that is not exact nothing is kept', async (t) => {
  const text = `${HEAD}
    const state = scope.container('state', { n: 0 })
    setTimeout(() => { state.n = 1; if (!globalThis[Symbol.for('retroscope.seam.v1')].attach) Date.now() }, 2)`
  const dir = t.testdir({ 'seam.mjs': text })
  await recordInputs([process.execPath, 'seam.mjs'], { cwd: dir }, OFF)
  t.match(await replayInputs(dir, ['--trace']), { verdict: { kind: 'diverged' }, derived: undefined })
  t.notOk(existsSync(join(dir, 'program.retro/derived')))
  t.match(await ask(dir, ['replay', '--trace', '--sources', 'local']), { code: 2, stderr: /exclude each other/ })
  for (const part of [{ until: '@0' }, { sources: 'local' as const }]) {
    await t.rejects(replayProgram(join(dir, 'program.retro'), { trace: true, ...part }), { code: 'USAGE' })
  }
})

t.test('[V1] capture adds nothing that a program could see: async ids, contexts, order', async (t) => {
  const text = `${HEAD}
    import { AsyncLocalStorage, executionAsyncId, createHook } from 'node:async_hooks'
    import { EventEmitter } from 'node:events'
    import fs from 'node:fs'
    const bus = scope.channel('bus', new EventEmitter())
    const state = scope.container('state', { n: 0 })
    const say = (what) => { state.n += 1; console.log(what, executionAsyncId()) }
    bus.on('go', async (n) => { say('go ' + n); await null; say('went ' + n) })
    const storage = new AsyncLocalStorage()
    for (const round of [1, 2]) {
      setTimeout(say, 1, 'timer'); setImmediate(say, 'immediate'); process.nextTick(say, 'tick'); queueMicrotask(() => say('micro'))
      fs.stat(process.argv[1], () => say('file'))
      storage.run(round, () => Promise.resolve().then(() => { say('in ' + storage.getStore()); bus.emit('go', round) }))
      await new Promise((done) => setTimeout(done, 8))
    }
    const types = []
    const hook = createHook({ init(id, type) { types.push(type) } }).enable()
    setTimeout(() => { hook.disable(); console.log(types.join()); say('end') }, 1)`
  const dir = t.testdir({ 'ids.mjs': text })
  for (const level of ['full', 'off'] as const) {
    rmSync(join(dir, 'program.retro'), { recursive: true, force: true })
    const recorded = await recordInputs([process.execPath, 'ids.mjs'], { cwd: dir }, ['--level', level])
    t.equal(recorded.code, 0, recorded.stderr)
    for (const more of [[], ['--trace'], ['--trace']]) {
      const replayed = await replayInputs(dir, more)
      t.match(replayed.verdict, { kind: 'exact' }, level)
      t.equal(replayed.stdout, recorded.stdout)
    }
  }
})

t.test('[V4] what is derived of a packed recording is kept in the cache', async (t) => {
  const dir = t.testdir({ 'shop.mjs': SHOP, cache: {}, packed: {} })
  await recordInputs([process.execPath, 'shop.mjs'], { cwd: dir }, OFF)
  const packed = join(dir, 'packed')
  await ask(dir, ['pack', '-o', join(packed, 'program.retro')])
  const env = { XDG_CACHE_HOME: join(dir, 'cache') }
  t.match(await ask(packed, ['replay', '--trace'], env), { code: 0, stderr: /Derived \d+ events/ })
  t.equal(readdirSync(join(dir, 'cache/retroscope/derived')).length, 1)
  t.match(await ask(packed, ['state', 'cart', '--json'], env), { answer: { ok: true } })
  t.match(await ask(packed, ['state', 'cart'], { XDG_CACHE_HOME: join(dir, 'none') }), { code: 1 })
})
