import type { Ordinal, SubjectNo } from '../../src/ids.js'
import { Causes } from '../../src/scope/causes.js'
import type { Seam } from '../../src/scope/seam.js'

/** Any event: nothing that is called here tells one from another. */
const SOME = 0

/** What wrappers meet in a whole program that is run again: the boundary below feeds it, so everything here passes and
 *  nothing is written. Handlers run in an asynchronous context, as they did when they were recorded: that uses up ids. */
export class PassingSeam implements Seam {
  readonly version = 1
  readonly live = true
  readonly #causes = new Causes(true)
  #subjects = 0

  open(): SubjectNo {
    return ++this.#subjects as SubjectNo
  }

  close(): void {}
  send(): void {}
  receive<T>(_channel: SubjectNo, _payload: unknown, handle: () => T): T {
    return this.#causes.run(SOME, handle)
  }
  unpair(): void {}
  init(): void {}
  change(): void {}
  mark(): void {}
  process(): void {}
  deliver<T>(_session: SubjectNo, _body: unknown, run: () => T): T {
    return this.#causes.run(SOME, run)
  }
  settle(): void {}
  value<T>(_session: SubjectNo, _call: string, real: () => T): T {
    return real()
  }
  effect(): void {}
  current(): Ordinal | null {
    return null
  }
  resume<T>(_origin: Ordinal | null, body: () => T): T {
    return this.#causes.resume(SOME, body)
  }
  detached<T>(body: () => T): T {
    return this.#causes.run(SOME, body)
  }
}
