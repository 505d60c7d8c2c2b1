import { AsyncLocalStorage } from 'node:async_hooks'

/** What travels through awaits and callbacks. Node 20 shows it to a program that prints a timer or a socket: it looks the
 *  same whatever it says. */
class Origin {
  static {
    // The bundles of the two preloads give it names of their own.
    Object.defineProperty(Origin, 'name', { value: 'Origin' })
  }

  readonly #ordinal: number

  constructor(ordinal: number) {
    this.#ordinal = ordinal
  }

  static ordinalOf(origin: Origin | undefined): number {
    return origin ? origin.#ordinal : -1
  }
}

/** Which event runs the code of the moment (`cause`, on this stack) and on whose behalf it was started (`origin`, through
 *  awaits and callbacks). AsyncLocalStorage is switched on by the first handled event and off by `stop`: on Node 20 it
 *  slows every promise of the program. */
export class Causes {
  readonly #storage = new AsyncLocalStorage<Origin>()
  #active = false
  readonly #regular: boolean
  /** Event in whose synchronous handling we are; −1 for none. */
  #handled = -1
  /** Delivery that opened the session's turn of the moment; −1 between turns. */
  #turn = -1

  /** @param regular whether the same calls have the same effect on async ids whatever the ordinals: a whole program that
   *  runs again makes the calls and has no ordinals */
  constructor(regular = false) {
    this.#regular = regular
  }

  /** Ordinal of the event that runs the code of the moment: the one that is being handled on this stack, else the
   *  delivery whose turn it is; −1 for none. */
  get cause(): number {
    return this.#handled === -1 ? this.#turn : this.#handled
  }

  /** Ordinal of the event in whose asynchronous context we are; −1 for none. */
  get origin(): number {
    return this.#active ? Origin.ordinalOf(this.#storage.getStore()) : -1
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
    if (ordinal < 0 && !this.#active && !this.#regular) return body()
    this.#active = true
    return this.#storage.run(new Origin(ordinal), body)
  }

  stop(): void {
    this.#active = false
    this.#handled = -1
    this.#turn = -1
    this.#storage.disable()
  }
}
