import { isDeepStrictEqual } from 'node:util'
import { Packr } from 'msgpackr/pack'
import t from 'tap'
import type { Redactor } from '../../src/values/codec.js'
import { createDecoder } from '../../src/values/decoder.js'
import { createEncoder } from '../../src/values/encoder.js'
import { LIMITS } from '../../src/values/limits.js'
import { isPlaceholder, type Placeholder } from '../../src/values/placeholder.js'
import { preview } from '../../src/values/preview.js'
import { toJson } from '../../src/values/to-json.js'
import { type Random, toRandom } from './hostile.js'

function roundTrip(value: unknown): unknown {
  const encoder = createEncoder()
  const decoder = createDecoder()
  const bytes = Buffer.from(encoder.encode(value))
  const dictionary = encoder.takeDictionary()
  if (dictionary) decoder.learn(Buffer.from(dictionary))
  return decoder.decode(bytes)
}

t.test('[V1] what has a typed form comes back as it was', async (t) => {
  class Cart {
    items = [{ sku: 'a', qty: 1 }]
    total = -0
  }
  const cart = roundTrip({ cart: new Cart(), $type: 'mine', when: new Date(5), m: new Map([[1, new Set(['x'])]]) }) as {
    cart: Cart
    $type: string
    m: Map<number, Set<string>>
  }
  t.equal(cart.$type, 'mine')
  t.equal(cart.cart.constructor.name, 'Cart')
  t.ok(Object.is(cart.cart.total, -0))
  t.same(cart.cart.items, [{ sku: 'a', qty: 1 }])
  t.ok(cart.m.get(1)?.has('x'))
  const own = roundTrip(JSON.parse('{"__proto__": {"a": 1}}')) as object
  t.same(Object.keys(own), ['__proto__'])
  const error = roundTrip(new TypeError('no', { cause: { a: 1 } })) as Error
  t.ok(error instanceof TypeError)
  t.equal(error.message, 'no')
  t.same(error.cause, { a: 1 })
  t.match(error.stack, /encoder\.test/)
})

t.test('[V3] what is too large or too deep is cut and says so; nothing hangs or throws', async (t) => {
  const huge = roundTrip('ab'.repeat(100_000_000)) as Placeholder
  t.match({ ...huge }, { $type: 'string', name: '200000000 characters', preview: /^abab.*…$/ })
  t.equal(roundTrip('x'.repeat(LIMITS.string)), 'x'.repeat(LIMITS.string))
  t.match(
    { ...(roundTrip(Buffer.alloc(LIMITS.string + 1)) as Placeholder) },
    { $type: 'bytes', name: `${LIMITS.string + 1} bytes` },
  )
  let deep: Record<string, unknown> = {}
  for (let depth = 0; depth < 100_000; depth++) deep = { deep }
  let at = roundTrip(deep) as Record<string, unknown>
  let depth = 0
  for (; !isPlaceholder(at); depth++) at = at.deep as Record<string, unknown>
  t.equal(depth, LIMITS.depth)
  t.equal((at as unknown as Placeholder).$type, 'depth')
  t.equal((roundTrip(Array(4_000_000_000)) as Placeholder).$type, 'size')
  const endless = (): unknown =>
    new Proxy(
      {},
      {
        ownKeys: () => ['a', 'b'],
        get: endless,
        getOwnPropertyDescriptor: () => ({ enumerable: true, configurable: true, value: 1 }),
      },
    )
  t.ok(roundTrip(endless()), 'a proxy that makes proxies without end')
  const many = Array.from({ length: 100 }, () => 'y'.repeat(1_000_000))
  const kept = roundTrip(many) as unknown[]
  t.equal(kept.filter((text) => typeof text === 'string').length, 67)
  let stack = 0
  const squeeze = (): unknown => {
    stack++
    try {
      return squeeze() ?? roundTrip({ a: { b: [1] } })
    } catch {
      return undefined
    }
  }
  t.doesNotThrow(squeeze)
  t.ok(stack > 1_000)
})

t.test('[V4] a throw inside packing leaves what follows intact', async (t) => {
  const encoder = createEncoder()
  const decoder = createDecoder()
  const send = (value: unknown) => {
    const bytes = Buffer.from(encoder.encode(value))
    const dictionary = encoder.takeDictionary()
    if (dictionary) decoder.learn(Buffer.from(dictionary))
    return decoder.decode(bytes)
  }
  for (let round = 0; round < 200; round++) {
    const value = { [`key${round}`]: { inner: round, list: [{ [`row${round % 7}`]: 1 }] } }
    t.same(send(value), value)
    // The packer itself is made to fail half-way, with a structure that it has just given an id to.
    const hostile = { [`lost${round}`]: { inner: { [`more${round}`]: new Date() } } }
    Date.prototype.getMilliseconds = () => {
      throw new Error('sabotage')
    }
    try {
      t.ok(isPlaceholder(Object.values(send(hostile) as object)[0]))
    } finally {
      Date.prototype.getMilliseconds = getMilliseconds
    }
    t.same(send(hostile), hostile)
  }
})

const { getMilliseconds } = Date.prototype

t.test('[V5] secrets become tokens inside the walk: by key, in text, in Map, in paths, in previews', async (t) => {
  const asked: string[] = []
  const redact: Redactor = {
    isSecretKey: (key) => {
      asked.push(key)
      return key === 'password'
    },
    text: (value) => value.replaceAll(/sk-\w+/g, '[key]'),
    token: (value) => `[${typeof value}]`,
  }
  const encoder = createEncoder({ redact })
  const secretly = {
    password: { a: 'hunter2' },
    list: [{ password: 'hunter2' }, 'uses sk-abc here'],
    map: new Map([['password', 'hunter2']]),
    'sk-key': 1,
    error: new Error('bad sk-abc', { cause: 'sk-def' }),
    [Symbol('x')]: 'hunter2',
    fn: { 'sk-fn': () => 0 }['sk-fn'],
    sym: Symbol('sk-sym'),
    big: `sk-abc ${'x'.repeat(LIMITS.string)}`,
  }
  const bytes = Buffer.from(encoder.encode(secretly))
  const dictionary = Buffer.from(encoder.takeDictionary() ?? '')
  for (const secret of ['hunter2', 'sk-']) {
    t.notOk(bytes.includes(secret), secret)
    t.notOk(dictionary.includes(secret), `${secret} in the dictionary`)
  }
  const decoder = createDecoder()
  decoder.learn(dictionary)
  t.match(decoder.decode(bytes), {
    password: '[object]',
    list: [{ password: '[string]' }, 'uses [key] here'],
    '[key]': 1,
  })
  encoder.encode(secretly)
  t.equal(asked.filter((key) => key === 'list').length, 1, 'a key is asked once')
})

t.test('[V6] bytes that are no value, or lack their dictionary, are DAMAGED and never a wrong value', async (t) => {
  const encoder = createEncoder()
  const first = { kind: 'a', n: 64 }
  const bytes = Buffer.from(encoder.encode(first))
  const dictionary = Buffer.from(encoder.takeDictionary() ?? '')
  t.throws(() => createDecoder().decode(bytes), { code: 'DAMAGED' }, 'without its dictionary')
  const decoder = createDecoder()
  for (const bad of ['', 'x', '{}', '[1]', '[[1]]']) {
    t.throws(() => decoder.learn(Buffer.from(bad)), { code: 'DAMAGED' }, bad)
  }
  decoder.learn(dictionary)
  for (let shapes = 0; shapes < 100; shapes++) encoder.encode({ [`shape${shapes}`]: 1 })
  const later = Buffer.from(encoder.encode({ shape99: 5 }))
  t.throws(() => decoder.decode(later), { code: 'DAMAGED' }, 'with too old a dictionary')
  t.same(decoder.decode(bytes), first, 'and goes on')
  const rich = Buffer.from(
    encoder.encode({ e: new Error('x'), m: new Map([[1, [2n ** 70n, -0]]]), b: Buffer.from('abc') }),
  )
  decoder.learn(Buffer.from(encoder.takeDictionary() ?? ''))
  let refused = 0
  for (let at = 0; at < rich.length; at++) {
    for (const change of [1, 0x80, 0xff]) {
      const damaged = Buffer.from(rich)
      damaged[at] = (damaged[at] as number) ^ change
      for (const part of [damaged, rich.subarray(0, at)]) {
        try {
          decoder.decode(part)
        } catch (error) {
          if ((error as { code?: string }).code !== 'DAMAGED') throw error
          refused++
        }
      }
    }
  }
  t.ok(refused > 100)
  t.ok(decoder.decode(rich))
})

t.test('[V7] human and JSON forms of typed values', async (t) => {
  const value = roundTrip({
    m: new Map([['a', 1]]),
    d: new Date(0),
    u: undefined,
    n: [Number.NaN, -0, 10n],
    f: function add() {},
    s: 'line\n\u001b[31m\u202e',
    $type: 'mine',
  })
  t.equal(
    preview(value),
    '{ m: Map(1) { "a" => 1 }, d: 1970-01-01T00:00:00.000Z, u: undefined, n: [NaN, -0, 10n], f: [function add], s: "line\\n\\u…',
  )
  t.same(JSON.parse(JSON.stringify(toJson(value))), {
    $type: 'object',
    entries: [
      ['m', { $type: 'map', entries: [['a', 1]] }],
      ['d', { $type: 'date', value: '1970-01-01T00:00:00.000Z' }],
      ['u', { $type: 'undefined' }],
      [
        'n',
        [
          { $type: 'number', value: 'NaN' },
          { $type: 'number', value: '-0' },
          { $type: 'bigint', value: '10' },
        ],
      ],
      ['f', { $type: 'placeholder', kind: 'function', name: 'add', preview: 'function add' }],
      ['s', 'line\n\u001b[31m\u202e'],
      ['$type', 'mine'],
    ],
  })
  const ring: Record<string, unknown> = {}
  ring.inner = { ring }
  t.same(toJson(roundTrip(ring)), { inner: { ring: { $type: 'cycle', path: '' } } })
})

t.test('[V8] a plain value is written as msgpackr writes it, in every size of its parts', async (t) => {
  const random = toRandom(8)
  const ours = createEncoder()
  let lists: string[][] = []
  const theirs = new Packr({
    structures: [],
    maxSharedStructures: 1024,
    structuredClone: true,
    useToJSON: false,
    saveStructures: (saved: string[][]) => {
      lists = saved.map((keys) => [...keys])
    },
    shouldShareStructure: (keys: string[]) => keys.length <= 64,
  } as ConstructorParameters<typeof Packr>[0])
  const decoder = createDecoder()
  for (let round = 0; round < 4_000; round++) {
    const value = toPlain(random, 0)
    const bytes = Buffer.from(ours.encode(value))
    const expected = Buffer.from(theirs.pack(value))
    const dictionary = ours.takeDictionary()
    if (dictionary) {
      t.same(JSON.parse(Buffer.from(dictionary).toString()), lists)
      decoder.learn(Buffer.from(dictionary))
    }
    if (bytes[0] !== 0) return t.fail(`round ${round}: not written as plain: ${preview(value)}`)
    if (!bytes.subarray(1).equals(expected)) return t.fail(`round ${round}: other bytes for ${preview(value, 400)}`)
    if (!isDeepStrictEqual(decoder.decode(bytes), value)) return t.fail(`round ${round}: ${preview(value, 400)}`)
  }
})

t.test('[V8] objects that are wide, or come when the table is full, carry their names', async (t) => {
  const encoder = createEncoder()
  const decoder = createDecoder()
  const rowOf = (table: number, n: number) =>
    Object.fromEntries(Array.from({ length: 65 + table }, (_, key) => [`column ${table}.${key}`, n + key]))
  const dictionaries: string[] = []
  const send = (value: unknown) => {
    const bytes = Buffer.from(encoder.encode(value))
    const dictionary = encoder.takeDictionary()
    if (dictionary) {
      decoder.learn(Buffer.from(dictionary))
      dictionaries.push(Buffer.from(dictionary).toString())
    }
    t.strictSame(decoder.decode(bytes), value)
    return bytes
  }
  const tables = Array.from({ length: 40 }, (_, table) => ({ table, rows: [rowOf(table, 1), rowOf(table, 2)] }))
  const typedWide = [new Date(5), rowOf(99, 1), rowOf(99, 2)]
  t.equal(send(typedWide)[0], 1)
  t.notOk(dictionaries.join().includes('column 99.'), 'names that may be ids do not fill the table')
  t.equal(send(tables)[0], 0)
  const nested = { ...rowOf(0, 5), inner: { ...rowOf(1, 6), inner: [rowOf(0, 7), rowOf(1, 8)] } }
  t.ok(send(nested).length < 4_000, 'names are written once in one value')
  for (let n = 0; n < 1_100; n++) send({ [`only ${n}`]: { n }, at: [n] })
  t.equal(send({ 'only 1099': 1, and: { more: [{ 'never seen': 2 }, { 'never seen': 3 }] } })[0], 0)
  const typed = [new Date(5), ...tables.slice(0, 3)]
  t.equal(send(typed)[0], 1)
  send({ typed, 'never seen': { at: new Map([[1, { 'only 7': 2 }]]) } })
})

t.test('[V9] a name that stood over a token is still a secret’s, and a shared object still one', async (t) => {
  const redact: Redactor = {
    isSecretKey: (key) => key === 'password',
    text: (text) => text,
    token: () => '[token]',
  }
  const encoder = createEncoder({ redact })
  const decoder = createDecoder()
  const send = (value: unknown) => {
    const bytes = Buffer.from(encoder.encode(value))
    const dictionary = encoder.takeDictionary()
    if (dictionary) decoder.learn(Buffer.from(dictionary))
    return decoder.decode(bytes)
  }
  for (let round = 0; round < 3; round++) {
    t.same(send({ password: 'hunter2' }), { password: '[token]' })
    t.same(send({ $type: '=map', at: new Date(1) }), { $type: '=map', at: new Date(1) })
    t.same(send({ $type: '=map', at: 1 }), { $type: '=map', at: 1 })
    const one = { round }
    const many = Array.from({ length: 40 }, (_, n) => ({ n }))
    const [a, b] = send([one, one]) as object[]
    t.equal(a, b)
    const list = send([...many, many[round]]) as object[]
    t.equal(list[40], list[round])
  }
})

t.test('[V10] what getters do while a value is written leaves that value whole, and runs each once', async (t) => {
  const encoder = createEncoder()
  const decoder = createDecoder()
  const copyOf = (bytes: Uint8Array) => {
    const copy = Buffer.from(bytes)
    const dictionary = encoder.takeDictionary()
    if (dictionary) decoder.learn(Buffer.from(dictionary))
    return copy
  }
  for (const last of [1, new Date(3), 'throws']) {
    let runs = 0
    let inner: Buffer | undefined
    const list: unknown[] = [1, 2, 3]
    const value = {
      first: { a: 1 },
      get nested() {
        runs++
        inner = Buffer.from(encoder.encode({ inner: 'x'.repeat(40_000), [`new ${runs}`]: [{ runs }] }))
        return { ok: true }
      },
      get changing() {
        runs++
        Reflect.deleteProperty(value, 'gone')
        list.length = 1
        return 'changed'
      },
      gone: 5,
      list,
      get thrower() {
        runs++
        if (last === 'throws') throw new Error('no')
        return 'fine'
      },
      last,
    }
    const decoded = decoder.decode(copyOf(encoder.encode(value))) as Record<string, unknown>
    t.match(decoded, { first: { a: 1 }, nested: { ok: true }, changing: 'changed', list: [1], last })
    t.notOk('gone' in decoded)
    t.ok(last === 'throws' ? isPlaceholder(decoded.thrower) : decoded.thrower === 'fine')
    t.equal(runs, 3)
    t.match(decoder.decode(inner!), { inner: /^x{40000}$/ })
  }
})

t.test('[V10] what every object inherits by a careless library is no part of any', async (t) => {
  const { prototype } = Object
  const pollute = prototype as { careless?: number }
  roundTrip({ a: 1, careless: 2 })
  pollute.careless = 1
  try {
    t.same(Object.keys(roundTrip({ a: { b: 1 } }) as object), ['a'])
  } finally {
    delete pollute.careless
  }
})

const ALPHABETS = ['abc', 'ü', '☃', '😀', 'a☃b', '\u0000']
const LENGTHS = [0, 1, 7, 8, 20, 31, 32, 33, 63, 64, 65, 100, 255, 256, 300, 66_000]
const WHOLE = [0, 1, 63, 64, 255, 256, 65_535, 65_536, 2 ** 31, 2 ** 32 - 1, 2 ** 32, -1, -32, -33, -128, -129, -32_768]
const OTHERS = [-32_769, -(2 ** 31), -(2 ** 31) - 1, 0.5, -0.25, 1e300, Number.NaN, Number.POSITIVE_INFINITY]

const NAMES = ['id', 'name', '7', '', '/', 'ü', 'constructor', ...Array.from({ length: 64 }, (_, n) => `field ${n}`)]

function toPlain(random: Random, depth: number): unknown {
  const pick = <T>(list: readonly T[]) => list[random(list.length)] as T
  const kind = random(depth > 3 ? 5 : 9)
  if (kind === 0) return pick(ALPHABETS).repeat(random(50) ? random(40) : pick(LENGTHS))
  if (kind === 1) return 'x'.repeat(random(200) ? random(70) : pick(LENGTHS))
  if (kind === 2) return pick(WHOLE)
  if (kind === 3) return pick(OTHERS)
  if (kind === 4) return pick([true, false, null, undefined, 5n, -(2n ** 63n), 2n ** 63n - 1n])
  const length = random(30) ? random(6) : pick([15, 16, 40])
  if (kind < 7) return Array.from({ length }, () => toPlain(random, depth + 1))
  const start = random(30)
  return Object.fromEntries(NAMES.slice(start, start + length).map((name) => [name, toPlain(random, depth + 1)]))
}
