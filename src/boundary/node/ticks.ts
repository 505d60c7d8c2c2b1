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

function runTicks(): void {
  ;(process as unknown as { _tickCallback(): void })._tickCallback()
}

export function record(internals: Internals, tape: TapeWriter): Ticks {
  const code = tape.code(NAME)
  let left = false
  let within = false
  setTickCallback(internals, () => {
    if (left && !within) {
      tape.deliver(code, -1)
      tape.end()
    }
    left = false
    runTicks()
  })
  return {
    uncaught() {
      left = true
      within = false
    },
    delivered() {
      within = true
    },
  }
}

export function replay(internals: Internals, tape: TapeReader): Ticks {
  let left = false
  let within = false
  tape.on(tape.code(NAME), () => {
    tape.end()
    runTicks()
  })
  setTickCallback(internals, () => {
    if (left && !within) return
    left = false
    runTicks()
  })
  return {
    uncaught() {
      left = true
      within = false
    },
    delivered() {
      within = true
    },
  }
}

function setTickCallback(internals: Internals, callback: () => void): void {
  ;(internals.binding('task_queue')['setTickCallback'] as Native)(callback)
}
