import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { Patch } from '../../src/events.js'
import { isSameValue } from '../../src/json/canonical.js'
import { cloneValue } from '../../src/json/clone.js'
import { diff } from '../../src/json/diff.js'
import { diffValues } from '../../src/json/diff-values.js'
import { applyIndependently } from '../../src/json/independent.js'
import { applyPatch, Replica, toPatch } from '../../src/json/patch.js'
import { findAt, formatPointer, getAt, parsePointer } from '../../src/json/pointer.js'
import { Hostile, type Random, toRandom } from '../values/hostile.js'

interface Case {
  readonly doc: unknown
  readonly patch: Patch
  readonly expected?: unknown
  readonly error?: string
  readonly comment?: string
  readonly disabled?: boolean
}

t.test('[J3] the conformance cases of RFC 6902', async (t) => {
  const folder = process.env.RETROSCOPE_TEST_DATA
  for (const name of ['json-patch-tests.json', 'json-patch-spec-tests.json']) {
    const file = join(folder ?? '', name)
    if (folder === undefined || !existsSync(file)) {
      t.pass(`${name}: RETROSCOPE_TEST_DATA is not set`)
      continue
    }
    const cases = (JSON.parse(readFileSync(file, 'utf8')) as Case[]).filter(({ patch, disabled }) => patch && !disabled)
    t.ok(cases.length > 10)
    for (const one of cases) runCase(t, one)
  }
})

function runCase(t: Tap.Test, one: Case): void {
  const kept = structuredClone(one.doc)
  const label = one.comment ?? JSON.stringify(one.patch)
  if (one.error !== undefined) t.throws(() => applyPatch(one.doc, toPatch(one.patch)), { code: 'BAD_PATCH' }, label)
  else {
    const result = applyPatch(one.doc, toPatch(one.patch))
    if ('expected' in one) t.ok(isSameValue(result, one.expected), `${label}: ${JSON.stringify(result)}`)
  }
  t.ok(isSameValue(one.doc, kept), 'the document stays as it was')
}

t.test('[J4] what RFC 6901 and 6902 forbid is refused, with a hint', async (t) => {
  const doc = { list: [1, 2, 3], o: { a: 1 }, m: new Map([['k', 1]]) }
  const bad: unknown[] = [
    [{ op: 'replace', path: '/list/01', value: 0 }],
    [{ op: 'remove', path: '/list/00' }],
    [{ op: 'add', path: '/list/03', value: 0 }],
    [{ op: 'test', path: '/list/01', value: 2 }],
    [{ op: 'move', from: '/list/01', path: '/x' }],
    [{ op: 'copy', from: '/list/00', path: '/x' }],
    [{ op: 'replace', path: '/list/-', value: 0 }],
    [{ op: 'replace', path: '/list/1e0', value: 0 }],
    [{ op: 'add', path: '/list/4', value: 0 }],
    [{ op: 'remove', path: '/list/3' }],
    [{ op: 'add', path: '/nothing/here', value: 0 }],
    [{ op: 'remove', path: '/constructor' }],
    [{ op: 'replace', path: '/toString', value: 0 }],
    [{ op: 'add', path: '/__proto__/polluted', value: 1 }],
    [{ op: 'replace', path: '/m/k', value: 0 }],
    [{ op: 'add', path: 'list', value: 0 }],
    [{ op: 'add', path: '/a~2', value: 0 }],
    [{ op: 'move', from: '/o', path: '/o/a' }],
    [{ op: 'add', path: '/x' }],
    [{ op: 'spam', path: '/x', value: 1 }],
    [{ op: 'add', value: 1 }],
    [null],
    'patch',
  ]
  for (const patch of bad) {
    t.throws(() => applyPatch(doc, patch as Patch), { code: 'BAD_PATCH', hint: /RFC 6902/ }, JSON.stringify(patch))
    t.throws(() => applyPatch(doc, toPatch(patch)), { code: 'BAD_PATCH', hint: /RFC 6902/ }, JSON.stringify(patch))
  }
  t.equal(({} as { polluted?: unknown }).polluted, undefined)
  t.throws(() => getAt(doc, '/o/b'), { code: 'BAD_POINTER', hint: '/o has a.' })
  t.throws(() => parsePointer('x'), { code: 'BAD_POINTER' })
  t.equal(findAt(doc, '/constructor'), undefined)
  t.equal(findAt(doc, '/list/01'), undefined)
  t.same(parsePointer(formatPointer(['a/b', '~1', '', 0])), ['a/b', '~1', '', '0'])
})

t.test('[J5] nothing that goes into a patch or comes out of one is shared with what changes later', async (t) => {
  const value = { deep: [1] }
  const patch: Patch = [
    { op: 'add', path: '/x', value },
    { op: 'add', path: '/x/deep/-', value: 2 },
    { op: 'copy', from: '/x', path: '/y' },
    { op: 'replace', path: '/y/deep/0', value: 9 },
  ]
  const doc = {}
  t.same(applyPatch(doc, patch), { x: { deep: [1, 2] }, y: { deep: [9, 2] } })
  t.same(value, { deep: [1] })
  t.same(doc, {})
  const replica = new Replica({ a: { n: 1 } })
  replica.apply([{ op: 'replace', path: '/a/n', value: 2 }])
  const seen = replica.snapshot()
  replica.apply([{ op: 'replace', path: '/a/n', value: 3 }])
  t.same(seen, { a: { n: 2 } })
  t.same(replica.snapshot(), { a: { n: 3 } })
})

t.test('[J6] random pairs with hostile keys: apply(before, delta) is after, by identity and by content', async (t) => {
  const pairs = process.env.RETROSCOPE_LONG ? 200_000 : 10_000
  const random = toRandom(5)
  let json = 0
  for (let round = 0; round < pairs; round++) {
    const before = toState(random, 0)
    const after = toNext(random, before)
    const kept = cloneValue(before)
    for (const [how, patch] of [
      ['identity', diff(before, after)],
      ['content', diffValues(before, cloneValue(after))],
    ] as const) {
      const applied = applyPatch(before, patch)
      if (!isSameValue(applied, after))
        return t.fail(`round ${round} by ${how}: ${JSON.stringify({ before, patch, after })}`)
      const other = applyIndependently(before, patch)
      if (!other) continue
      json++
      if (!isSameValue(other.state, after))
        return t.fail(`round ${round}: fast-json-patch disagrees about ${JSON.stringify(patch)}`)
    }
    if (!isSameValue(before, kept)) return t.fail(`round ${round}: the state before was changed`)
  }
  t.ok(json > pairs / 20, `${json} patches were applied by fast-json-patch as well`)
})

t.test(
  '[J7] states of every kind of value, cycles included, differ by a patch that leads from one to the other',
  async (t) => {
    const rounds = process.env.RETROSCOPE_LONG ? 20_000 : 1_500
    const hostile = new Hostile(toRandom(77))
    for (let round = 0; round < rounds; round++) {
      const [a, b] = [cloneValue(hostile.value()), cloneValue(hostile.value())]
      for (const patch of [diff(a, b), diffValues(a, b)]) {
        if (!isSameValue(applyPatch(a, patch), b)) return t.fail(`round ${round}`)
      }
      t.equal(diff(a, a).length, 0)
    }
  },
)

const KEYS = ['a', 'b', 'id', '__proto__', 'constructor', '/', '~', '', '~1', 'hasOwnProperty', '0', 'length']
const LEAVES = [0, 1, -0, Number.NaN, 'x', '', null, undefined, true, 10n]

function pick<T>(random: Random, list: readonly T[]): T {
  return list[random(list.length)] as T
}

function put(object: object, key: string, value: unknown): void {
  Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true })
}

function toState(random: Random, depth: number): unknown {
  const kind = random(depth === 0 ? 4 : 8)
  if (kind >= 5 || depth > 3) return random(3) ? random(5) : pick(random, LEAVES)
  if (kind === 4)
    return pick<() => unknown>(random, [
      () => new Date(random(3)),
      () => new Map([[1, random(2)]]),
      () => new Set([random(2)]),
    ])()
  if (kind === 3) return Array.from({ length: random(7) }, () => toState(random, depth + 1))
  const object = random(9) ? {} : (Object.create(null) as object)
  for (let n = random(5); n > 0; n--) put(object, pick(random, KEYS), toState(random, depth + 1))
  return object
}

/** The next immutable state: shares with `state` what it does not change. */
function toNext(random: Random, state: unknown): unknown {
  if (typeof state !== 'object' || state === null || random(12) === 0) return toState(random, 1)
  if (Array.isArray(state)) return toNextArray(random, state)
  if (Object.getPrototypeOf(state) !== Object.prototype && Object.getPrototypeOf(state) !== null)
    return toState(random, 2)
  const next = Object.create(Object.getPrototypeOf(state) as object | null) as object
  for (const key of Object.keys(state)) {
    const value = (state as Record<string, unknown>)[key]
    const what = random(6)
    if (what !== 0) put(next, key, what === 1 ? toNext(random, value) : value)
  }
  if (random(3) === 0) put(next, pick(random, KEYS), toState(random, 2))
  return next
}

function toNextArray(random: Random, state: readonly unknown[]): unknown[] {
  const next = [...state]
  for (let n = random(4); n > 0; n--) {
    const at = random(next.length + 1)
    const changes: readonly (() => unknown)[] = [
      () => next.splice(at, 0, toState(random, 2)),
      () => next.splice(at, 1 + random(2)),
      () => next.splice(at, 0, ...next.splice(random(next.length + 1), 1)),
      () => next.length > at && (next[at] = toNext(random, next[at])),
      () => next.reverse(),
      () => next.length > 0 && next.push(next[0]),
    ]
    pick(random, changes)()
  }
  return next
}

declare namespace Tap {
  type Test = Pick<typeof t, 'ok' | 'throws'>
}
