import { isDeepStrictEqual } from 'node:util'
import t from 'tap'
import type { Event, EventBodies } from '../../src/events.js'
import { Ingest } from '../../src/log/ingest.js'
import { openLogReader } from '../../src/log/log-reader.js'
import { MemoryLog } from '../../src/log/memory-log.js'
import { openMemoryStore } from '../../src/log/memory-store.js'
import type { LogReader } from '../../src/log/reader.js'
import { resume, toEmptyState } from '../../src/log/resume.js'
import { Retention } from '../../src/log/retention.js'
import { SpoolMemory } from '../../src/log/spool-source.js'
import { LogWriter } from '../../src/log/writer.js'
import { SPOOL_MAGIC } from '../../src/spool/format.js'
import { listEvents, SpoolScript, STARTED_AT_US, ThreadScript } from './spool-script.js'

/** An ingest of spools in memory, with a clock that the test moves. */
class Bench {
  readonly source = new SpoolMemory()
  readonly store = openMemoryStore()
  readonly ingest: Ingest
  readonly #appended = new Map<ThreadScript, number>()
  nowMs = 0

  constructor() {
    const writer = new LogWriter(this.store, toEmptyState(STARTED_AT_US))
    this.ingest = new Ingest(writer, this.source, { now: () => this.nowMs })
  }

  /** Hands over what the threads flushed since the last time. */
  feed(...threads: readonly ThreadScript[]): void {
    for (const thread of threads) {
      thread.flush()
      const from = this.#appended.get(thread)
      if (from === undefined) this.source.append(thread.path, Buffer.from(SPOOL_MAGIC))
      for (const block of thread.blocks.slice(from ?? 0)) this.source.append(thread.path, block)
      this.#appended.set(thread, thread.blocks.length)
    }
  }

  open(): Promise<LogReader> {
    return openLogReader(async () => ({ stores: [this.store], damage: [], close: async () => {} }), STARTED_AT_US)
  }

  async list(): Promise<Event[]> {
    return listEvents(await this.open())
  }
}

function toText(event: Event): string {
  const body = event.body as { op?: string; n?: number }
  return `${event.thread}:${body.op ?? event.kind}${body.n ?? ''}${event.late ? ' late' : ''}`
}

const START = STARTED_AT_US

/** Two threads with the two ends of a channel, opened in the first microseconds. */
function makePair(): { left: ThreadScript; right: ThreadScript; leftEnd: number; rightEnd: number } {
  const left = new ThreadScript('0', START)
  const right = new ThreadScript('1', START + 1)
  const leftEnd = left.open(START + 2, { name: 'orders', type: 'channel', channel: { transport: 'port', end: 0 } })
  const rightEnd = right.open(START + 3, { name: 'orders', type: 'channel', channel: { transport: 'port', end: 1 } })
  return { left, right, leftEnd, rightEnd }
}

t.test('[L4] a receive stands behind its send whatever the clocks say, and names it as its cause', async (t) => {
  const { left, right, leftEnd, rightEnd } = makePair()
  for (let n = 0; n < 200; n++) {
    left.event('message', leftEnd, START + 1000 + n * 100, { op: 'send', n, payload: n })
    right.event('message', rightEnd, START + 500 + n * 100, { op: 'receive', n, payload: n })
    right.event('message', rightEnd, START + 501 + n * 100, { op: 'handled', n })
  }
  const bench = new Bench()
  bench.feed(left, right)
  await bench.ingest.pump(true)
  const events = await bench.list()
  const sends = new Map<number, Event>()
  let received = 0
  for (const event of events) {
    if (event.kind !== 'message') continue
    if (event.body.op === 'send') sends.set(event.body.n, event)
    else if (event.body.op === 'receive') {
      const send = sends.get(event.body.n)
      if (!send) t.fail(`receive ${event.body.n} stands before its send`)
      t.strictSame(event.cause, { thread: send?.thread, ordinal: send?.ordinal })
      received++
    }
  }
  t.equal(received, 200)
  t.equal(events.length, left.ordinal + right.ordinal)
  t.notOk(events.some((event) => event.late))
})

t.test('[L4] an emitter pairs with itself; a server whose clients are outside waits for nobody', async (t) => {
  const thread = new ThreadScript('0', START)
  const other = new ThreadScript('1', START + 1)
  const bus = thread.open(START + 2, {
    name: 'bus',
    type: 'channel',
    channel: { transport: 'emitter', end: 0, loop: true },
  })
  const channel = { transport: 'http', end: 1, outside: true } as const
  const server = thread.open(START + 3, { name: 'shop', type: 'server', channel })
  const send = thread.event('message', bus, START + 4, { op: 'send', n: 0, payload: 'x' })
  thread.event('message', bus, START + 5, { op: 'receive', n: 0, payload: 'x' })
  thread.event('message', server, START + 6, { op: 'receive', n: 0, payload: 'GET /' })
  const bench = new Bench()
  bench.feed(thread, other)
  await bench.ingest.pump()
  const messages = (await bench.list()).filter((event) => event.kind === 'message')
  t.strictSame(
    messages.map((event) => event.cause?.ordinal ?? null),
    [null, send, null],
  )
})

t.test('[L5] a receive waits for its send, at most a second; what comes later is late', async (t) => {
  const { left, right, leftEnd, rightEnd } = makePair()
  const bench = new Bench()
  bench.feed(left, right)
  await bench.ingest.pump()
  right.event('message', rightEnd, START + 100, { op: 'receive', n: 0, payload: 0 })
  right.event('mark', 0, START + 101, { text: 'behind it' })
  bench.feed(right)
  await bench.ingest.pump()
  t.equal((await bench.list()).length, 4, 'it waits, and what follows in its thread with it')
  left.event('message', leftEnd, START + 99, { op: 'send', n: 0, payload: 0 })
  bench.feed(left)
  await bench.ingest.pump()
  t.strictSame((await bench.list()).slice(4).map(toText), ['0:send0', '1:receive0', '1:mark'])

  right.event('message', rightEnd, START + 200, { op: 'receive', n: 1, payload: 1 })
  bench.feed(right)
  await bench.ingest.pump()
  bench.nowMs = 999
  await bench.ingest.pump()
  t.equal((await bench.list()).length, 7, 'still waiting')
  bench.nowMs = 1001
  await bench.ingest.pump()
  t.equal((await bench.list()).length, 8)
  left.event('message', leftEnd, START + 199, { op: 'send', n: 1, payload: 1 })
  left.event('message', leftEnd, START + 300, { op: 'send', n: 2, payload: 2 })
  bench.feed(left)
  await bench.ingest.pump()
  t.strictSame((await bench.list()).slice(7).map(toText), ['1:receive1', '0:send1 late', '0:send2'])
})

/** The same two threads, where the sender's word of its end of the channel has not come yet. */
function makeUnopened(names: { readonly left?: string; readonly right?: string } = {}) {
  const left = new ThreadScript('0', START)
  const right = new ThreadScript('1', START + 1)
  const record = { transport: 'port', end: 1, ...(names.left && { peer: names.left as never }) } as const
  const rightEnd = right.open(START + 3, { name: 'orders', type: 'channel', channel: record })
  right.event('message', rightEnd, START + 100, { op: 'receive', n: 0, payload: 0 })
  const send = () => {
    const peer = names.right === undefined ? {} : { peer: names.right as never }
    const channel = { transport: 'port', end: 0, ...peer } as const
    const leftEnd = left.open(START + 50, { name: 'orders', type: 'channel', channel })
    left.event('message', leftEnd, START + 99, { op: 'send', n: 0, payload: 0 })
    return leftEnd
  }
  return { left, right, rightEnd, send }
}

for (const names of [{}, { left: '0', right: '1' }]) {
  const title = names.left ? 'of a peer that is known' : 'of whoever it may be'
  t.test(`[L5] a receive waits for a send ${title}, through an end of which nothing is known yet`, async (t) => {
    const { left, right, send } = makeUnopened(names)
    const bench = new Bench()
    bench.feed(left, right)
    await bench.ingest.pump()
    t.strictSame((await bench.list()).map(toText), ['0:spawn', '1:spawn', '1:spawn'], 'it waits')
    send()
    bench.feed(left)
    await bench.ingest.pump()
    t.strictSame((await bench.list()).slice(3).map(toText), ['0:spawn', '0:send0', '1:receive0'])
  })
}

t.test('[L5] a receive waits for a thread whose spool was not found yet', async (t) => {
  const { left, right, send } = makeUnopened({ left: '0', right: '1' })
  const other = new ThreadScript('2', START)
  const bench = new Bench()
  bench.feed(right, other)
  await bench.ingest.pump()
  t.strictSame((await bench.list()).map(toText), ['0:spawn', '1:spawn', '1:spawn'], 'it waits')
  send()
  bench.feed(left)
  await bench.ingest.pump()
  t.strictSame((await bench.list()).slice(3).map(toText), ['2:spawn', '2:spawn', '2:send0', '1:receive0'])
})

t.test(
  '[L5] through an end that was never opened one receive waits a second, and what comes later is late',
  async (t) => {
    const { left, right, rightEnd, send } = makeUnopened()
    const bench = new Bench()
    bench.feed(left, right)
    await bench.ingest.pump()
    bench.nowMs = 1001
    right.event('message', rightEnd, START + 101, { op: 'receive', n: 1, payload: 1 })
    bench.feed(right)
    await bench.ingest.pump()
    t.strictSame((await bench.list()).slice(3).map(toText), ['1:receive0', '1:receive1'])
    const leftEnd = send()
    left.event('message', leftEnd, START + 100, { op: 'send', n: 1, payload: 1 })
    left.event('message', leftEnd, START + 200, { op: 'send', n: 2, payload: 2 })
    bench.feed(left)
    await bench.ingest.pump()
    t.strictSame((await bench.list()).slice(5).map(toText), ['0:spawn', '0:send0 late', '0:send1 late', '0:send2'])
  },
)

t.test(
  '[L14] a collector that died in the middle of a block, while an event waited, is succeeded without loss',
  async (t) => {
    const { left, right, leftEnd, rightEnd } = makePair()
    for (let n = 0; n < 5; n++) left.event('message', leftEnd, START + 50 + n, { op: 'send', n, payload: n })
    right.event('message', rightEnd, START + 100, { op: 'receive', n: 4, payload: 4 })
    right.event('message', rightEnd, START + 101, { op: 'receive', n: 5, payload: 5 })
    right.event('mark', 0, START + 102, { text: 'behind it' })
    const first = new Bench()
    first.feed(left, right)
    await first.ingest.pump()
    const before = await first.list()
    t.equal(before.length, 4 + 5 + 1, 'the second receive waits for a send that has not come')
    const second = new Ingest(new LogWriter(first.store, (await resume(first.store))!), first.source)
    left.event('message', leftEnd, START + 99, { op: 'send', n: 5, payload: 5 })
    first.feed(left)
    await second.pump(true)
    const after = await first.list()
    t.strictSame(after.slice(0, before.length), before)
    t.strictSame(after.slice(before.length).map(toText), ['0:send5', '1:receive5', '1:mark'])
    t.strictSame(after.at(-2)!.cause, { thread: 0, ordinal: after.at(-3)!.ordinal })
  },
)

t.test("[L6] a child's first event follows its announcement, a childExit the child's own end", async (t) => {
  const parent = new ThreadScript('0', START, { preload: true })
  const child = new ThreadScript('0.1', START + 10)
  parent.event('process', 0, START + 20, { op: 'child', path: '0.1' as never, type: 'main', command: 'node' })
  parent.event('process', 0, START + 30, { op: 'childExit', path: '0.1' as never, code: 0 })
  parent.event('mark', 0, START + 31, { text: 'after' })
  child.event('mark', 0, START + 40, { text: 'working' })
  child.event('process', 0, START + 50, { op: 'exit', code: 0 })
  for (const final of [true, false]) {
    const bench = new Bench()
    bench.feed(parent, child)
    await bench.ingest.pump(final)
    const found = (await bench.list()).map(toText)
    const expected = ['0:spawn', '0:child', '1:spawn', '1:mark', '1:exit', '0:childExit', '0:mark']
    t.strictSame(found, expected, final ? 'all at once' : 'live')
  }
})

t.test('[L6] a child of a program that only records itself does not wait for an announcement', async (t) => {
  const parent = new ThreadScript('0', START)
  const child = new ThreadScript('0.1', START + 10)
  child.event('mark', 0, START + 15, { text: 'working' })
  parent.event('mark', 0, START + 20, { text: 'after' })
  const bench = new Bench()
  bench.feed(parent, child)
  await bench.ingest.pump(false)
  t.strictSame((await bench.list()).map(toText), ['0:spawn', '1:spawn', '1:mark', '0:mark'])
})

t.test('[L6] a worker without a word of its own ended with its process, if that is known to have ended', async (t) => {
  const end = async (preload: boolean, last: EventBodies['process'] | undefined) => {
    const record = { pid: 77, ...(preload && { preload }) }
    const main = new ThreadScript('0', START, record)
    const worker = new ThreadScript('0.1-2', START + 1, { ...record, type: 'worker' })
    const nested = new ThreadScript('0.1-2.3', START + 2, { ...record, type: 'worker' })
    const child = new ThreadScript('0.2', START + 3, { ...record, pid: 78 })
    if (last) main.event('process', 0, START + 9, last)
    const bench = new Bench()
    bench.feed(main, worker, nested, child)
    await bench.ingest.pump(true)
    return (await bench.open()).threads().map(({ ended }) => ended)
  }
  t.strictSame(await end(true, undefined), [null, null, null, null])
  t.strictSame(await end(true, { op: 'crash', reason: 'uncaughtException' }), ['crash', 'killed', 'killed', null])
  t.strictSame(await end(true, { op: 'exit', code: 1 }), ['exit', 'killed', 'killed', null])
  t.strictSame(await end(false, { op: 'exit', code: null, reason: 'stopped' }), ['exit', null, null, null])
})

t.test('[L10] a write that fails is told to whoever ingests, once, and ends nothing else', async (t) => {
  const thread = new ThreadScript('0', START)
  for (let n = 0; n < 400; n++) {
    thread.event('mark', 0, START + n, { text: 'x'.repeat(60_000) })
    thread.flush()
  }
  const source = new SpoolMemory()
  source.append('0', thread.toBytes())
  const store = openMemoryStore()
  let writes = 0
  store.write = async () => {
    await new Promise(setImmediate)
    if (++writes > 1) throw new Error('full')
  }
  const unhandled: unknown[] = []
  const note = (error: unknown) => void unhandled.push(error)
  process.on('unhandledRejection', note)
  await t.rejects(new Ingest(new LogWriter(store, toEmptyState(START)), source).pump(true), { message: 'full' })
  for (let n = 0; n < 3; n++) await new Promise(setImmediate)
  process.off('unhandledRejection', note)
  t.strictSame(unhandled, [])
})

t.test('[L9] a segment stays open until the last write into it has ended', async (t) => {
  const script = new SpoolScript(5)
  script.run(2_000)
  const source = new SpoolMemory()
  for (const [path, bytes] of script.blocksInTime()) source.append(path, bytes)
  const stores: ReturnType<typeof makeSlow>[] = []
  function makeSlow() {
    const store = openMemoryStore()
    const { write } = store
    store.write = async (batch) => {
      for (let n = 0; n < 20; n++) await new Promise(setImmediate)
      await write.call(store, batch)
    }
    return store
  }
  const create = async (written?: Promise<void>) => {
    await written
    await stores.at(-1)?.close()
    stores.push(makeSlow())
    return stores.at(-1)!
  }
  const writer = new LogWriter(await create(), toEmptyState(START))
  const drop = (written: Promise<void>) => written
  const ingest = new Ingest(writer, source, { retention: new Retention(writer, { create, drop }, { maxEvents: 400 }) })
  t.ok(await ingest.pump(true))
  t.ok(stores.length > 8, `${stores.length} segments`)
  t.equal(writer.endSeq, script.count)
})

t.test('[L7] a damaged block is a gap of known size: ordinals stay right and no state is wrong', async (t) => {
  const script = new SpoolScript(3, { threads: 1, containers: 3 })
  script.run(700)
  const [thread] = script.threads
  thread!.flush()
  const blocks = thread!.blocks.map((block) => Buffer.from(block))
  const hit = Math.floor(blocks.length / 2)
  blocks[hit]![60]! ^= 0x10
  const source = new SpoolMemory()
  source.append('0', Buffer.concat([Buffer.from(SPOOL_MAGIC), ...blocks]))
  const store = openMemoryStore()
  await new Ingest(new LogWriter(store, toEmptyState(START)), source).pump(true)
  const reader = await openLogReader(async () => ({ stores: [store], damage: [], close: async () => {} }), START)
  const events = await listEvents(reader)
  const lost = blocks[hit + 1]!.readUInt32LE(16) - blocks[hit]!.readUInt32LE(16)
  const [gap] = reader.gaps()
  t.match(gap, { reason: 'damaged', count: lost })
  t.equal(events.length, script.count - lost + 1)
  t.equal(events.at(-1)!.ordinal, script.count - 1)
  const expected = script.statesBySeq(reader, events)
  const answers = { right: 0, damaged: 0, wrong: 0 }
  for (const { seq } of events) {
    for (const name of ['box0', 'box1', 'box2']) {
      const answer = await reader.stateAt(script.refOf(name, reader), seq)
      const state = expected[seq]!.states.get(name)
      if (!answer.ok) answers[answer.error === 'damaged' || state === undefined ? 'damaged' : 'wrong']++
      else answers[isDeepStrictEqual(answer.state, state) ? 'right' : 'wrong']++
    }
  }
  t.equal(answers.wrong, 0)
  t.ok(answers.right > 500 && answers.damaged > 3, JSON.stringify(answers))
  for (const { changed, states } of expected.slice(gap!.from).filter(({ changed }) => changed !== undefined)) {
    if (states.get(changed!) === undefined) t.fail('the oracle lost a container')
  }
})

t.test('[L8] a torn last block waits while its thread lives and is dropped when it has ended', async (t) => {
  const thread = new ThreadScript('0', START)
  thread.event('mark', 0, START + 1, { text: 'whole' })
  thread.flush()
  thread.event('mark', 0, START + 2, { text: 'torn' })
  const bytes = thread.toBytes()
  const cut = bytes.length - 7
  for (const end of ['dies', 'lives']) {
    const bench = new Bench()
    bench.source.append('0', bytes.subarray(0, cut))
    await bench.ingest.pump()
    t.equal((await bench.list()).length, 2)
    if (end === 'lives') bench.source.append('0', bytes.subarray(cut))
    await bench.ingest.pump(end === 'dies')
    t.equal((await bench.list()).length, end === 'lives' ? 3 : 2, end)
    t.strictSame((await bench.open()).gaps(), [])
  }
})

t.test(
  '[L9] maxEvents is a hard bound: what is gone answers pruned, what is held is right, criticals stay',
  async (t) => {
    const script = new SpoolScript(11)
    script.run(2_500)
    const log = new MemoryLog(START, { maxEvents: 400 })
    for (const [path, bytes] of script.blocksInTime()) {
      log.append(path, bytes)
      const reader = await log.open()
      t.ok(reader.endSeq - reader.firstSeq <= 400, 'bound')
    }
    const reader = await log.open()
    const all = await listEvents(reader)
    t.equal(reader.endSeq, script.count)
    t.ok(reader.endSeq - reader.firstSeq >= 250, 'and is made use of')
    const held = all.filter((event) => event.seq >= reader.firstSeq)
    t.equal(held.length, reader.endSeq - reader.firstSeq)
    const kept = all.filter((event) => event.seq < reader.firstSeq)
    t.equal(kept.length, 2 + 5, 'both threads and five containers have their spawn')
    t.ok(kept.every((event) => event.kind === 'process'))
    t.match(reader.gaps()[0], { reason: 'pruned', from: 0, to: reader.firstSeq - 1 })
    const box = script.refOf('box2', reader)
    t.match(await reader.stateAt(box, (reader.firstSeq - 1) as never), { ok: false, error: 'pruned' })
    t.equal(await reader.findOrdinal(kept[3]!), kept[3]!.seq)
    const whole = new MemoryLog(START, {})
    for (const [path, bytes] of script.blocksInTime()) whole.append(path, bytes)
    const expected = script.statesBySeq(reader, await listEvents(await whole.open()))
    for (let seq = reader.firstSeq as number; seq < reader.endSeq; seq += 11) {
      for (const name of ['box0', 'box2', 'box4']) {
        const answer = await reader.stateAt(script.refOf(name, reader), seq as never)
        if (!answer.ok || !isDeepStrictEqual(answer.state, expected[seq]!.states.get(name))) t.fail(`${name} at ${seq}`)
      }
    }
  },
)
