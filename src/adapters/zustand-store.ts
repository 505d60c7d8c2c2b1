import { patchMethod, type Undo, undoAll } from '../scope/patch.js'
import { hasMethods } from './channel-adapter.js'
import type { ContainerAdapter } from './container-adapter.js'
import { EntryPoints } from './entry-points.js'
import { subscribeFirst } from './first-in-line.js'
import { findProbe } from './probe.js'
import { Transitions } from './transitions.js'

interface ZustandStore {
  getState(): unknown
  subscribe(listener: (state: unknown, before: unknown) => void): unknown
}

/** A Zustand store. Made with `recorded(creator)`, every `set` is seen with what was set. In a finished store actions
 *  hold the `set` they were created with; what they do is noticed at the notification and has no trigger. */
export const zustand: ContainerAdapter = {
  adapter: 'zustand',
  title: 'Zustand store',
  matches: (value) => hasMethods(value, 'setState', 'getState', 'subscribe'),
  wrap(value, { seam, open }) {
    const store = value as ZustandStore
    const read = store.getState.bind(store)
    const transitions = new Transitions(seam, open('zustand', 'store'), read())
    const probe = findProbe(value)
    return { value, undo: probe ? probe.attach(transitions, read) : watch(store, transitions, read) }
  },
}

/** What was set: the name or action that middlewares pass along, else the partial state; a function says nothing. */
export function toTrigger([partial, , action]: readonly unknown[]): unknown {
  return action ?? (typeof partial === 'function' ? undefined : partial)
}

function watch(store: ZustandStore, transitions: Transitions, read: () => unknown): Undo {
  const points = new EntryPoints(transitions, read)
  const subscription = subscribeFirst(
    'set',
    (ours) => store.subscribe(ours),
    (state: unknown, before: unknown) => {
      // Told with another state before than the last that we know: a listener ahead of us has set again.
      if (!Object.is(before, transitions.last) && !Object.is(state, transitions.last)) points.notice(before, false)
      points.notice(state, points.certain || Object.is(before, transitions.last))
      points.told()
    },
  )
  points.certain = subscription.first
  return undoAll([
    subscription.unsubscribe,
    patchMethod(store, 'setState', (setState) => {
      return function (this: unknown, ...args: unknown[]) {
        return points.enter(toTrigger(args), () => Reflect.apply(setState, this, args))
      }
    }),
    patchMethod(store, 'getState', (getState) => {
      return function (this: unknown, ...args: unknown[]) {
        const state = Reflect.apply(getState, this, args)
        points.notice(state)
        return state
      }
    }),
  ])
}
