import t from 'tap'
import type { Redactor } from '../../src/values/codec.js'
import { createDecoder } from '../../src/values/decoder.js'
import { createEncoder } from '../../src/values/encoder.js'
import { LIMITS } from '../../src/values/limits.js'
import { isPlaceholder, type Placeholder } from '../../src/values/placeholder.js'
import { preview } from '../../src/values/preview.js'
import { toJson } from '../../src/values/to-json.js'

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
