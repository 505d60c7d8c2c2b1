import { originals } from './originals.js'

/** An immediate waits until the loop wakes up for something else; what a timer's callback recorded would wait with it. */
const IDLE_MS = 1

/** Says when a loop turn that recorded something has ended. Keeps nothing alive: both its handles are unref'd. */
export class Turns {
  readonly #onEnd: () => void
  #immediate: NodeJS.Immediate | undefined
  #timer: NodeJS.Timeout | undefined
  #timerArmed = false
  #stopped = false

  constructor(onEnd: () => void) {
    this.#onEnd = onEnd
  }

  /** To be called once in a turn, when its first event is recorded. */
  begin(): void {
    if (this.#stopped) return
    this.#immediate = originals.setImmediate(this.#end)
    this.#immediate.unref()
    if (this.#timerArmed) return
    this.#timerArmed = true
    if (this.#timer) this.#timer.refresh()
    else this.#timer = originals.setTimeout(this.#tick, IDLE_MS).unref()
  }

  stop(): void {
    this.#stopped = true
    if (this.#immediate) originals.clearImmediate(this.#immediate)
    if (this.#timer) originals.clearTimeout(this.#timer)
  }

  readonly #end = (): void => {
    this.#immediate = undefined
    this.#onEnd()
  }

  readonly #tick = (): void => {
    this.#timerArmed = false
    this.#onEnd()
  }
}
