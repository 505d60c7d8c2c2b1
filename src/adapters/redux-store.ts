import { patchMethod, type Undo, undoAll } from '../scope/patch.js'
import { hasMethods } from './channel-adapter.js'
import type { ContainerAdapter } from './container-adapter.js'
import { EntryPoints } from './entry-points.js'
import { subscribeFirst } from './first-in-line.js'
import { findProbe } from './probe.js'
import { Transitions } from './transitions.js'

interface ReduxStore {
  getState(): unknown
  subscribe(listener: () => void): unknown
}

/** A Redux store. Made with `recordedEnhancer`, every action is seen where it meets the reducer. A finished store is
 *  watched at its entry points and by a listener; what a thunk or a captured `dispatch` does has no trigger then, and
 *  where an enhancer may hold notifications back (Redux Toolkit's autoBatch) changes are marked `coalesced`. */
export const redux: ContainerAdapter = {
  adapter: 'redux',
  title: 'Redux store',
  matches: (value) => hasMethods(value, 'dispatch', 'getState', 'subscribe', 'replaceReducer'),
  wrap(value, { seam, open }) {
    const store = value as unknown as ReduxStore
    const read = store.getState.bind(store)
    const transitions = new Transitions(seam, open('redux', 'store'), read())
    const probe = findProbe(value)
    return { value, undo: probe ? probe.attach(transitions, read) : watch(store, transitions, read) }
  },
}

function watch(store: ReduxStore, transitions: Transitions, read: () => unknown): Undo {
  const points = new EntryPoints(transitions, read)
  const subscription = subscribeFirst(
    'map',
    (ours) => store.subscribe(ours),
    () => {
      points.notice(read())
      points.told()
    },
  )
  points.certain = subscription.first
  const patchEntry = (name: string, toTrigger: (args: readonly unknown[]) => unknown) =>
    patchMethod(store, name, (original) => {
      return function (this: unknown, ...args: unknown[]) {
        return points.enter(toTrigger(args), () => Reflect.apply(original, this, args))
      }
    })
  return undoAll([
    subscription.unsubscribe,
    patchEntry('dispatch', ([action]) => toAction(action)),
    patchEntry('replaceReducer', () => ({ type: '@@redux/REPLACE' })),
    patchMethod(store, 'getState', (getState) => {
      return function (this: unknown, ...args: unknown[]) {
        const state = Reflect.apply(getState, this, args)
        points.notice(state)
        return state
      }
    }),
  ])
}

/** Anything else (a thunk, a promise) is for a middleware, and no transition is its own. */
function toAction(action: unknown): unknown {
  return typeof action === 'object' && action !== null && 'type' in action ? action : undefined
}
