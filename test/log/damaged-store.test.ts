import { isDeepStrictEqual } from 'node:util'
import t from 'tap'
import { isRetroscopeError } from '../../src/errors.js'
import { Ingest } from '../../src/log/ingest.js'
import type { Entry, KeyValue, Range } from '../../src/log/key-value.js'
import { toMetaKey } from '../../src/log/keys.js'
import { openLogReader } from '../../src/log/log-reader.js'
import { openMemoryStore } from '../../src/log/memory-store.js'
import type { LogReader } from '../../src/log/reader.js'
import { toEmptyState } from '../../src/log/resume.js'
import { Retention } from '../../src/log/retention.js'
import { SpoolMemory } from '../../src/log/spool-source.js'
import { TABLE } from '../../src/log/tables.js'
import { LogWriter } from '../../src/log/writer.js'
import { listEvents, SpoolScript, STARTED_AT_US, type StatesAt } from './spool-script.js'

const HITS = process.env['RETROSCOPE_LONG'] === undefined ? 40 : 1_000

t.setTimeout(600_000)

/** A store in which damage took one value, or hid its key. */
class HitStore implements KeyValue {
  readonly #store: KeyValue
  readonly #key: Buffer
  readonly #hidden: boolean

  constructor(store: KeyValue, key: Uint8Array, hidden: boolean) {
    this.#store = store
    this.#key = Buffer.from(key)
    this.#hidden = hidden
  }

  async get(key: Uint8Array): Promise<Uint8Array | null | undefined> {
    if (!this.#key.equals(key)) return this.#store.get(key)
    return this.#hidden ? undefined : null
  }

  async *range(range: Range): AsyncGenerator<Entry> {
    const { limit = Number.POSITIVE_INFINITY, ...unlimited } = range
    let left = limit
    for await (const entry of this.#store.range(unlimited)) {
      const hit = this.#key.equals(entry.key)
      if (hit && this.#hidden) continue
      if (left-- <= 0) return
      yield hit ? { key: entry.key, value: null } : entry
    }
  }

  async close(): Promise<void> {}
}

function openOn(store: KeyValue): Promise<LogReader> {
  return openLogReader(async () => ({ stores: [store], damage: [], close: async () => {} }), STARTED_AT_US)
}

t.test(`[L13] ${HITS} values damaged, as many hidden: every answer is right or says that it is damaged`, async (t) => {
  const script = new SpoolScript(9)
  script.run(1_200)
  const source = new SpoolMemory()
  const store = openMemoryStore()
  const ingest = new Ingest(new LogWriter(store, toEmptyState(STARTED_AT_US)), source)
  let blocks = 0
  for (const [path, bytes] of script.blocksInTime()) {
    source.append(path, bytes)
    if (++blocks % 10 === 0) await ingest.pump()
  }
  await ingest.pump(true)
  const whole = await openOn(store)
  const events = await listEvents(whole)
  const expected = script.statesBySeq(whole, events)
  const keys: Uint8Array[] = []
  for await (const { key } of store.range({})) keys.push(key)
  const totals = { right: 0, damaged: 0, events: 0, gaps: 0 }
  for (let n = 0; n < HITS * 2; n++) {
    const key = script.pick(keys)
    const at = `${Buffer.from(key).toString('hex')} ${n % 2 === 0 ? 'hidden' : 'damaged'}`
    const reader = await openOn(new HitStore(store, key, n % 2 === 0)).catch((error: unknown) => {
      if (!isRetroscopeError(error) || error.code !== 'DAMAGED') t.fail(`${at}: ${String(error)}`)
    })
    if (!reader) continue
    const wrong = await findWrongState(script, { reader, whole, expected }, totals)
    if (wrong) t.fail(`${at}: ${wrong}`)
    const found = await listEvents(reader)
    let missing = 0
    for (const event of found) {
      if (event.kind === 'gap') {
        missing += (event.body.count ?? 0) - 1
        totals.gaps++
      } else if (!isDeepStrictEqual({ ...event, pid: '' }, { ...events[event.seq], pid: '' }))
        t.fail(`${at}: event ${event.seq}`)
      totals.events++
    }
    if (found.length + missing !== events.length) t.fail(`${at}: ${found.length} events and ${missing} missing`)
    if (missing > 0 && reader.gaps().length === 0) t.fail(`${at}: gaps() does not name what is missing`)
  }
  t.ok(totals.right > 500 && totals.damaged > 0 && totals.gaps > 0, JSON.stringify(totals))
})

async function findWrongState(
  script: SpoolScript,
  { reader, whole, expected }: { reader: LogReader; whole: LogReader; expected: readonly StatesAt[] },
  totals: { right: number; damaged: number },
): Promise<string | undefined> {
  for (let n = 0; n < 15; n++) {
    const seq = Math.floor(script.random() * expected.length)
    const name = script.pick(['box0', 'box1', 'box2', 'box3', 'box4'])
    const answer = await reader.stateAt(script.refOf(name, whole), seq as never)
    const { states } = expected[seq]!
    if (!answer.ok) {
      if (answer.error === 'not_found' && states.has(name)) return `${name} at ${seq} is said not to be there`
      totals.damaged++
    } else if (!isDeepStrictEqual(answer.state, states.get(name))) return `${name} at ${seq} is wrong`
    else totals.right++
  }
  return undefined
}

t.test('[L17] a segment that cannot be read is a gap between its neighbours, and alone it is an error', async (t) => {
  const script = new SpoolScript(5)
  script.run(1_500)
  const source = new SpoolMemory()
  for (const [path, bytes] of script.blocksInTime()) source.append(path, bytes)
  const stores = [openMemoryStore()]
  const writer = new LogWriter(stores[0]!, toEmptyState(STARTED_AT_US))
  const create = async () => {
    stores.push(openMemoryStore())
    return stores.at(-1)!
  }
  const drop = async () => {}
  await new Ingest(writer, source, { retention: new Retention(writer, { create, drop }, { maxEvents: 400 }) }).pump(
    true,
  )
  const hit = (store: KeyValue, hidden: boolean) => new HitStore(store, toMetaKey(TABLE.log), hidden)
  const openAll = (all: readonly KeyValue[]) =>
    openLogReader(async () => ({ stores: all, damage: [], close: async () => {} }), STARTED_AT_US)
  const whole = await openAll(stores)
  const expected = script.statesBySeq(whole, await listEvents(whole))
  const middle = Math.floor(stores.length / 2)
  for (const at of [middle, stores.length - 1]) {
    for (const hidden of [false, true]) {
      const reader = await openAll(stores.map((store, n) => (n === at ? hit(store, hidden) : store)))
      const events = await listEvents(reader)
      t.match(reader.gaps(), [{ reason: 'damaged' }], 'the damage is named')
      t.strictSame(await listEvents(reader, { reverse: true }), events.toReversed())
      const [gap] = events.filter(({ kind }) => kind === 'gap')
      t.equal(gap !== undefined, at === middle, 'what later events prove missing stands in its place')
      const lost = gap?.kind === 'gap' ? (gap.body.count ?? 0) - 1 : 0
      t.equal(events.length + lost, reader.endSeq)
      t.equal(
        await findWrongState(script, { reader, whole, expected: expected.slice(0, reader.endSeq) }, zero()),
        undefined,
      )
    }
  }
  for (const hidden of [false, true]) await t.rejects(openAll([hit(stores[0]!, hidden)]), { code: 'DAMAGED' })
  t.equal((await openAll([openMemoryStore()])).endSeq, 0, 'what was never written to is empty')
})

const zero = () => ({ right: 0, damaged: 0 })
