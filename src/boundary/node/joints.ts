import type { Internals, Native } from './internals.js'
import type { TapeReader, TapeWriter } from './tape.js'

const NAME = 'joined'

/** Node's native immediates all run in one callback scope: what they deliver is several turns with no tick and no
 *  microtask between. A joint on the tape says so. It is seen by a microtask that has not run yet.
 *  @returns to be called before each delivery that may come that way */
export function record(internals: Internals, tape: TapeWriter): () => void {
  const code = tape.code(NAME)
  const enqueue = internals.binding('task_queue')['enqueueMicrotask'] as Native
  let open = false
  const close = (): void => {
    open = false
  }
  return () => {
    if (tape.nested) return
    if (open) {
      tape.deliver(code, -1)
      tape.end()
      return
    }
    open = true
    enqueue(close)
  }
}

/** @returns whether the next delivery is such a joint; it delivers what is behind it */
export function replay(tape: TapeReader): () => boolean {
  const code = tape.code(NAME)
  tape.on(code, () => {
    tape.end()
    if (tape.peek() === 'delivery') tape.deliver()
  })
  return () => tape.next === code
}
