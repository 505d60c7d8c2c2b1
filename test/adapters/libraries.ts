import { configureStore, createSlice, type PayloadAction } from '@reduxjs/toolkit'
import { applyMiddleware, compose, legacy_createStore as createStore, type Reducer, type StoreEnhancer } from 'redux'
import { assign, createActor, setup as setupMachine } from 'xstate'
import { createStore as createZustand, type StoreApi } from 'zustand/vanilla'
import { recordedEnhancer } from '../../src/adapters/redux.js'
import { recorded } from '../../src/adapters/zustand.js'
import type { Counter, Library } from './container-contract.js'

interface Total {
  readonly total: number
}
type Action = { readonly type: 'add'; readonly by: number } | { readonly type: 'touch' | 'fail' }
type Dispatch = (action: Action | ((dispatch: Dispatch) => unknown)) => unknown

const readTotal = (state: unknown) => (state as Total).total

function makeReducer(seen: number[]): Reducer<Total, Action> {
  return (state = { total: 0 }, action) => {
    if (action.type === 'fail') throw new Error('no such item')
    if (action.type !== 'add') return state
    seen.push(state.total + action.by)
    return { total: state.total + action.by }
  }
}

interface ReduxLike {
  dispatch: Dispatch
  subscribe(listener: () => void): () => void
}

function toCounter(store: ReduxLike, seen: number[]): Counter {
  const { dispatch } = store
  return {
    store,
    seen,
    add: (by) => store.dispatch({ type: 'add', by }),
    addCaptured: (by) => dispatch({ type: 'add', by }),
    addTwice: (by) =>
      store.dispatch((inner) => {
        inner({ type: 'add', by })
        inner({ type: 'add', by })
      }),
    touch: () => store.dispatch({ type: 'touch' }),
    fail: () => store.dispatch({ type: 'fail' }),
    listen: (listener) => store.subscribe(listener),
    readTotal,
  }
}

/** The thunk middleware in its whole length. */
const thunks = applyMiddleware((api) => (next) => (action) => {
  return typeof action === 'function' ? action(api.dispatch) : next(action)
}) as StoreEnhancer

const redux = (title: string, enhancer: StoreEnhancer, knowsCaptured: boolean): Library => ({
  title,
  record: 'redux',
  exact: true,
  knowsCaptured,
  toTrigger: (by) => ({ type: 'add', by }),
  make() {
    const seen: number[] = []
    return toCounter(createStore(makeReducer(seen), undefined, enhancer) as unknown as ReduxLike, seen)
  },
})

/** A slice, with the default middlewares and the enhancer that batches notifications. */
const toolkit = (title: string, withEnhancer: boolean): Library => ({
  title,
  record: 'redux',
  exact: withEnhancer,
  knowsCaptured: withEnhancer,
  toTrigger: (by) => ({ type: 'counter/add', payload: by }),
  make() {
    const seen: number[] = []
    const slice = createSlice({
      name: 'counter',
      initialState: { total: 0 },
      reducers: {
        add(state, { payload }: PayloadAction<number>) {
          state.total += payload
          seen.push(state.total)
        },
        fail() {
          throw new Error('no such item')
        },
      },
    })
    const store = configureStore({
      reducer: slice.reducer,
      enhancers: (defaults) => (withEnhancer ? defaults().concat(recordedEnhancer) : defaults()),
    })
    const { dispatch } = store
    const { add, fail } = slice.actions
    return {
      store,
      seen,
      add: (by) => store.dispatch(add(by)),
      addCaptured: (by) => dispatch(add(by)),
      addTwice: (by) =>
        store.dispatch((inner) => {
          inner(add(by))
          inner(add(by))
        }),
      touch: () => store.dispatch({ type: 'nothing' }),
      fail: () => store.dispatch(fail()),
      listen: (listener) => store.subscribe(listener),
      readTotal,
    }
  },
})

interface CounterState extends Total {
  twice(by: number): void
}

const zustand = (title: string, withCreator: boolean): Library => ({
  title,
  record: 'zustand',
  exact: true,
  knowsCaptured: false,
  toTrigger: () => undefined,
  make() {
    const seen: number[] = []
    const plus = (by: number) => (state: Total) => {
      seen.push(state.total + by)
      return { total: state.total + by }
    }
    const creator = (set: StoreApi<CounterState>['setState']): CounterState => ({
      total: 0,
      twice(by) {
        set(plus(by))
        set(plus(by))
      },
    })
    const store = createZustand<CounterState>(withCreator ? recorded(creator) : creator)
    const { setState } = store
    return {
      store,
      seen,
      add: (by) => store.setState(plus(by)),
      addCaptured: (by) => setState(plus(by)),
      addTwice: (by) => store.getState().twice(by),
      touch: () => store.setState((state) => state),
      fail() {
        store.setState(() => {
          throw new Error('no such item')
        })
      },
      listen: (listener) => store.subscribe(listener),
      readTotal,
    }
  },
})

const xstate: Library = {
  title: 'XState actor',
  record: 'xstate',
  exact: true,
  knowsCaptured: true,
  toTrigger: (by) => ({ type: 'add', by }),
  make() {
    const seen: number[] = []
    type Event = { type: 'add'; by: number } | { type: 'twice'; by: number } | { type: 'touch' }
    const machine = setupMachine({
      types: {} as { context: Total; events: Event },
      actions: {
        plus: assign(({ context, event }) => {
          const total = context.total + ('by' in event ? event.by : 0)
          seen.push(total)
          return { total }
        }),
        again: ({ self, event }) => self.send({ type: 'add', by: 'by' in event ? event.by : 0 }),
      },
    }).createMachine({
      context: { total: 0 },
      initial: 'open',
      states: { open: { on: { add: { actions: 'plus' }, twice: { actions: ['plus', 'again'] } } } },
    })
    const actor = createActor(machine).start()
    const { send } = actor
    return {
      store: actor,
      seen,
      add: (by) => actor.send({ type: 'add', by }),
      addCaptured: (by) => send({ type: 'add', by }),
      addTwice: (by) => actor.send({ type: 'twice', by }),
      touch: () => actor.send({ type: 'touch' }),
      listen(listener) {
        const subscription = actor.subscribe(listener)
        return () => subscription.unsubscribe()
      },
      readTotal: (state) => (state as { context: Total }).context.total,
    }
  },
}

/** A store as somebody writes it for himself. */
class Cell {
  #total = 0
  readonly #listeners = new Set<() => void>()

  readonly getState = (): number => this.#total

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  set(total: number): void {
    if (total === this.#total) return
    this.#total = total
    for (const listener of this.#listeners) listener()
  }
}

const cell: Library = {
  title: 'any { getState, subscribe }',
  record: 'store',
  exact: false,
  knowsCaptured: false,
  toTrigger: () => undefined,
  make() {
    const store = new Cell()
    const seen: number[] = []
    const add = (by: number) => {
      seen.push(store.getState() + by)
      store.set(store.getState() + by)
    }
    const addTwice = (by: number) => {
      add(by)
      add(by)
    }
    const touch = () => store.set(store.getState())
    return { store, seen, add, addCaptured: add, addTwice, touch, listen: (l) => store.subscribe(l), readTotal: Number }
  },
}

class Till {
  total = 0

  add(by: number): void {
    this.total += by
  }

  addTwice(by: number): void {
    this.add(by)
    this.add(by)
  }
}

const tracked: Library = {
  title: 'class instance',
  record: 'tracker',
  exact: true,
  knowsCaptured: false,
  toTrigger: () => undefined,
  make() {
    const store = new Till()
    const seen: number[] = []
    let till = store
    const noting = (by: number, times: number) => {
      for (let i = 1; i <= times; i++) seen.push(till.total + by * i)
    }
    const add = (by: number) => {
      noting(by, 1)
      till.add(by)
    }
    return {
      store,
      seen,
      use: (proxy) => (till = proxy as Till),
      add,
      addCaptured: add,
      addTwice(by) {
        noting(by, 2)
        till.addTwice(by)
      },
      touch() {
        // The same value again is a write all the same to nobody.
        till.total = Number(till.total)
      },
      readTotal,
    }
  },
}

export const LIBRARIES: readonly Library[] = [
  redux('Redux store, finished', thunks, false),
  redux('Redux store, recordedEnhancer inside', compose(thunks, recordedEnhancer) as StoreEnhancer, true),
  redux('Redux store, recordedEnhancer outside', compose(recordedEnhancer, thunks) as StoreEnhancer, true),
  toolkit('Redux Toolkit store, finished', false),
  toolkit('Redux Toolkit store, recordedEnhancer', true),
  zustand('Zustand store, finished', false),
  zustand('Zustand store, recorded creator', true),
  xstate,
  cell,
  tracked,
]
