import { hasMethods } from './channel-adapter.js'
import type { ContainerAdapter } from './container-adapter.js'
import { Transitions } from './transitions.js'

/** Any `{ getState, subscribe }` (or `getSnapshot`). Only its notifications are seen, and a listener before ours may have
 *  set it again meanwhile: each change is marked `coalesced`. */
export const anyStore: ContainerAdapter = {
  adapter: 'store',
  title: 'any { getState, subscribe }',
  matches: (value) =>
    hasMethods(value, 'subscribe') && (hasMethods(value, 'getState') || hasMethods(value, 'getSnapshot')),
  wrap(value, { seam, open }) {
    const store = value as { getState?(): unknown; getSnapshot?(): unknown; subscribe(listener: () => void): unknown }
    const read = () => (store.getState ? store.getState() : store.getSnapshot?.())
    const transitions = new Transitions(seam, open('store', 'store'), read())
    const subscription = store.subscribe(() => transitions.take(read(), undefined, true))
    return { value, undo: () => unsubscribe(subscription) }
  },
}

/** Stores answer `subscribe` with a function, or with an object as observables do. */
function unsubscribe(subscription: unknown): void {
  if (typeof subscription === 'function') subscription()
  else if (typeof subscription === 'object' && subscription !== null) {
    const end: unknown = Reflect.get(subscription, 'unsubscribe')
    if (typeof end === 'function') Reflect.apply(end, subscription, [])
  }
}
