import type { StateCreator, StoreMutatorIdentifier } from 'zustand/vanilla'
import { Probe, plantProbe } from './probe.js'
import { toTrigger } from './zustand-store.js'

type Set = (partial: unknown, replace?: boolean, ...rest: unknown[]) => unknown
interface Api {
  setState: Set
  subscribe(listener: (state: unknown, before: unknown) => void): unknown
}

/** Wraps a state creator so that a recording sees every `set`, also one that actions captured, with what was set. Does
 *  nothing until `scope.container(name, store)` is called. Put it outermost: `create(recorded(devtools(…)))`. Actions
 *  hold the `set` they were created with, so replacing `store.setState` afterwards misses them. */
export function recorded<
  T,
  Mis extends [StoreMutatorIdentifier, unknown][] = [],
  Mos extends [StoreMutatorIdentifier, unknown][] = [],
>(creator: StateCreator<T, Mis, Mos>): StateCreator<T, Mis, Mos> {
  const create = creator as unknown as (set: Set, get: unknown, api: Api) => T
  const wrapped = (set: Set, get: unknown, api: Api) => {
    const probe = new Probe()
    const calls: unknown[] = []
    plantProbe(api, probe)
    // The first listener of all: told of each state before anyone can make the next.
    api.subscribe((state, before) => {
      const call = calls.length - 1
      probe.step(before, state, calls[call])
      if (call >= 0) calls[call] = undefined
      probe.check()
    })
    const watch = (original: Set): Set => {
      return (...args) => {
        const depth = calls.push(toTrigger(args))
        try {
          return original(...args)
        } finally {
          calls.length = depth - 1
        }
      }
    }
    api.setState = watch(api.setState)
    return create(watch(set), get, api)
  }
  return wrapped as unknown as StateCreator<T, Mis, Mos>
}
