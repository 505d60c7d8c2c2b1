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

/** Whether ticks of an uncaught error are left, and whether the scope of the moment is a delivery's. */
class Left implements Ticks {
  left = false
  within = false

  uncaught(): void {
    this.left = true
    this.within = false
  }

  delivered(): void {
    this.within = true
  }
}

function runTicks(): void {
  ;(process as unknown as { _tickCallback(): void })._tickCallback()
}

export function record(internals: Internals, tape: TapeWriter): Ticks {
  const code = tape.code(NAME)
  const state = new Left()
  setTickCallback(internals, () => {
    if (state.left && !state.within) {
      tape.deliver(code, -1)
      tape.end()
    }
    state.left = false
    runTicks()
  })
  return state
}

export function replay(internals: Internals, tape: TapeReader): Ticks {
  const state = new Left()
  tape.on(tape.code(NAME), () => {
    tape.end()
    runTicks()
  })
  setTickCallback(internals, () => {
    if (state.left && !state.within) return
    state.left = false
    runTicks()
  })
  return state
}

function setTickCallback(internals: Internals, callback: () => void): void {
  ;(internals.binding('task_queue')['setTickCallback'] as Native)(callback)
}
