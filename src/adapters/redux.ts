import type { StoreEnhancer } from 'redux'
import { Probe, plantProbe } from './probe.js'

/** Store enhancer with which a recording sees every action where it meets the reducer: those of thunks and other
 *  middlewares, nested and captured ones too. Does nothing until `scope.container(name, store)` is called.
 *
 *      createStore(reducer, compose(applyMiddleware(…), recordedEnhancer))
 *      configureStore({ reducer, enhancers: (defaults) => defaults().concat(recordedEnhancer) })
 */
export const recordedEnhancer: StoreEnhancer = (createStore) => (reducer, preloadedState) => {
  const probe = new Probe()
  const store = createStore(watched(reducer, probe), preloadedState)
  plantProbe(store, probe)
  store.subscribe(() => probe.check())
  const replaceReducer = store.replaceReducer
  store.replaceReducer = (next) => replaceReducer(watched(next, probe))
  return store
}

function watched<R extends (state: never, action: never) => unknown>(reducer: R, probe: Probe): R {
  const step = (state: never, action: never) => {
    const after = reducer(state, action)
    probe.step(state, after, action)
    return after
  }
  return step as R
}
