import { EventEmitter } from 'node:events'
import { Socket } from 'node:net'
import { PassThrough } from 'node:stream'

/** Deterministic numbers below `n`. */
export type Random = (n: number) => number

export function toRandom(seed: number): Random {
  let state = (seed * 2654435761) >>> 0 || 1
  return (n) => {
    state ^= state << 13
    state >>>= 0
    state ^= state >>> 17
    state ^= state << 5
    state >>>= 0
    return state % n
  }
}

export class Cart {
  items: unknown[]
  total = 3
  readonly #secret = 42
  constructor(items: unknown[]) {
    this.items = items
  }
  get doubled(): number {
    return this.#secret * 2
  }
}

export class Registry extends Map<unknown, unknown> {
  label: unknown = 'registry'
}
export class Rows extends Array<unknown> {}
export class Game extends EventEmitter {
  score = 7
}
export class Failure extends Error {
  code = 'E_FAIL'
}

/** How often a getter of the generated values ran, each of which may once. */
export const getterRuns = { most: 0, thrown: 0 }

const KEYS = [
  'a',
  'id',
  'name',
  '$type',
  '__proto__',
  'constructor',
  'hasOwnProperty',
  'toJSON',
  'toString',
  '',
  '/',
  '~',
  '7',
  '\ud800',
  'then',
  'length',
]

const TEXTS = ['', 'x', '=object', 'ünïcode ☃ 😀', '\ud800', 'a\udc00b', '\u0000', 'y'.repeat(300), '__proto__']
const NUMBERS = [
  0,
  -0,
  1,
  -1,
  63,
  64,
  127,
  128,
  65536,
  2 ** 31,
  2 ** 32,
  2 ** 53,
  -(2 ** 40),
  0.1,
  1e300,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
]
const BIGINTS = [0n, -1n, 2n ** 63n, -(2n ** 63n), 2n ** 64n, -(2n ** 64n) - 1n, 2n ** 300n, -(2n ** 300n)]
const DATES = [0, -1, 1, 999, 1_700_000_000_123, -62_135_596_800_001, 8.64e15, -8.64e15, Number.NaN, 4_294_967_296_000]
const VIEWS = [
  Int8Array,
  Uint8Array,
  Uint8ClampedArray,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  Float32Array,
  Float64Array,
]

/** Generates values of every row of the table in TABLE.md, nested in one another, some in cycles. */
export class Hostile {
  readonly #random: Random
  #pool: object[] = []

  constructor(random: Random) {
    this.#random = random
  }

  value(): unknown {
    this.#pool = []
    return this.#any(0)
  }

  #pick<T>(list: readonly T[]): T {
    return list[this.#random(list.length)] as T
  }

  #any(depth: number): unknown {
    const kind = this.#random(depth > 4 ? 3 : 10)
    if (kind === 0) return this.#primitive()
    if (kind === 1) return this.#leafObject()
    if (kind === 2) return this.#random(3) ? this.#primitive() : this.#unkeepable()
    if (kind === 3 && this.#pool.length > 0) return this.#pick(this.#pool)
    return this.#container(depth)
  }

  #primitive(): unknown {
    return this.#pick<() => unknown>([
      () => this.#pick(TEXTS),
      () => this.#pick(NUMBERS),
      () => this.#pick(BIGINTS),
      () => this.#pick([true, false, null, undefined]),
    ])()
  }

  #leafObject(): object {
    const bytes = this.#random(20)
    return this.#pick<() => object>([
      () => new Date(this.#pick(DATES)),
      () => Object.assign(/a\/(?<b>[\ud83d\ude00])/giu, { lastIndex: this.#random(3) }),
      () => new URL('https://user@example.org:81/p?q=1#h'),
      () => new URLSearchParams('a=1&a=2'),
      () => new (this.#pick(VIEWS) as Int8ArrayConstructor)(this.#random(5)).fill(3),
      () => new BigInt64Array([-5n, 7n]),
      () => Buffer.from('buffer'.slice(bytes % 7)),
      () => new Uint8Array(new Uint8Array(64).fill(9).buffer, bytes, this.#random(20)),
      () => new DataView(new ArrayBuffer(8), 2, 4),
      () => new Uint8Array([1, 2, 3]).buffer,
      () => Object(this.#pick([5, 'boxed', true, 9n, -0])) as object,
    ])()
  }

  #unkeepable(): unknown {
    return this.#pick<() => unknown>([
      () => function named() {},
      () => () => 1,
      () => class Klass {},
      () => Symbol('mine'),
      () => Symbol.iterator,
      () => Promise.resolve(1),
      () => new WeakMap(),
      () => new WeakSet(),
      () => new WeakRef({}),
      () => (function* () {})(),
      () => new Map().entries(),
      () => process.env,
      () => process,
      () => globalThis,
      () => new Socket(),
      () => new PassThrough(),
      () => setTimeout.bind(null),
      () => new Intl.NumberFormat('en'),
      () => new AbortController().signal,
      () => {
        const { proxy, revoke } = Proxy.revocable(this.#random(2) ? {} : [], {})
        revoke()
        return proxy
      },
    ])()
  }

  #container(depth: number): object {
    return this.#pick<() => object>([
      () => this.#fill(this.#keep({}), depth),
      () => this.#fill(this.#keep({}), depth),
      () => this.#fill(this.#keep(Object.create(null) as object), depth),
      () => this.#elements(this.#keep([]), depth),
      () => this.#odd(depth),
      () => this.#map(this.#keep(new Map()), depth),
      () => this.#map(this.#keep(new Registry()), depth),
      () => this.#set(depth),
      () => this.#keep(new Cart([this.#any(depth + 1)])),
      () => this.#elements(this.#keep(new Rows()), depth),
      () => this.#keep(new Game()),
      () => this.#error(depth),
      () => this.#getters(depth),
      () => new Proxy(this.#fill({}, depth), {}),
      () => Object.assign(this.#keep(Object.create({ inherited: 1 }) as object), { own: this.#any(depth + 1) }),
    ])()
  }

  #keep<T extends object>(object: T): T {
    this.#pool.push(object)
    return object
  }

  #fill<T extends object>(object: T, depth: number): T {
    for (let n = this.#random(5); n > 0; n--) {
      const value = this.#any(depth + 1)
      Object.defineProperty(object, this.#pick(KEYS), { value, enumerable: true, configurable: true, writable: true })
    }
    if (this.#random(8) === 0) Object.assign(object, { [Symbol('hidden')]: 1 })
    return object
  }

  #elements<T extends unknown[]>(array: T, depth: number): T {
    for (let n = this.#random(5); n > 0; n--) array.push(this.#any(depth + 1))
    return array
  }

  #odd(depth: number): object {
    const array = this.#keep(this.#elements<unknown[]>([], depth))
    array.length += this.#random(3)
    if (this.#random(2)) array[array.length + 2] = this.#any(depth + 1)
    if (this.#random(2)) Object.assign(array, { extra: this.#any(depth + 1) })
    return array
  }

  #map<T extends Map<unknown, unknown>>(map: T, depth: number): T {
    for (let n = this.#random(4); n > 0; n--) map.set(this.#any(depth + 2), this.#any(depth + 1))
    return map
  }

  #set(depth: number): object {
    const set = this.#keep(new Set<unknown>())
    for (let n = this.#random(4); n > 0; n--) set.add(this.#any(depth + 1))
    return set
  }

  #error(depth: number): object {
    const make = this.#pick([Error, TypeError, Failure, RangeError])
    const error = this.#keep(new make(this.#pick(TEXTS), this.#random(2) ? { cause: this.#any(depth + 1) } : undefined))
    if (this.#random(2)) Object.assign(error, { detail: this.#any(depth + 1) })
    return error
  }

  #getters(depth: number): object {
    const value = this.#any(depth + 1)
    let runs = 0
    return this.#keep(
      Object.defineProperties(this.#fill({}, depth), {
        counted: {
          enumerable: true,
          configurable: true,
          get() {
            getterRuns.most = Math.max(getterRuns.most, ++runs)
            return value
          },
        },
        thrower: {
          enumerable: true,
          configurable: true,
          get() {
            getterRuns.thrown++
            throw this.#random
          },
        },
      }),
    )
  }
}
