import { EventEmitter } from 'node:events'
import { join } from 'node:path'
import { legacy_createStore } from 'redux'
import t, { type Test } from 'tap'
import { type Scope, setup } from '../../recorder/index.js'
import { packRecording, unpackRecording } from '../../replayer/packing.js'
import type { Recording } from '../../replayer/recording.js'
import type { Event } from '../../src/events.js'
import { applyPatch } from '../../src/json/patch.js'
import { type Cart, collect, makeCart, nextTurn, Outside, open } from './rig.js'

/** A run that is the same every time, but for its times. @returns each state that the cart went through */
async function run(scope: Scope): Promise<ReturnType<Cart['getState']>[]> {
  const [cart, outside] = [scope.container('cart', makeCart()), new Outside()]
  const states = [cart.getState()]
  const bus = scope.channel('bus', new EventEmitter())
  bus.on('added', (item) => {
    cart.dispatch({ type: 'add', ...item })
    states.push(cart.getState())
  })
  scope.channel('orders', outside).onMessage((item) => bus.emit('added', item))
  await nextTurn()
  for (let price = 1; price <= 20; price++) {
    outside.deliver({ sku: `sku-${price}`, price })
    if (price % 5 === 0) await nextTurn()
  }
  scope.mark('filled', new Map([['total', cart.getState().total]]))
  return states
}

/** Every question, answered. */
async function ask(recording: Recording, end: number): Promise<Record<string, unknown>> {
  const answers: Record<string, unknown> = { events: await collect(recording.events({ to: end })) }
  answers['some'] = await collect(
    recording.events({ kinds: ['state'], process: 'cart', match: 'SKU-1', to: end, limit: 3 }),
  )
  answers['back'] = await collect(recording.events({ process: 'bus', reverse: true, to: end, limit: 5 }))
  answers['turn'] = await collect(recording.events({ from: '@1', to: '@1', thread: '0' }))
  for (const at of ['start', '@0', '@1', '@2', 5, 30, end]) {
    answers[`state ${at}`] = await recording.stateAt('cart', at)
    answers[`why ${at}`] = await recording.why('cart', '/total', { at })
    answers[`causes ${at}`] = await recording.causes(at)
    answers[`partner ${at}`] = await recording.partner(await recording.resolve(at))
  }
  answers['diff'] = await recording.diff('cart', 10, end)
  answers['history'] = await collect(recording.history('cart', { to: end }))
  answers['total'] = await collect(recording.history('cart', { path: '/total', to: end }))
  answers['latest'] = await collect(recording.history('cart', { path: '/items/3', reverse: true, to: end }))
  answers['processes'] = recording.getProcesses()
  return answers
}

async function findMark(recording: Recording): Promise<number> {
  const [mark] = await collect(recording.events({ kinds: ['mark'] }))
  return mark!.seq
}

t.test('[Q1] the same question has the same answer on a live scope, its directory, packed and unpacked', async (t) => {
  const dir = t.testdir()
  const path = join(dir, 'run.retro')
  const scope = await setup({ out: path })
  await run(scope)
  const live = await open(t, scope)
  const end = await findMark(live)
  t.equal(live.isRunning(), true)
  const expected = await ask(live, end)
  await scope.stop()
  t.equal(live.isRunning(), false)
  t.equal(await live.refresh(), true, 'its end came after it was opened')
  t.same(toStable(await ask(live, end)), toStable(expected))
  await packRecording(path, join(dir, 'packed.retro'))
  await unpackRecording(join(dir, 'packed.retro'), join(dir, 'unpacked.retro'))
  for (const name of ['run', 'packed', 'unpacked']) {
    const recording = await open(t, join(dir, `${name}.retro`))
    t.equal(recording.isRunning(), false)
    t.same(toStable(await ask(recording, end)), toStable(expected), name)
    const { end: ended, counts } = await recording.info()
    t.match(ended, { kind: 'exit' })
    t.match(counts, { state: 21, mark: 1 })
  }
})

t.test('[Q1] a scope that records into memory answers as a directory does', async (t) => {
  const onDisk = await setup({ out: join(t.testdir(), 'run.retro') })
  await run(onDisk)
  const expected = await open(t, onDisk)
  const end = await findMark(expected)
  const answers = await ask(expected, end)
  await onDisk.stop()
  const inMemory = await setup()
  const states = await run(inMemory)
  const recording = await open(t, inMemory)
  t.equal((await recording.info()).form, 'memory')
  t.same(toTimeless(await ask(recording, await findMark(recording))), toTimeless(answers))
  await checkStates(t, recording, states)
  await inMemory.stop()
  t.equal(await recording.refresh(), true)
  t.match(await recording.info(), { end: { kind: 'exit', detail: 'the program stopped recording' } })
})

t.test('a diff of two loaded states says what changed, row by row, and leads from one to the other', async (t) => {
  type Rows = { readonly rows: readonly { readonly id: number; readonly name: string }[] }
  const row = (id: number) => ({ id, name: `row ${id}` })
  const reducer = (state: Rows = { rows: [1, 2, 3, 4].map(row) }, action: { type: string }) =>
    action.type === 'insert' ? { rows: [row(0), ...state.rows.map(({ id }) => row(id))] } : state
  const scope = await setup()
  scope.container('table', legacy_createStore(reducer as never)).dispatch({ type: 'insert' } as never)
  const recording = await open(t, scope)
  const [first] = await collect(recording.events({ kinds: ['state'] }))
  const answer = await recording.diff('table', first!.seq, 'end')
  t.same(answer.ok && answer.patch, [{ op: 'add', path: '/rows/0', value: row(0) }])
  t.same(answer.ok && applyPatch(answer.before, answer.patch), answer.ok && answer.after)
  await scope.stop()
})

t.test(
  '[Q3] the last write is the one that changed the value, not one that set it again or wrote beside it',
  async (t) => {
    const scope = await setup()
    // An instance of a class is written as a whole, so every write names both fields.
    class Pair {
      readonly a: number = 0
      readonly b: number = 0
      static with(pair: Pair, patch: object): Pair {
        return Object.assign(new Pair(), pair, patch)
      }
    }
    const reducer = (state = { pair: new Pair() }, action: { type: string; patch?: object }) =>
      action.patch ? { pair: Pair.with(state.pair, action.patch) } : state
    const store = scope.container('pair', legacy_createStore(reducer as never))
    const set = (patch: object) => store.dispatch({ type: 'set', patch } as never)
    set({ a: 1 })
    for (let b = 1; b <= 40; b++) set({ b })
    // Away and back within one stretch of candidates, and then beside it.
    for (const a of [2, 1, 2]) set({ a })
    for (let b = 1; b <= 40; b++) set({ b })
    const recording = await open(t, scope)
    const changes = await collect(recording.history('pair', { path: '/pair/a' }))
    t.same(
      changes.map(({ value }) => value),
      [0, 1, 2, 1, 2],
    )
    t.same(await collect(recording.history('pair', { path: '/pair/a', reverse: true })), changes.toReversed())
    for (const [index, { seq, value }] of changes.entries()) {
      const until = (changes[index + 1]?.seq ?? recording.getSpan().endSeq) - 1
      for (const at of [seq, until]) {
        const why = await recording.why('pair', '/pair/a', { at })
        t.match(why, { ok: true, value, chain: [{ event: { seq } }] })
      }
    }
    await scope.stop()
  },
)

/** Against the program's own list, which knows nothing of deltas. */
async function checkStates(t: Test, recording: Recording, states: readonly unknown[]): Promise<void> {
  const changes: Event[] = await collect(recording.events({ kinds: ['state'], process: 'cart' }))
  const held = await Promise.all(
    changes.filter(({ body }) => 'op' in body && body.op !== 'final').map(({ seq }) => recording.stateAt('cart', seq)),
  )
  t.same(
    held.map((answer) => answer.ok && answer.state),
    states,
  )
}

/** What a recording says of a process changes when the process ends. */
function toStable(answers: Record<string, unknown>): Record<string, unknown> {
  const { processes: _processes, ...rest } = answers
  return JSON.parse(JSON.stringify(rest, (key, value) => (key === 'endedAt' ? null : value)))
}

/** Clocks differ from run to run, and so do system numbers. */
function toTimeless(answers: Record<string, unknown>): unknown {
  const moving = new Set(['timeUs', 'handleUs', 'endedAt', 'argv', 'pid'])
  return JSON.parse(
    JSON.stringify(answers, (key, value) => (moving.has(key) && typeof value !== 'string' ? null : value)),
  )
}
