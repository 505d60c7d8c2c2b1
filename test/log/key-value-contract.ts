import { Buffer } from 'node:buffer'
import type { Test } from 'tap'
import type { Entry, KeyValue, Range } from '../../src/log/key-value.js'

export interface Pair {
  readonly key: Uint8Array
  readonly value: Uint8Array
}

/** Gives a store that holds exactly these pairs, written through the program's own paths. */
export type StoreOf = (pairs: readonly Pair[]) => Promise<KeyValue>

/** What every store promises its readers, on the same data, against a sorted array as the oracle. */
export async function testKeyValue(t: Test, open: StoreOf): Promise<void> {
  const random = toRandom(7)
  const pairs = makePairs(random, 700)
  const store = await open(pairs)
  t.teardown(() => store.close())

  for (const { key, value } of pairs) {
    if (!isSame(await store.get(key), value)) t.fail(`get ${toHex(key)} gives another value`)
  }
  t.equal(await store.get(bytes(0x99, 0x99)), undefined, 'a key that is not there is undefined')
  t.equal(await store.get(new Uint8Array(0)), undefined, 'nor is the empty key')

  const ranges: Range[] = [{}, { reverse: true }, { limit: 0 }, { limit: 1 }, { reverse: true, limit: 1 }]
  for (let i = 0; i < 200; i++) ranges.push(makeRange(random, pairs))
  for (const range of ranges) {
    const found = await collect(store.range(range))
    const expected = select(pairs, range)
    const agree =
      found.length === expected.length &&
      found.every(({ key, value }, i) => isSame(key, expected[i]!.key) && isSame(value, expected[i]!.value))
    if (!agree) t.same(found.map(toHexPair), expected.map(toHexPair), `range ${JSON.stringify(toShown(range))}`)
  }
  t.pass(`${ranges.length} ranges agree`)

  for await (const { key } of store.range({})) {
    t.ok(isSame(key, select(pairs, {})[0]!.key), 'a scan may be left early')
    break
  }
  await store.close()
  await t.rejects(store.get(pairs[0]!.key), { code: 'CLOSED' }, 'a closed store says so')
}

/** Distinct keys that share prefixes and hold every kind of byte; values from nothing to several blocks. */
export function makePairs(random: () => number, count: number): Pair[] {
  const pairs = new Map<string, Pair>()
  while (pairs.size < count) {
    const key = new Uint8Array(1 + Math.floor(random() * 12)).map(
      () => [0, 1, 0x10, 0x7f, 0x80, 0xff][Math.floor(random() * 6)]!,
    )
    const size = random() < 0.01 ? 100_000 : random() < 0.1 ? 5_000 : Math.floor(random() * 60)
    const value = new Uint8Array(size).map((_, i) => (i * size) & 0xff)
    pairs.set(toHex(key), { key, value })
  }
  return [...pairs.values()]
}

export async function collect(entries: AsyncIterable<Entry>): Promise<Entry[]> {
  const found: Entry[] = []
  for await (const entry of entries) found.push(entry)
  return found
}

/** mulberry32: the same numbers from the same seed. */
export function toRandom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

export function toHex(key: Uint8Array): string {
  return Buffer.from(key).toString('hex')
}

export function isSame(a: Uint8Array | null | undefined, b: Uint8Array): boolean {
  return a instanceof Uint8Array && Buffer.compare(a, b) === 0
}

function makeRange(random: () => number, pairs: readonly Pair[]): Range {
  const near = () => {
    const key = pairs[Math.floor(random() * pairs.length)]!.key
    return random() < 0.5 ? key : key.slice(0, Math.floor(random() * (key.length + 1)))
  }
  const lower = random()
  const upper = random()
  return {
    ...(lower < 0.35 ? { gte: near() } : lower < 0.7 ? { gt: near() } : {}),
    ...(upper < 0.35 ? { lte: near() } : upper < 0.7 ? { lt: near() } : {}),
    ...(random() < 0.5 ? { reverse: true } : {}),
    ...(random() < 0.4 ? { limit: Math.floor(random() * 20) } : {}),
  }
}

function select(pairs: readonly Pair[], range: Range): Pair[] {
  const inside = pairs
    .filter(({ key }) => range.gte === undefined || Buffer.compare(key, range.gte) >= 0)
    .filter(({ key }) => range.gt === undefined || Buffer.compare(key, range.gt) > 0)
    .filter(({ key }) => range.lte === undefined || Buffer.compare(key, range.lte) <= 0)
    .filter(({ key }) => range.lt === undefined || Buffer.compare(key, range.lt) < 0)
    .sort((a, b) => Buffer.compare(a.key, b.key) * (range.reverse ? -1 : 1))
  return range.limit === undefined ? inside : inside.slice(0, range.limit)
}

function toHexPair({ key, value }: Entry): [string, number] {
  return [toHex(key), value?.length ?? -1]
}

function toShown(range: Range): Record<string, unknown> {
  return Object.fromEntries(Object.entries(range).map(([name, v]) => [name, v instanceof Uint8Array ? toHex(v) : v]))
}

function bytes(...values: number[]): Uint8Array {
  return Uint8Array.from(values)
}
