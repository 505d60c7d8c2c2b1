import { AsyncLocalStorage } from 'node:async_hooks'

/** Which event runs the code of the moment (`cause`, on this stack) and on whose behalf it was started (`origin`, through
 *  awaits and callbacks). AsyncLocalStorage is switched on by the first handled event and off by `stop`: on Node 20 it
 *  slows every promise of the program. */
export class Causes {
  readonly #storage = new AsyncLocalStorage<number>()
  #active = false
  readonly #follows: boolean
  /** Event in whose synchronous handling we are; −1 for none. */
  #handled = -1
  /** Delivery that opened the session's turn of the moment; −1 between turns. */
  #turn = -1

  /** @param follows whether origins are carried through awaits; a re-execution derives them without */
  constructor(follows = true) {
    this.#follows = follows
  }

  /** Ordinal of the event that runs the code of the moment: the one that is being handled on this stack, else the
   *  delivery whose turn it is; −1 for none. */
  get cause(): number {
    return this.#handled === -1 ? this.#turn : this.#handled
  }

  /** Ordinal of the event in whose asynchronous context we are; −1 for none. */
  get origin(): number {
    if (!this.#active) return -1
    return this.#storage.getStore() ?? -1
  }

  /** Runs `body` as the handling of that event, −1 for outside of all. What it throws comes through. */
  run<T>(ordinal: number, body: () => T): T {
    const [handled, turn] = [this.#handled, this.#turn]
    this.#handled = ordinal
    if (ordinal < 0) this.#turn = -1
    try {
      return this.resume(ordinal, body)
    } finally {
      this.#handled = handled
      this.#turn = turn
    }
  }

  /** From here until `closeTurn` everything runs because of that delivery, ticks and microtasks included: the session has
   *  the macrotask to itself. */
  openTurn(delivery: number): void {
    this.#turn = delivery
  }

  closeTurn(): void {
    this.#turn = -1
  }

  /** Runs `body` on behalf of that event, which isn't being handled any more; −1 for on nobody's. */
  resume<T>(ordinal: number, body: () => T): T {
    if (!this.#follows || (ordinal < 0 && !this.#active)) return body()
    this.#active = true
    return this.#storage.run(ordinal, body)
  }

  stop(): void {
    this.#active = false
    this.#handled = -1
    this.#turn = -1
    this.#storage.disable()
  }
}
