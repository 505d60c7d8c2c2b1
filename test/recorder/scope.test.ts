import { EventEmitter } from 'node:events'
import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { isRetroscopeError, type Scope, setup } from '../../recorder/index.js'
import { getTimeUs, originals } from '../../recorder/originals.js'
import { SpoolFile } from '../../recorder/spool-file.js'
import { SpoolWriter } from '../../recorder/spool-writer.js'
import { openRecording } from '../../replayer/index.js'
import type { Ordinal } from '../../src/ids.js'
import { findSeam, SEAM_SYMBOL } from '../../src/scope/seam.js'
import { createEncoder } from '../../src/values/encoder.js'
import { isKind, readSpool, type SpoolEvent } from '../helpers/spool.js'

t.setTimeout(120_000)

let count = 0

/** Records `body` in this process. @returns what its spool holds */
async function record(body: (scope: Scope) => unknown): Promise<readonly SpoolEvent[]> {
  const out = join(t.testdirName, `scope-${count++}.retro`)
  const scope = await setup({ out })
  try {
    await body(scope)
  } finally {
    await scope.stop()
  }
  const { events, faults } = readSpool(out)
  t.strictSame(faults, [])
  return events
}

const nextTurn = () => new Promise((resolve) => setTimeout(resolve, 1))
t.before(() => void t.testdir())

t.test('[D11] wrong options are named, with what they take', async (t) => {
  const wrong: readonly (readonly [unknown, RegExp])[] = [
    [{ output: 'x' }, /setup has no option "output"/],
    [{ out: 5 }, /option out takes the path of a directory; it was given 5/],
    [{ maxEvents: 0 }, /maxEvents takes an integer greater than 0/],
    [{ out: 'x', maxEvents: 5 }, /maxEvents/],
    [{ live: true }, /live takes false unless/],
    [{ redact: { key: ['x'] } }, /redact has no option "key"/],
    [{ redact: { paths: ['user'] } }, /redact\.paths takes an array of JSON Pointers/],
    [{ redact: { patterns: ['x'] } }, /redact\.patterns takes an array of regular expressions/],
    ['x', /setup takes an object/],
  ]
  for (const [options, message] of wrong) {
    const error = await setup(options as never).then(
      () => undefined,
      (thrown: unknown) => thrown,
    )
    t.ok(isRetroscopeError(error) && error.code === 'USAGE', String(message))
    t.match((error as Error).message, message)
  }
  t.equal(findSeam(), undefined)
})

t.test('[D12] causes: the event that is being handled, and the one on whose behalf code goes on', async (t) => {
  const currents: (Ordinal | null)[] = []
  const events = await record(async (scope) => {
    const { seam } = scope
    const outer = seam.open({ name: 'outer', type: 'channel', channel: { transport: 'endpoint', end: 0 } })
    const inner = seam.open({ name: 'inner', type: 'channel', channel: { transport: 'endpoint', end: 0 } })
    scope.mark('outside')
    const done = seam.receive(outer, 1, async () => {
      scope.mark('in outer')
      seam.receive(inner, 2, () => scope.mark('in inner'))
      scope.mark('in outer again')
      seam.detached(() => scope.mark('detached'))
      await nextTurn()
      currents.push(seam.current())
      scope.mark('after await')
    })
    currents.push(seam.current())
    scope.mark('outside again')
    await done
    seam.resume!(3 as Ordinal, () => scope.mark('resumed'))
  })
  const marks = new Map(events.filter(isKind('mark')).map((event) => [event.body.text, event]))
  const [first, second] = events.filter(isKind('message')).filter(({ body }) => body.op === 'receive')
  const links = (text: string) => [marks.get(text)?.cause, marks.get(text)?.origin]
  const [o, i] = [first!.ordinal, second!.ordinal]
  t.strictSame(links('outside'), [-1, -1])
  t.strictSame(links('in outer'), [o, o])
  t.strictSame(links('in inner'), [i, i])
  t.strictSame(links('in outer again'), [o, o])
  t.strictSame(links('detached'), [-1, -1])
  t.strictSame(links('after await'), [-1, o])
  t.strictSame(links('outside again'), [-1, -1])
  t.strictSame(links('resumed'), [-1, 3])
  t.strictSame(currents, [null, o])
  const handled = events.filter(isKind('message')).filter(({ body }) => body.op === 'handled')
  t.strictSame(
    handled.map(({ cause, subject, body }) => [cause, subject, body.n]),
    [
      [i, second!.subject, 0],
      [o, first!.subject, 0],
    ],
  )
  t.ok(handled[1]!.body.handleUs! >= 900, 'an asynchronous handler is handled when its promise settles')
  t.ok(handled[1]!.ordinal > marks.get('after await')!.ordinal)
})

t.test('[D13] a turn is a loop iteration in which something was recorded, or a delivery to a session', async (t) => {
  const events = await record(async (scope) => {
    const { seam } = scope
    for (const text of ['a', 'b']) scope.mark(text)
    await nextTurn()
    scope.mark('c')
    await nextTurn()
    await nextTurn()
    scope.mark('d')
    const session = seam.open({ name: 's', type: 'session' })
    const result = seam.deliver(session, { op: 'timer', timer: 1 }, () => {
      scope.mark('e')
      return seam.value(session, 'Math.random', () => 0.5)
    })
    const bytes = Buffer.from([1])
    t.equal(result, 0.5)
    seam.value(session, 'crypto.randomBytes', () => bytes)
    bytes[0] = 9
    seam.effect(session, 'setTimeout', 10)
    seam.settle(session)
    scope.mark('f')
  })
  const turns = new Map(events.filter(isKind('mark')).map(({ body, turn }) => [body.text, turn]))
  const at = (text: string) => turns.get(text)!
  t.strictSame([at('a'), at('b'), at('c') > at('b'), at('d') > at('c')], [at('a'), at('a'), true, true])
  t.ok(at('e') === at('d') + 1 && at('f') === at('e') + 1)
  const values = events.filter(isKind('values'))
  t.strictSame(
    values.flatMap(({ body, turn }) => body.values.map(([call, value]) => [turn, call, value])),
    [
      [at('e'), 'Math.random', 0.5],
      [at('e'), 'crypto.randomBytes', Buffer.from([1])],
      [at('e'), 'setTimeout', 10],
    ],
    'a value that is changed later is kept as it was',
  )
})

t.test('[D14] stop puts everything back, flushes, and is idempotent', async (t) => {
  const listeners = () =>
    process
      .eventNames()
      .map((name) => [String(name), process.listeners(name as 'exit').length])
      .sort()
  const look = () => ({
    listeners: listeners(),
    max: process.getMaxListeners(),
    env: { ...process.env },
    // The list of what is recorded is shared by all copies of the package.
    globals: Reflect.ownKeys(globalThis)
      .map(String)
      .filter((name) => !name.includes('claims'))
      .sort(),
    error: Reflect.ownKeys(Error.prototype).map(String),
    resources: process.getActiveResourcesInfo().filter((name) => name === 'Timeout' || name === 'Immediate'),
  })
  const before = look()
  const emitter = new EventEmitter()
  const own = Reflect.ownKeys(emitter)
  let scope: Scope | undefined
  const events = await record(async (made) => {
    scope = made
    const wrapped = made.channel('c', emitter)
    wrapped.on('x', async () => void (await null))
    wrapped.emit('x', 1)
    t.not(findSeam(), undefined)
    wrapped.removeAllListeners()
    await nextTurn()
  })
  await scope!.stop()
  t.strictSame(look(), before)
  t.strictSame(Reflect.ownKeys(emitter), own)
  t.equal((globalThis as { [SEAM_SYMBOL]?: unknown })[SEAM_SYMBOL], undefined)
  t.match(events.at(-1), { kind: 'process', subject: 0, body: { op: 'exit', reason: 'stopped' } })
  scope!.mark('too late')
  t.throws(() => scope!.channel('late', new EventEmitter()), { code: 'CLOSED' })
  const again = await setup()
  again.mark('recorded again')
  await again.stop()
})

t.test('[D15] setup joins the recording that is under way, and each scope puts back its own', async (t) => {
  const events = await record(async (scope) => {
    const joined = await setup()
    t.equal(joined.seam, scope.seam)
    joined.mark('joined')
    await joined.stop()
    t.not(findSeam(), undefined, 'a scope that joined ends nothing')
    scope.mark('still there')
  })
  t.strictSame(
    events.filter(isKind('mark')).map(({ body }) => body.text),
    ['joined', 'still there'],
  )
})

t.test('[D16] nothing that is passed in makes the recorder throw', async (t) => {
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  const thrower = () => {
    throw new Error('from a trap')
  }
  const hostile: unknown[] = [
    undefined,
    null,
    Number.NaN,
    -0,
    10n ** 40n,
    Symbol('s'),
    () => {},
    proxy,
    '\ud800',
    'x'.repeat(5_000_000),
    Object.create(null),
    new Proxy(
      {},
      { get: thrower, ownKeys: thrower, getPrototypeOf: thrower, getOwnPropertyDescriptor: thrower, has: thrower },
    ),
    {
      get boom() {
        throw new Error('getter')
      },
    },
    { toJSON: thrower, toString: thrower, [Symbol.toPrimitive]: thrower },
    Promise.resolve(1),
    new WeakMap(),
    process.env,
    process.stdout,
    globalThis,
    new (class X {
      #y = 1
      z = this
    })(),
    JSON.parse('{"__proto__":{"a":1},"constructor":1,"$type":"x"}'),
    new Error('e', { cause: proxy }),
    Array.from({ length: 60_000 }).reduce<unknown>((inner) => ({ inner }), null),
  ]
  const events = await record(async (scope) => {
    const { seam } = scope
    const channel = seam.open({ name: 'c', type: 'channel' })
    const store = seam.open({ name: 's', type: 'store' })
    for (const value of hostile) {
      seam.send(channel, value, value as string)
      t.ok(
        Object.is(
          seam.receive(channel, value, () => value),
          value,
        ),
      )
      seam.init(store, value)
      seam.change(store, { before: value, after: { value }, trigger: value })
      seam.change(store, { patch: value as never, after: value })
      seam.change(store, { patch: [{ op: 'replace', path: value as string, value }], after: value })
      scope.mark(value as string, value)
      seam.value(store, value as string, () => value)
      seam.effect(store, 'x', value)
      seam.settle(store)
      seam.peer?.(value as object)
    }
    scope.mark('still here')
  })
  t.ok(events.filter(isKind('mark')).some(({ body }) => body.text === 'still here'))
})

t.test(
  '[D17] what the program records while a value of its own is read is a gap, and numbers stay right',
  async (t) => {
    const events = await record(({ seam }) => {
      const channel = seam.open({ name: 'c', type: 'channel' })
      const nosy = {
        get seen() {
          seam.send(channel, 'inside')
          return 1
        },
      }
      seam.send(channel, nosy)
      seam.send(channel, 'after')
    })
    const sends = events.filter(isKind('message'))
    t.strictSame(
      sends.map(({ body }) => body.n),
      [0, 2],
      'the message inside was counted',
    )
    t.match(events.find(isKind('gap'))?.body, { reason: 'encode-failed', count: 1 })
    t.strictSame(
      events.map(({ ordinal }) => ordinal),
      events.map((_, at) => at),
    )
  },
)

t.test('[D18] a patch that does not lead to the state becomes a keyframe where RETROSCOPE_DEBUG checks', async (t) => {
  process.env['RETROSCOPE_DEBUG'] = '1'
  t.teardown(() => delete process.env['RETROSCOPE_DEBUG'])
  const events = await record(({ seam }) => {
    const store = seam.open({ name: 's', type: 'store' })
    seam.init(store, { n: 0, at: new Date(0) })
    seam.change(store, { before: { n: 0, at: new Date(0) }, after: { n: 1, at: new Date(5) } })
    seam.change(store, { patch: [{ op: 'replace', path: '/n', value: 7 }], after: { n: 2, at: new Date(5) } })
    seam.change(store, { patch: [{ op: 'replace', path: '/no/such', value: 7 }], after: { n: 3 }, trigger: 't' })
    seam.change(store, { patch: [{ op: 'replace', path: '/n', value: 4 }], after: { n: 4 }, coalesced: true })
  })
  const states = events.filter(isKind('state'))
  t.strictSame(
    states.map(({ body }) => body.op),
    ['init', 'delta', 'keyframe', 'keyframe', 'delta'],
  )
  t.match(states[3]!.body, { state: { n: 3 }, trigger: 't' })
  t.strictSame(
    states.map(({ coalesced }) => coalesced),
    [false, false, false, false, true],
  )
})

t.test('[D19] without out the scope answers from memory, and holds no more than maxEvents', async (t) => {
  const scope = await setup({ maxEvents: 500 })
  const cart = scope.container('cart', { n: 0, list: [] as number[] })
  for (let n = 1; n <= 3000; n++) {
    cart.n = n
    if (n % 100 === 0) await nextTurn()
  }
  const recording = await openRecording(scope)
  t.match(await recording.stateAt('cart'), { ok: true, state: { n: 3000 } })
  const { firstSeq, events } = await recording.info()
  t.ok(events - firstSeq <= 500 + 10, `${events - firstSeq} held`)
  await t.rejects(recording.stateAt('cart', 5), { code: 'OUTSIDE' })
  cart.list.push(1)
  t.equal(await recording.refresh(), true)
  t.match(await recording.stateAt('cart'), { ok: true, state: { n: 3000, list: [1] } })
  await scope.stop()
  await recording.refresh()
  t.match(await recording.stateAt('cart'), { ok: true, state: { n: 3000, list: [1] } })
  await recording.close()
})

t.test('[D20] a scope that records into a directory answers, too, while it goes on', async (t) => {
  await record(async (scope) => {
    const cart = scope.container('cart', { n: 0 })
    cart.n = 1
    const recording = await openRecording(scope)
    t.match(await recording.stateAt('cart'), { ok: true, state: { n: 1 } })
    cart.n = 2
    await recording.refresh()
    t.match(await recording.stateAt('cart'), { ok: true, state: { n: 2 } })
    await recording.close()
  })
})

t.test('[D10] a promise that two handlers return is the end of both', async (t) => {
  let settle = () => {}
  const shared = new Promise<void>((resolve) => {
    settle = resolve
  })
  const events = await record(async ({ seam }) => {
    for (const name of ['a', 'b']) seam.receive(seam.open({ name, type: 'channel' }), name, () => shared)
    settle()
    await shared
    await nextTurn()
  })
  const handled = events.filter(isKind('message')).filter(({ body }) => body.op === 'handled')
  t.equal(handled.length, 2)
})

t.test('[D10] what a spool lost last is said when its thread ends, though nothing comes behind it', async (t) => {
  const file = new SpoolFile(join(t.testdir(), '0'))
  const writer = new SpoolWriter(file, (count) => Buffer.from(`${count} missing`))
  const system = originals as { writeSync: unknown }
  const { writeSync } = system
  t.teardown(() => (system.writeSync = writeSync))
  system.writeSync = () => {
    throw Object.assign(new Error('no space'), { code: 'ENOSPC' })
  }
  for (let n = 0; n < 60; n++) {
    createEncoder().encodeInto('event', writer.begin(1, 0, 0, 1, -1, -1))
    writer.end(undefined)
  }
  writer.flush()
  system.writeSync = writeSync
  writer.close()
  t.match(readFileSync(join(t.testdirName, '0'), 'latin1'), /60 missing/)
})

t.test('[D10] a spool that nobody can find any more takes no more of the disk', async (t) => {
  const path = join(t.testdir(), '0')
  const file = new SpoolFile(path)
  t.ok(file.append(Buffer.from('block'), true))
  rmSync(path)
  // Within half a millisecond a file is taken to be there still, and a timer of one may come sooner than that.
  for (const untilUs = getTimeUs() + 1000; getTimeUs() < untilUs; ) await nextTurn()
  t.notOk(file.append(Buffer.from('block'), true))
  t.notOk(file.append(Buffer.from('block'), true))
})
