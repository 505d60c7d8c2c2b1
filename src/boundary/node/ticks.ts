import type { Internals, Native } from './internals.js'
import type { TapeReader, TapeWriter } from './tape.js'

/** After an uncaught error, what is left of the tick queue is drained by whichever native callback scope closes next, even
 *  one that runs no JavaScript of its own. Such a scope is a turn. */
export interface Ticks {
  /** An error was not caught. */
  uncaught(): void
  /** A delivery begins: its own scope drains what is left. */
  delivered(): void
}

const NAME = 'ticks'

/** Whether ticks of an uncaught error are left, and whether the scope of the moment is a delivery's. While none are, what
 *  the native side calls is Node's own function: a stand-in would be seen in every stack. */
class Left implements Ticks {
  left = false
  within = false
  readonly #internals: Internals
  readonly #drain: () => void

  constructor(internals: Internals, drain: () => void) {
    this.#internals = internals
    this.#drain = drain
  }

  uncaught(): void {
    this.left = true
    this.within = false
    ;(this.#internals.binding('task_queue')['setTickCallback'] as Native)(this.#drain)
  }

  delivered(): void {
    this.within = true
  }

  /** Puts Node's own function back. */
  restore(): void {
    this.left = false
    ;(this.#internals.builtin('internal/process/task_queues')['setupTaskQueue'] as Native)()
  }
}

/** What Node does at the end of a callback scope: ticks and microtasks. */
export function runTicks(): void {
  ;(process as unknown as { _tickCallback(): void })._tickCallback()
}

export function record(internals: Internals, tape: TapeWriter): Ticks {
  const code = tape.code(NAME)
  const state: Left = new Left(internals, () => {
    if (state.left && !state.within) {
      tape.deliver(code, -1)
      tape.end()
    }
    state.restore()
    runTicks()
  })
  return state
}

export function replay(internals: Internals, tape: TapeReader): Ticks {
  const state: Left = new Left(internals, () => {
    if (state.left && !state.within) return
    state.restore()
    runTicks()
  })
  tape.on(tape.code(NAME), () => {
    tape.end()
    runTicks()
  })
  return state
}
