import type { Undo } from '../scope/patch.js'
import type { Transitions } from './transitions.js'

const PROBE = Symbol.for('retroscope.probe.v1')

/** Stands inside a store from its making on and reports to whoever records the store; silent until then. */
export class Probe {
  #transitions: Transitions | undefined
  #read: (() => unknown) | undefined

  /** `read` gives the state as the outermost store shows it. */
  attach(transitions: Transitions, read: () => unknown): Undo {
    this.#transitions = transitions
    this.#read = read
    return () => {
      if (this.#transitions === transitions) this.#transitions = undefined
    }
  }

  /** One transition where it is made. Left out where it doesn't follow the last one: whoever stands around the probe may
   *  compute states that never become the store's (DevTools), and what does is noticed by `check`. */
  step(before: unknown, after: unknown, trigger: unknown): void {
    const transitions = this.#transitions
    if (!transitions || !Object.is(before, transitions.last)) return
    transitions.take(after, trigger)
  }

  /** The store has notified: what it shows and no step explained has come about otherwise. */
  check(): void {
    if (this.#transitions && this.#read) this.#transitions.take(this.#read(), undefined, true)
  }
}

/** Leaves the probe where `container()` finds it: under a symbol that is copied where middlewares spread the store. */
export function plantProbe(store: object, probe: Probe): void {
  Object.defineProperty(store, PROBE, { value: probe, enumerable: true, configurable: true })
}

export function findProbe(store: object): Probe | undefined {
  return Reflect.get(store, PROBE) as Probe | undefined
}
