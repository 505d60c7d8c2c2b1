import t from 'tap'
import type { Patch } from '../../src/events.js'
import { isSameValue } from '../../src/json/canonical.js'
import { cloneValue } from '../../src/json/clone.js'
import { applyPatch } from '../../src/json/patch.js'
import { toRaw, track, transaction, untrack } from '../../src/json/tracker.js'

/** Tracks `target` and keeps what a reader of the log would have. */
function follow<T extends object>(target: T) {
  const events: { patch: Patch; trigger: unknown; kept: Patch }[] = []
  const log = { state: cloneValue(target) as unknown, events, proxy: target }
  log.proxy = track(target, {
    onChange(patch, trigger) {
      events.push({ patch, trigger, kept: cloneValue(patch) as Patch })
      log.state = applyPatch(log.state, patch)
    },
  })
  return log
}

t.test('[J10] each write is told as the operation that it is', async (t) => {
  const log = follow({ a: 1, list: [1, 2, 3], deep: { x: { y: 1 } } } as Record<string, unknown> & {
    list: number[]
    deep: { x: { y: number } }
  })
  const { proxy } = log
  const last = () => log.events.at(-1)?.patch
  proxy.a = 2
  t.same(last(), [{ op: 'replace', path: '/a', value: 2 }])
  proxy['b/c~'] = null
  t.same(last(), [{ op: 'add', path: '/b~1c~0', value: null }])
  delete proxy['b/c~']
  t.same(last(), [{ op: 'remove', path: '/b~1c~0' }])
  proxy.deep.x.y++
  t.same(last(), [{ op: 'replace', path: '/deep/x/y', value: 2 }])
  proxy.list.push(4, 5)
  t.same(last(), [
    { op: 'add', path: '/list/3', value: 4 },
    { op: 'add', path: '/list/4', value: 5 },
  ])
  proxy.list.shift()
  t.same(last(), [{ op: 'remove', path: '/list/0' }])
  proxy.list.splice(1, 1, 9)
  t.same(last(), [{ op: 'replace', path: '/list/1', value: 9 }])
  proxy.list.length = 2
  t.same(last(), [
    { op: 'remove', path: '/list/3' },
    { op: 'remove', path: '/list/2' },
  ])
  const count = log.events.length
  proxy.a = 2
  t.equal(log.events.length, count, 'a write that changes nothing is no event')
  t.ok(isSameValue(log.state, toRaw(proxy)))
  untrack(proxy)
  proxy.a = 3
  t.equal(log.events.length, count, 'an untracked object is told of no more')
})

t.test('[J11] an object in two places is told at both, a moved one where it went', async (t) => {
  const shared = { n: 1 }
  const log = follow<Record<string, unknown>>({ a: shared, b: { c: shared } })
  const { proxy } = log
  ;(proxy.a as { n: number }).n = 2
  t.same(
    log.events
      .at(-1)
      ?.patch.map(({ path }) => path)
      .sort(),
    ['/a/n', '/b/c/n'],
  )
  delete proxy.a
  const moved = (proxy.b as { c: { n: number } }).c
  proxy.z = moved
  ;(proxy as { b?: unknown }).b = undefined
  moved.n = 5
  t.same(log.events.at(-1)?.patch, [{ op: 'replace', path: '/z/n', value: 5 }])
  t.ok(isSameValue(log.state, toRaw(proxy)))
  const ring = follow<Record<string, unknown>>({ n: 1 })
  ring.proxy.self = ring.proxy
  ring.proxy.n = 2
  t.ok(isSameValue(ring.state, toRaw(ring.proxy)), 'a cycle keeps up')
  t.equal((toRaw(ring.proxy) as { self: unknown }).self, toRaw(ring.proxy), 'no proxy is stored')
})

t.test('[J12] methods with private names, arrow fields and bound methods are seen', async (t) => {
  class Cart {
    #discount = 1
    items: number[] = []
    total = 0
    add = (price: number) => {
      this.items.push(price)
      this.sum()
    }
    sum() {
      this.total = this.items.reduce((a, b) => a + b, 0) * this.#discount
    }
    get half() {
      return this.#discount * this.total * 0.5
    }
    set discount(value: number) {
      this.#discount = value
      this.sum()
    }
    async later(price: number) {
      await null
      this.#discount = 1
      this.items.push(price)
      return this
    }
    plain() {
      this.total++
    }
  }
  const log = follow(new Cart())
  log.proxy.add(10)
  log.proxy.discount = 0.5
  t.equal(log.proxy.half, 1.25)
  log.proxy.plain()
  t.same(log.events.at(-1)?.patch, [{ op: 'replace', path: '/total', value: 6 }])
  t.equal(await log.proxy.later(3), log.proxy)
  t.ok(isSameValue(log.state, toRaw(log.proxy)))
  t.same((log.state as Cart).items, [10, 3])
})

t.test('[J13] Map, Set and Date inside are replaced whole when they change in place', async (t) => {
  const log = follow({ m: new Map<string, { n: number }>([['a', { n: 1 }]]), s: new Set([1]), d: new Date(0) })
  const { proxy } = log
  proxy.m.set('b', { n: 2 })
  const inner = proxy.m.get('a')
  if (inner) inner.n = 7
  proxy.s.add(2).delete(1)
  proxy.d.setTime(99)
  for (const [, value] of proxy.m) value.n++
  t.ok(isSameValue(log.state, toRaw(proxy)))
  t.equal(log.events.length, 7)
  t.same(
    [...proxy.m.values()].map(({ n }) => n),
    [8, 3],
  )
  t.equal(proxy.m.size, 2)
  t.ok(log.events.every(({ patch, kept }) => isSameValue(patch, kept)))
})

t.test('[J14] a transaction is one event, also when it throws', async (t) => {
  const log = follow({ a: 0, b: 0 })
  const result = transaction(() => {
    log.proxy.a++
    transaction(() => log.proxy.b++)
    return 'done'
  }, 'move')
  t.equal(result, 'done')
  t.equal(log.events.length, 1)
  t.equal(log.events[0]?.trigger, 'move')
  t.throws(() =>
    transaction(() => {
      log.proxy.a = 9
      throw new Error('no')
    }),
  )
  t.same(log.state, { a: 9, b: 1 })
})

t.test('[J15] random programs: the log follows every step, and no patch changes afterwards', async (t) => {
  const runs = process.env.RETROSCOPE_LONG ? 400 : 60
  for (let seed = 1; seed <= runs; seed++) {
    const problem = runProgram(seed, 120)
    if (problem) return t.fail(`seed ${seed}: ${problem}`)
  }
  t.pass(`${runs} programs of 120 steps`)
})

type Node = Record<string, unknown>
const KEYS = ['a', 'b', 'list', '__proto__x', 'constructor', 'x/y', '~', '', 'hasOwnProperty', 'toString']

function runProgram(seed: number, steps: number): string | undefined {
  let state = seed * 7919
  const random = (n: number) => (state = (state * 1103515245 + 12345) & 0x7fffffff) % n
  const pick = <T>(list: readonly T[]): T => list[random(list.length)] as T
  const fresh = (depth = 0): unknown => {
    switch (random(depth > 2 ? 5 : 8)) {
      case 0:
        return random(100)
      case 1:
        return pick(['x', '', null, undefined, Number.NaN, -0, true])
      case 2:
        return new Date(random(1000))
      case 3:
        return new Map([[random(3), fresh(3)]])
      case 4:
        return new Set([random(5)])
      case 5:
        return Array.from({ length: random(5) }, () => fresh(depth + 1))
      default:
        return Object.fromEntries(Array.from({ length: random(4) }, () => [pick(KEYS), fresh(depth + 1)]))
    }
  }
  const log = follow<Node>({ a: fresh(), list: [{ n: 1 }, { n: 2 }, 3], b: {} })
  const reach = (): object => {
    let at: object = log.proxy
    for (let depth = random(5); depth > 0; depth--) {
      const inner = at instanceof Map ? [...at.values()] : at instanceof Set ? [...at] : Object.values(at)
      const next = inner.filter((value) => typeof value === 'object' && value !== null)
      if (next.length === 0) break
      at = pick(next) as object
    }
    return at
  }
  for (let step = 0; step < steps; step++) {
    const at = reach()
    const value = random(6) === 0 ? reach() : fresh()
    try {
      if (at instanceof Map) random(4) ? at.set(random(4), value) : at.delete(random(4))
      else if (at instanceof Set) random(4) ? at.add(value) : at.clear()
      else if (at instanceof Date) at.setTime(random(1000))
      else if (Array.isArray(at)) changeArray(at, value, random)
      else changeObject(at as Node, pick(KEYS), value, random)
    } catch (error) {
      return `step ${step} threw ${(error as Error).stack}`
    }
    if (!isSameValue(log.state, toRaw(log.proxy))) return `step ${step}: ${JSON.stringify(log.events.at(-1)?.patch)}`
  }
  return log.events.every(({ patch, kept }) => isSameValue(patch, kept)) ? undefined : 'a logged patch was rewritten'
}

function changeObject(at: Node, key: string, value: unknown, random: (n: number) => number): void {
  const what = random(8)
  if (what === 0) delete at[key]
  else if (what === 1) Object.defineProperty(at, key, { value, enumerable: true, configurable: true, writable: true })
  else if (what === 2) Object.assign(at, { [key]: value, more: 1 })
  else at[key] = value
}

function changeArray(at: unknown[], value: unknown, random: (n: number) => number): void {
  const changes: readonly (() => unknown)[] = [
    () => at.push(value, random(9)),
    () => at.pop(),
    () => at.shift(),
    () => at.unshift(value),
    () => at.splice(random(4), random(3), value),
    () => at.splice(-1 - random(3), random(3)),
    () => at.sort((a, b) => (typeof a).localeCompare(typeof b)),
    () => at.reverse(),
    () => at.fill(value, random(3), 1 + random(4)),
    () => at.copyWithin(random(3), random(3)),
    () => {
      at.length = random(at.length + 1)
    },
    () => {
      if (at.length > 0) at[random(at.length)] = value
    },
    () => {
      at[at.length + (random(5) === 0 ? 2 : 0)] = value
    },
    () => {
      if (at.length > 1) [at[0], at[1]] = [at[1], at[0]]
    },
  ]
  changes[random(changes.length)]?.()
}
