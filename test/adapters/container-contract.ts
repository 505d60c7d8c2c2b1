import type { Test } from 'tap'
import type { Scope } from '../../src/scope/scope.js'
import type { Log, SeenState } from './log.js'
import { describeOwn, record } from './recorded.js'

/** A counter kept in some store, as a program would write it. */
export interface Counter {
  readonly store: object
  /** Each total that ever was, in order, noted by the reducer or action that made it. */
  readonly seen: number[]
  /** Told what to use in the store's place. */
  use?(wrapped: object): void
  /** Through the store's own entry point, looked up at each call. */
  add(by: number): unknown
  /** Through a function that was taken from the store before anyone wrapped it. */
  addCaptured(by: number): unknown
  /** An action inside an action: two additions, seen by the store one by one. */
  addTwice(by: number): unknown
  /** An action that changes nothing. */
  touch(): unknown
  /** An action whose reducer throws. */
  fail?(): unknown
  listen?(listener: () => void): () => void
  readTotal(state: unknown): unknown
}

export interface Library {
  readonly title: string
  readonly record: string
  make(): Counter
  /** Every transition is seen one by one; else those that may be several are marked. */
  readonly exact: boolean
  /** What is recorded as the trigger of `add(by)`. */
  toTrigger(by: number): unknown
  /** That of `addCaptured`, where the log can know it. */
  readonly knowsCaptured: boolean
}

/** What every container adapter owes to the program and to the log. The oracle is the program's own list. */
export function testContainer(t: Test, library: Library): void {
  const { make } = library

  const run = async (t: Test, counter: Counter, body: (scope: Scope) => unknown) => {
    const log = await record(t, async (scope) => {
      const wrapped = scope.container('counter', counter.store)
      counter.use?.(wrapped)
      await body(scope)
    })
    agree(t, library, log.states('counter'), counter)
    return log
  }

  t.test('[A10] one action is one event, with its trigger', async (t) => {
    const counter = make()
    const log = await run(t, counter, () => {
      for (const by of [1, 2, 3]) counter.add(by)
      counter.touch()
    })
    const spawn = log.spawn('counter')?.body
    t.equal(spawn?.op === 'spawn' && spawn.adapter, library.record)
    const states = log.states('counter')
    t.strictSame(
      states.map(({ state }) => counter.readTotal(state)),
      [0, 1, 3, 6],
    )
    t.strictSame(
      states.map(({ trigger }) => trigger),
      [undefined, ...[1, 2, 3].map(library.toTrigger)],
    )
  })

  t.test('[A11] what a captured function does is seen', async (t) => {
    const counter = make()
    const log = await run(t, counter, () => {
      counter.addCaptured(1)
      counter.add(1)
      counter.addCaptured(1)
    })
    if (library.knowsCaptured) t.strictSame(log.states('counter').at(-1)?.trigger, library.toTrigger(1))
  })

  t.test('[A12] an action inside an action', async (t) => {
    const counter = make()
    await run(t, counter, () => {
      counter.addTwice(1)
      counter.add(1)
      counter.addTwice(2)
    })
    t.equal(counter.seen.length, 5)
  })

  if (make().listen) testListeners(t, library, run)

  if (make().fail) {
    t.test('[A16] a throwing reducer makes no event, and its error passes', async (t) => {
      const counter = make()
      const log = await run(t, counter, () => {
        counter.add(1)
        t.throws(() => counter.fail?.(), { message: 'no such item' })
        counter.add(1)
      })
      t.equal(log.states('counter').length, 3)
    })
  }

  t.test('[A17] after stop the store is as it was, and goes on working', async (t) => {
    const counter = make()
    const before = describeOwn(counter.store)
    const log = await run(t, counter, () => counter.add(1))
    t.strictSame(describeOwn(counter.store), before)
    counter.add(1)
    counter.addCaptured(1)
    t.equal(counter.seen.at(-1), 3)
    t.equal(log.states('counter').length, 2)
  })

  t.test('[A18] a store is recorded once, and not after stop', async (t) => {
    const counter = make()
    let ended: Scope | undefined
    await record(t, (scope) => {
      ended = scope
      const wrapped = scope.container('counter', counter.store)
      t.throws(() => scope.container('again', counter.store), { code: 'USAGE', message: /"counter"/ })
      t.throws(() => scope.container('again', wrapped), { code: 'USAGE', message: /"counter"/ })
    })
    t.throws(() => ended?.container('counter', counter.store), { code: 'CLOSED' })
    await run(t, counter, () => counter.add(1))
  })
}

type Run = (t: Test, counter: Counter, body: (scope: Scope) => unknown) => Promise<Log>

function testListeners(t: Test, { make, exact }: Library, run: Run): void {
  for (const [how, again] of [
    ['through the store', (counter: Counter) => counter.add(1)],
    ['through a captured function', (counter: Counter) => counter.addCaptured(1)],
  ] as const) {
    t.test(`[A13] a listener that was there before sets again, ${how}`, async (t) => {
      const counter = make()
      let calls = 0
      counter.listen?.(() => {
        if (calls++ % 2 === 0) again(counter)
      })
      await run(t, counter, () => {
        counter.add(1)
        counter.add(1)
        counter.addCaptured(1)
        counter.addTwice(1)
      })
    })
  }

  t.test('[A13] listeners that were there before set again in turns, three levels deep', async (t) => {
    const counter = make()
    let left = 12
    for (const add of [counter.addCaptured, counter.add, counter.addTwice]) {
      counter.listen?.(() => {
        if (left-- > 0) add.call(counter, 1)
      })
    }
    await run(t, counter, () => {
      counter.add(1)
      left = 5
      counter.addCaptured(10)
    })
    t.ok(counter.seen.length > 12)
  })

  t.test('[A14] a listener that comes in a notification sets again', async (t) => {
    const counter = make()
    await run(t, counter, () => {
      let stop = () => {}
      const outer = counter.listen?.(() => {
        outer?.()
        let calls = 0
        stop = counter.listen?.(() => {
          if (calls++ < 2) counter.addCaptured(1)
        }) as () => void
        counter.add(1)
      })
      counter.add(1)
      stop()
      counter.add(1)
    })
  })

  t.test('[A14] wrapped in a notification, the listeners are told as often as without us', async (t) => {
    const told: string[][] = []
    for (const wraps of [false, true]) {
      const counter = make()
      const names: string[] = []
      await record(t, (scope) => {
        counter.listen?.(() => names.push('first'))
        let calls = 0
        counter.listen?.(() => {
          names.push('second')
          if (calls++ === 0 && wraps) scope.container('counter', counter.store)
        })
        counter.listen?.(() => names.push('third'))
        counter.add(1)
        counter.add(1)
      })
      told.push(names)
    }
    t.strictSame(told[1], told[0])
    t.equal(told[0]?.length, 6)
  })

  t.test('[A15] a state stands in the log before any listener runs', async (t) => {
    const counter = make()
    let scope: Scope | undefined
    counter.listen?.(() => scope?.mark('early'))
    const log = await run(t, counter, (live) => {
      scope = live
      counter.listen?.(() => scope?.mark('late'))
      counter.add(1)
    })
    const state = log.of('state', log.subject('counter')).at(-1)
    t.ok((state?.ordinal ?? 0) < log.mark('late').ordinal)
    if (exact) t.ok((state?.ordinal ?? 0) < log.mark('early').ordinal)
  })
}

/** The log's states are the program's, one by one; only a marked one may stand for several. */
function agree(t: Test, { exact }: Library, states: readonly SeenState[], counter: Counter): void {
  const totals = [0, ...counter.seen]
  let at = 0
  t.equal(counter.readTotal(states[0]?.state), 0)
  for (const { state, coalesced } of states.slice(1)) {
    const total = counter.readTotal(state)
    const next = coalesced ? totals.indexOf(total as number, at + 1) : at + 1
    t.equal(total, totals[next], `after ${totals[at]} comes ${totals[next]}`)
    if (next <= at) return
    at = next
  }
  t.equal(at, totals.length - 1, 'all that was is in the log')
  if (exact)
    t.ok(
      states.every(({ coalesced }) => !coalesced),
      'nothing is coalesced',
    )
}
