import { runOutside } from '../boundary/realm/context.js'
import { originals } from '../boundary/realm/originals.js'

/** Deliveries of one session, each in a macrotask of its own: two immediates that were set together have only the
 *  first one's ticks and microtasks between them, so the second marks the end of the turn. A replay does the same. */
export class SessionTurns {
  readonly #settle: () => void
  #stopped = false

  constructor(settle: () => void) {
    this.#settle = settle
  }

  push(run: () => void): void {
    runOutside(() => {
      originals.setImmediate(() => {
        if (!this.#stopped) run()
      })
      originals.setImmediate(() => {
        if (!this.#stopped) this.#settle()
      })
    })
  }

  stop(): void {
    this.#stopped = true
  }
}
