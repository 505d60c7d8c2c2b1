import type { Transitions } from './transitions.js'

/** One call of an entry point of a store. The first transition in it is its own. */
interface Flight {
  readonly trigger: unknown
  taken: boolean
}

/** Watches a finished store from outside: at its own entry points, where it is read, and where it notifies. */
export class EntryPoints {
  readonly #transitions: Transitions
  readonly #read: () => unknown
  readonly #flights: Flight[] = []
  /** Whether each transition is noticed before any other code can make the next. */
  certain = false

  constructor(transitions: Transitions, read: () => unknown) {
    this.#transitions = transitions
    this.#read = read
  }

  /** Runs a call of an entry point. A transition that is still open when it begins belongs to the call around it: a
   *  listener that was there before ours sets again. */
  enter(trigger: unknown, run: () => unknown): unknown {
    if (this.#flights.length > 0) this.#noticeIfReadable()
    this.#flights.push({ trigger, taken: false })
    try {
      return run()
    } finally {
      this.#noticeIfReadable()
      this.#flights.pop()
    }
  }

  /** A state was read or told. `certain`: it is known to follow the last one. */
  notice(state: unknown, certain = this.certain): void {
    if (Object.is(state, this.#transitions.last)) return
    const flight = this.#flights.at(-1)
    const trigger = flight === undefined || flight.taken ? undefined : flight.trigger
    if (this.#transitions.take(state, trigger, !certain) && flight) flight.taken = true
  }

  /** The store has notified: whatever comes later in the same call is not its own transition. */
  told(): void {
    const flight = this.#flights.at(-1)
    if (flight) flight.taken = true
  }

  /** Redux refuses to be read while a reducer runs; the reducer's own dispatch will notify. */
  #noticeIfReadable(): void {
    let state: unknown
    try {
      state = this.#read()
    } catch {
      return
    }
    this.notice(state)
  }
}
