import type { SubjectNo } from '../ids.js'
import type { Seam } from '../scope/seam.js'

/** The last state that the log has of one container, and the way to the next. */
export class Transitions {
  readonly #seam: Seam
  readonly #subject: SubjectNo
  #last: unknown

  constructor(seam: Seam, subject: SubjectNo, state: unknown) {
    this.#seam = seam
    this.#subject = subject
    this.#last = state
    seam.init(subject, state)
  }

  get last(): unknown {
    return this.#last
  }

  /** Logs a transition; the same state again is none. `trigger`: undefined for none. @returns whether there was one */
  take(after: unknown, trigger: unknown, coalesced = false): boolean {
    if (Object.is(after, this.#last)) return false
    const before = this.#last
    this.#last = after
    this.#seam.change(this.#subject, { before, after, trigger, coalesced })
    return true
  }
}
