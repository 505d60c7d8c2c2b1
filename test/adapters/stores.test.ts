import { spawnSync } from 'node:child_process'
import { configureStore, createListenerMiddleware, createSlice, type PayloadAction } from '@reduxjs/toolkit'
import * as fc from 'fast-check'
import { applyMiddleware, combineReducers, legacy_createStore as createStore, type StoreEnhancer } from 'redux'
import t from 'tap'
import { assign, createActor, createMachine, fromPromise, setup as setupMachine, waitFor } from 'xstate'
import { persist, subscribeWithSelector } from 'zustand/middleware'
import { createStore as createZustand, type StoreApi } from 'zustand/vanilla'
import { recordedEnhancer } from '../../src/adapters/redux.js'
import { recorded } from '../../src/adapters/zustand.js'
import { record } from './recorded.js'

const SEEDS = process.env.RETROSCOPE_LONG ? 200 : 20

t.test(
  '[A40] states that are no plain objects: Map, class instance, primitive, undefined, and from one to another',
  async (t) => {
    class Money {
      readonly cents: number
      constructor(cents: number) {
        this.cents = cents
      }
    }
    const values = [
      new Map([['a', { n: 1 }]]),
      new Map([['a', { n: 2 }]]),
      5,
      undefined,
      null,
      'text',
      [1, 2],
      new Set([1]),
    ]
    for (const enhancer of [undefined, recordedEnhancer]) {
      const reducer = (state: unknown = 0, action: { type: string; state?: unknown }) => {
        return action.type === 'be' ? action.state : state
      }
      const store = createStore(reducer as never, undefined as never, enhancer as never)
      const log = await record(t, (scope) => {
        scope.container('value', store as object)
        for (const state of [...values, new Money(5), new Money(7)]) store.dispatch({ type: 'be', state } as never)
      })
      const states = log.states('value').map(({ state }) => state)
      t.strictSame(states.slice(0, 1 + values.length), [0, ...values])
      t.match(JSON.stringify(states.slice(-2)), /"cents":5.*"cents":7/)
    }
  },
)

t.test('[A41] a replaced reducer, and a middleware that dispatches before it passes on', async (t) => {
  const seen: number[] = []
  const count = (state = 0, { type }: { type: string }) => {
    if (type !== 'add') return state
    seen.push(state + 1)
    return state + 1
  }
  const twice = applyMiddleware((api) => (next) => (action) => {
    if ((action as { type: string }).type === 'twice') api.dispatch({ type: 'add' })
    return next(action)
  }) as StoreEnhancer
  const store = createStore(count, 0, ((next: never) =>
    twice((recordedEnhancer as never as (n: never) => never)(next))) as never)
  const log = await record(t, (scope) => {
    scope.container('count', store)
    store.dispatch({ type: 'add' })
    store.dispatch({ type: 'twice' })
    store.replaceReducer(((state: number, action: { type: string }) =>
      action.type === 'add' ? state * 10 : state + 0.5) as never)
    store.dispatch({ type: 'add' })
  })
  t.strictSame(
    log
      .states('count')
      .map(({ state, trigger }) => [state, (trigger as { type?: string } | undefined)?.type?.slice(0, 12)]),
    [
      [0, undefined],
      [1, 'add'],
      [2, 'add'],
      [2.5, '@@redux/REPL'],
      [25, 'add'],
    ],
  )
  t.strictSame(seen, [1, 2])
})

t.test('[A42] random programs: listeners that dispatch again, thunks, captured functions', async (t) => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(
        fc.record({
          how: fc.constantFrom('add', 'captured', 'thunk', 'early', 'late', 'drop'),
          by: fc.integer({ min: 1, max: 9 }),
        }),
        { minLength: 5, maxLength: 40 },
      ),
      fc.boolean(),
      async (steps, enhanced) => {
        const seen: number[] = [0]
        const total = (state = 0, action: { type: string; by?: number }) => {
          if (action.type !== 'add') return state
          seen.push(state + (action.by ?? 0))
          return state + (action.by ?? 0)
        }
        const root = combineReducers({ total })
        const store = createStore(root, undefined, (enhanced ? recordedEnhancer : undefined) as never)
        const { dispatch } = store
        let again: number[] = []
        const repeat = (send: () => typeof dispatch) => () => {
          const by = again.pop()
          if (by !== undefined) send()({ type: 'add', by } as never)
        }
        store.subscribe(repeat(() => dispatch))
        store.subscribe(repeat(() => store.dispatch))
        const log = await record(t, (scope) => {
          scope.container('root', store)
          const stops: (() => void)[] = []
          for (const { how, by } of steps) {
            if (how === 'early') again = [by, by + 1, by + 2]
            else if (how === 'late') stops.push(store.subscribe(repeat(() => (by % 2 ? dispatch : store.dispatch))))
            else if (how === 'drop') stops.pop()?.()
            else (how === 'captured' ? dispatch : store.dispatch)({ type: 'add', by } as never)
          }
        })
        const states = log.states('root')
        t.strictSame(
          states.map(({ state }) => (state as { total: number }).total),
          seen,
        )
        t.notOk(states.some(({ coalesced }) => coalesced))
      },
    ),
    { seed: 42, numRuns: SEEDS },
  )
})

t.test('[A43] Redux Toolkit: a listener middleware that dispatches, batched actions', async (t) => {
  const seen: number[] = [0]
  const slice = createSlice({
    name: 'n',
    initialState: { n: 0 },
    reducers: {
      add(state, { payload }: PayloadAction<number>) {
        state.n += payload
        seen.push(state.n)
      },
      batched: {
        reducer(state) {
          state.n += 100
          seen.push(state.n)
        },
        prepare: () => ({ payload: undefined, meta: { RTK_autoBatch: true } }),
      },
    },
  })
  const { add, batched } = slice.actions
  for (const enhanced of [true, false]) {
    seen.length = 1
    const listening = createListenerMiddleware()
    listening.startListening({
      actionCreator: add,
      effect: ({ payload }, api) => void (payload === 1 && api.dispatch(add(5))),
    })
    const store = configureStore({
      reducer: slice.reducer,
      middleware: (defaults) => defaults().prepend(listening.middleware),
      enhancers: (defaults) => (enhanced ? defaults().concat(recordedEnhancer) : defaults()),
    })
    const log = await record(t, (scope) => {
      scope.container('n', store)
      store.dispatch(add(1))
      store.dispatch(batched())
      store.dispatch(batched())
      store.dispatch(add(2))
    })
    const states = log.states('n')
    const totals = states.map(({ state }) => (state as { n: number }).n)
    t.equal(totals.at(-1), seen.at(-1))
    if (enhanced) t.strictSame(totals, seen)
    t.ok(states.slice(1).every(({ coalesced }) => coalesced === !enhanced))
  }
})

t.test('[A44] Zustand middlewares around a recorded creator, and a store that is watched from outside', async (t) => {
  interface Bag {
    readonly items: readonly string[]
    put(item: string): void
  }
  const kept = new Map<string, string>()
  const storage = {
    getItem: () => null,
    setItem: (k: string, v: { state: unknown }) => void kept.set(k, JSON.stringify(v)),
    removeItem() {},
  }
  const creator = persist<Bag>(
    (set) => ({ items: [], put: (item) => set(({ items }) => ({ items: [...items, item] })) }),
    { name: 'bag', storage: storage as never },
  )
  const store = createZustand(recorded(subscribeWithSelector(creator as never) as never)) as unknown as StoreApi<Bag>
  const log = await record(t, (scope) => {
    scope.container('bag', store)
    store.getState().put('a')
    ;(store.setState as (partial: object, replace: boolean, action: string) => void)({ items: ['z'] }, false, 'reset')
    store.setState({ items: [] })
  })
  t.strictSame(
    log.states('bag').map(({ state, trigger, coalesced }) => [(state as Bag).items, trigger, coalesced]),
    [
      [[], undefined, false],
      [['a'], undefined, false],
      [['z'], 'reset', false],
      [[], { items: [] }, false],
    ],
  )
  t.match(kept.get('bag'), /items/)
})

t.test('[A45] XState: nested states, children, final output and error', async (t) => {
  const machine = setupMachine({
    types: {} as { context: { price: number | null }; events: { type: 'ask' } | { type: 'pay' } },
    actors: { price: fromPromise(async () => 42) },
  }).createMachine({
    context: { price: null },
    initial: 'idle',
    output: ({ context }) => ({ paid: context.price }),
    states: {
      idle: { on: { ask: 'asking' } },
      asking: {
        initial: 'waiting',
        states: { waiting: {} },
        invoke: {
          id: 'price',
          src: 'price',
          onDone: { target: 'ready', actions: assign({ price: ({ event }) => event.output }) },
        },
      },
      ready: { on: { pay: 'paid' } },
      paid: { type: 'final' },
    },
  })
  const log = await record(t, async (scope) => {
    const actor = scope.container('sale', createActor(machine))
    actor.start()
    actor.send({ type: 'ask' })
    await waitFor(actor, (snapshot) => snapshot.matches('ready'))
    actor.send({ type: 'pay' })
    t.strictSame(actor.getSnapshot().output, { paid: 42 })
  })
  const states = log.states('sale').map(({ state, trigger }) => {
    const { value, status } = state as { value: unknown; status: string }
    return [value, status, (trigger as { type: string } | undefined)?.type]
  })
  t.strictSame(states, [
    ['idle', 'active', undefined],
    [{ asking: 'waiting' }, 'active', 'ask'],
    ['ready', 'active', 'xstate.done.actor.price'],
    ['paid', 'done', 'pay'],
  ])
  t.match(log.states('sale').at(-1)?.state, { context: { price: 42 }, output: { paid: 42 } })
  t.match(log.of('process', log.subject('sale')).at(-1)?.body, { op: 'exit', reason: 'done' })
  t.match(log.states('sale.price').at(-1)?.state, { status: 'done', output: 42 })
  t.match(log.of('process', log.subject('sale.price')).at(-1)?.body, { op: 'exit', reason: 'done' })

  const failing = createMachine({
    on: {
      go: {
        actions: assign(() => {
          throw new Error('no stock')
        }),
      },
    },
  })
  const errors: unknown[] = []
  const log2 = await record(t, (scope) => {
    const actor = scope.container('fails', createActor(failing))
    actor.subscribe({ error: (error) => errors.push(error) })
    actor.start().send({ type: 'go' })
  })
  t.match(errors, [{ message: 'no stock' }])
  t.match(log2.states('fails').at(-1)?.state, { status: 'error', error: { message: 'no stock' } })
})

t.test('[A46] tracked objects: collections, nesting, a transaction as one event', async (t) => {
  const cart = { items: [{ sku: 'a', n: 1 }], by: new Map<string, number>(), total: 0 }
  const log = await record(t, (scope) => {
    const live = scope.container('cart', cart)
    live.items.push({ sku: 'b', n: 2 })
    ;(live.items[0] as { n: number }).n = 7
    live.by.set('b', 2)
    const result = scope.transaction(() => {
      live.items.splice(0, 1)
      live.total = 2
      return 'done'
    })
    t.equal(result, 'done')
    t.strictSame(cart, { items: [{ sku: 'b', n: 2 }], by: new Map([['b', 2]]), total: 2 })
  })
  const states = log.states('cart').map(({ state }) => state as typeof cart)
  t.equal(states.length, 5)
  t.strictSame(states[2]?.items, [
    { sku: 'a', n: 7 },
    { sku: 'b', n: 2 },
  ])
  t.equal(states[3]?.total, 0)
  t.strictSame(states[4], { items: [{ sku: 'b', n: 2 }], by: new Map([['b', 2]]), total: 2 })
})

t.test(
  '[A47] a store that tells its listeners from an array: ours comes last, and nothing is missed or claimed',
  async (t) => {
    const seen = [0]
    const listeners: (() => void)[] = []
    let state = 0
    const store = {
      getState: () => state,
      subscribe: (listener: () => void) => void listeners.push(listener),
      replaceReducer() {},
      dispatch(action: { readonly type: string }) {
        seen.push(++state)
        for (const listener of [...listeners]) listener()
        return action
      },
    }
    let again = 4
    listeners.push(() => {
      if (--again > 0) store.dispatch({ type: `again ${again}` })
    })
    const log = await record(t, (scope) => {
      scope.container('count', store)
      store.dispatch({ type: 'first' })
    })
    t.strictSame(
      log.states('count').map(({ state, trigger }) => [state, (trigger as { type: string } | undefined)?.type]),
      [
        [0, undefined],
        [1, 'first'],
        [2, 'again 3'],
        [3, 'again 2'],
        [4, 'again 1'],
      ],
    )
    t.strictSame(seen, [0, 1, 2, 3, 4])
    t.ok(
      log
        .states('count')
        .slice(1)
        .every(({ coalesced }) => coalesced),
    )
  },
)

t.test('[A48] states that an enhancer computes and throws away are no transitions', async (t) => {
  const count = (state = 0, { type }: { type: string }) => (type === 'add' ? state + 1 : state)
  const speculating: StoreEnhancer = (next) => (reducer, preloaded) => {
    return next((state, action) => {
      reducer(100 as never, action)
      return reducer(state, action)
    }, preloaded)
  }
  const enhancer: StoreEnhancer = (next) => recordedEnhancer(speculating(next) as never) as never
  const store = createStore(count, 0 as never, enhancer)
  const log = await record(t, (scope) => {
    scope.container('count', store)
    store.dispatch({ type: 'add' })
    store.dispatch({ type: 'add' })
  })
  t.strictSame(
    log.states('count').map(({ state, coalesced }) => [state, coalesced]),
    [
      [0, false],
      [1, false],
      [2, false],
    ],
  )
})

t.test('[A49] a finished store is recorded where the intrinsics are frozen, and nothing stays replaced', (t) => {
  const program = `
    import { createStore } from 'redux'
    import { setup } from ${JSON.stringify(new URL('../../recorder/index.js', import.meta.url).href)}
    const { set } = Map.prototype
    Object.freeze(Set.prototype)
    const scope = await setup()
    const store = scope.container('count', createStore((n = 0) => n + 1))
    store.dispatch({ type: 'add' })
    console.log(store.getState(), Map.prototype.set === set)`
  const ran = spawnSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8' })
  t.match(ran, { status: 0, stdout: '2 true\n' }, ran.stderr)
  t.end()
})
