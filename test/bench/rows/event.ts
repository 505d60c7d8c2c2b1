/** The cost of one event, from the wrapper to the spool, against the least that it can cost, and against peers. Every
 *  half of a pair goes through the same turns of the loop and is measured until its last byte is with the system. */
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { legacy_createStore as createStore } from 'redux'
import { setup } from '../../../recorder/index.js'
import { getTimeUs } from '../../../recorder/originals.js'
import { Redaction } from '../../../recorder/redaction.js'
import type { Scope } from '../../../src/scope/scope.js'
import { crc32 } from '../../../src/spool/crc.js'
import { createEncoder } from '../../../src/values/encoder.js'
import { Scratch } from '../../../src/values/target.js'
import { median, printRow, toCpuUs, toRatio } from '../measure.js'
import { type MixEvent, toMix } from '../mix.js'
import { makeRecorder, nextTurn, recordMany } from '../recording.js'

const EVENTS = 20_000
const CHUNK = 64 * 1024

/** Events of one block, and of one turn: `recordMany` returns to the loop behind that many. */
const BLOCK = 56
const TURN = 100
const require = createRequire(fileURLToPath(new URL('../../../../test/bench/package.json', import.meta.url)))
const dir = mkdtempSync(join(tmpdir(), 'retroscope-bench-'))
const mix = Array.from({ length: EVENTS }, (_, n) => toMix(n))

type Take = (event: MixEvent) => void

/** CPU until all events are taken and what waits behind the last of them is written. */
function cost(take: Take, flush: () => Promise<unknown> = nextTurn): () => Promise<number> {
  return () =>
    toCpuUs(async () => {
      await recordMany(take, EVENTS, (n) => mix[n]!)
      await flush()
    })
}

try {
  const scope = await setup({ out: join(dir, 'event.retro') })
  const ours = cost(makeRecorder(scope))
  await compareFloor(ours)
  await comparePino(ours)
  await compareInstrument(scope)
  await compareSqlite(ours)
  await showWrappers(scope)
  await scope.stop()
} finally {
  rmSync(dir, { recursive: true, force: true })
}

/** At 1.2 µs an event, what survival costs is more than a tenth: a floor that writes per 64 KB is another product, one of
 *  which a kill takes hundreds of events. The least that keeps the promise is shown beside it. */
async function compareFloor(ours: () => Promise<number>): Promise<void> {
  const file = openSync(join(dir, 'floor'), 'w')
  const survives = await toRatio(ours, cost(makeFloor(file, true)))
  const ratio = await toRatio(ours, cost(makeFloor(file, false)))
  const costs: number[] = []
  for (let round = 0; round < 15; round++) costs.push((await ours()) / EVENTS)
  closeSync(file)
  printRow({
    what: 'one event, from wrapper to spool',
    figure: `${ratio.toFixed(2)}× (${median(costs).toFixed(2)} µs)`,
    bar: '≤1.1×',
    against: 'the same events checked and encoded into a buffer, written per 64 KB',
    met: ratio <= 1.1,
  })
  printRow({
    what: '  beside the least that survives a kill',
    figure: `${survives.toFixed(2)}×`,
    bar: '–',
    against: 'the same, each event stamped, each block of 56 checksummed and written',
  })
}

/** The same bodies through the same checks (plain, nothing secret in values or under a patch's paths) and the same
 *  encoder, and nothing else.
 *  @param survives each event has its time, each block its checksum, and no more than a block can be lost */
function makeFloor(file: number, survives: boolean): Take {
  const redaction = new Redaction({}, process.env)
  const encoder = createEncoder({ redact: redaction })
  const buffer = new Scratch(4 * CHUNK)
  let [n, waiting] = [0, 0]
  const write = (): void => {
    if (survives) buffer.view.setUint32(0, crc32(buffer.bytes, 4, buffer.end))
    writeSync(file, buffer.bytes, 0, buffer.end)
    buffer.reset()
    waiting = 0
  }
  return (event) => {
    if (event.kind === 'patch') redaction.patch(event.patch, event.after)
    encoder.encodeInto(toBody(event, n++), buffer)
    encoder.takeDictionary()
    if (survives) {
      if (buffer.end + 8 > buffer.bytes.length) buffer.makeRoom(buffer.end, 8)
      buffer.view.setFloat64(buffer.end, getTimeUs())
      buffer.end += 8
      if (++waiting === BLOCK || n % TURN === 0) write()
    } else if (buffer.end >= CHUNK) {
      write()
    }
  }
}

function toBody(event: MixEvent, n: number): object {
  if (event.kind === 'message') return { op: 'send', n, payload: event.payload }
  if (event.kind === 'mark') return { text: event.text, data: event.data }
  return { op: 'delta', patch: event.patch, trigger: event.trigger }
}

/** What our events say, as a line of a log: a patch's state is not told. */
function toLine(event: MixEvent, n: number): object {
  if (event.kind === 'message') return { kind: 'message', channel: 'orders', ...toBody(event, n) }
  if (event.kind === 'mark') return { kind: 'mark', ...toBody(event, n) }
  return { kind: 'state', container: 'cart', ...toBody(event, n) }
}

interface Logger {
  info(line: object): void
  flush(done: () => void): void
}

async function comparePino(ours: () => Promise<number>): Promise<void> {
  const pino = require('pino') as ((options: object, target: unknown) => Logger) & { destination(o: object): unknown }
  const compare = async (sync: boolean) => {
    const logger = pino({ base: undefined }, pino.destination({ dest: join(dir, `pino-${sync}.log`), sync }))
    let n = 0
    const theirs = cost(
      (event) => logger.info(toLine(event, n++)),
      () => (sync ? nextTurn() : new Promise<void>((resolve) => logger.flush(resolve))),
    )
    return toRatio(theirs, ours, { rounds: 21 })
  }
  const ratio = await compare(false)
  printRow({
    what: 'same, against pino',
    figure: `${ratio.toFixed(1)}× cheaper`,
    bar: '≥2.5×',
    against: 'pino to a file, sync: false, base: undefined, nothing redacted',
    met: ratio >= 2.5,
  })
  printRow({
    what: '  when its lines survive a kill too',
    figure: `${(await compare(true)).toFixed(1)}× cheaper`,
    bar: '–',
    against: 'pino to a file, sync: true',
  })
}

interface Sqlite {
  pragma(text: string): void
  exec(text: string): void
  prepare(text: string): { run(...values: unknown[]): void }
  close(): void
}

async function compareSqlite(ours: () => Promise<number>): Promise<void> {
  const Database = require('better-sqlite3') as new (path: string) => Sqlite
  const db = new Database(join(dir, 'events.db'))
  db.pragma('journal_mode = WAL')
  db.pragma('synchronous = OFF')
  db.exec('create table events (id integer primary key, at real, kind text, body text)')
  const insert = db.prepare('insert into events (at, kind, body) values (?, ?, ?)')
  let n = 0
  const rows = cost((event) => {
    // A row is kept when the program is killed once its transaction is: one per 50 events, as our blocks are.
    if (n % 50 === 0) db.exec(n === 0 ? 'begin' : 'commit; begin')
    insert.run(performance.now(), event.kind, JSON.stringify(toBody(event, n++)))
  })
  const ratio = await toRatio(rows, ours, { rounds: 15 })
  db.exec('commit')
  db.close()
  printRow({
    what: 'same, against SQLite',
    figure: `${ratio.toFixed(1)}× cheaper`,
    bar: '≥1.7×',
    against: 'better-sqlite3, one row each, WAL, synchronous off, a transaction per 50 events',
    met: ratio >= 1.7,
  })
}

interface Counter {
  readonly n: number
  readonly last: string
}

interface Action {
  readonly type: string
  readonly by?: number
}

function reduce(state: Counter = { n: 0, last: '' }, action: Action): Counter {
  return action.type === 'add' ? { n: state.n + (action.by ?? 0), last: action.type } : state
}

/** What a dispatch costs beyond the bare store: ours in the spool, theirs in memory, of the latest actions alone. */
async function compareInstrument(scope: Scope): Promise<void> {
  const { instrument } = require('@redux-devtools/instrument') as { instrument(m: undefined, o: object): never }
  const bare = costOfDispatch(createStore(reduce))
  const ours = costOfDispatch(scope.container('counter', createStore(reduce)))
  const compare = (maxAge: number) => {
    const theirs = costOfDispatch(createStore(reduce, instrument(undefined, { maxAge })))
    return toRatio(
      async () => Math.max(1, (await theirs()) - (await bare())),
      async () => Math.max(1, (await ours()) - (await bare())),
      { rounds: 15 },
    )
  }
  const ratio = await compare(1000)
  printRow({
    what: 'same, against Redux DevTools',
    figure: `${ratio.toFixed(1)}× cheaper`,
    bar: '≥6×',
    against: '@redux-devtools/instrument, maxAge 1000, in memory; both without the bare dispatch',
    met: ratio >= 6,
  })
  printRow({
    what: '  when it keeps 50 actions only',
    figure: `${(await compare(50)).toFixed(1)}× cheaper`,
    bar: '–',
    against: 'its cost grows with what it keeps; ours keeps all',
  })
}

function costOfDispatch(store: { dispatch(action: Action): unknown }): () => Promise<number> {
  return () =>
    toCpuUs(() =>
      recordMany(
        (action: Action) => store.dispatch(action),
        EVENTS / 4,
        (n) => ({ type: 'add', by: n }),
      ),
    )
}

/** Whole wrappers, for information: what a program pays for one call of its own. */
async function showWrappers(scope: Scope): Promise<void> {
  const end = { send: (_message: unknown) => {}, onMessage: (_listener: (message: unknown) => void) => {} }
  const port = scope.channel('port', end)
  const store = scope.container('store', createStore(reduce))
  const message = { id: 17, type: 'order', sku: 'oak-lamp', quantity: 3 }
  const sends: number[] = []
  const dispatches: number[] = []
  const dispatch = costOfDispatch(store)
  const send = () =>
    toCpuUs(() =>
      recordMany(
        () => port.send(message),
        EVENTS,
        () => message,
      ),
    )
  for (let round = 0; round < 15; round++) {
    sends.push((await send()) / EVENTS)
    dispatches.push(((await dispatch()) * 4) / EVENTS)
  }
  printRow({
    what: '  one send through a channel; one Redux dispatch',
    figure: `${median(sends).toFixed(1)} µs; ${median(dispatches).toFixed(1)} µs`,
    bar: '–',
    against: 'everything: wrapper, reducer, identity diff, encoding, spool',
  })
}
