import type { Ordinal, SubjectNo } from '../../src/ids.js'
import { Causes } from '../../src/scope/causes.js'
import type { Change, Seam } from '../../src/scope/seam.js'

/** Any event: nothing that is called here tells one from another. */
const SOME = 0

/** What wrappers meet in a whole program that is run again: the boundary below feeds it, so everything here passes and
 *  nothing is written. Handlers run in an asynchronous context, if they did when they were recorded: that uses up ids. */
export class PassingSeam implements Seam {
  readonly version = 1
  readonly live = true
  readonly #causes = new Causes(true)
  readonly #full: boolean
  #subjects = 0

  /** @param full whether messages and states were recorded */
  constructor(full: boolean) {
    this.#full = full
  }

  open(): SubjectNo {
    return ++this.#subjects as SubjectNo
  }

  close(_subject: SubjectNo): void {}
  send(_channel: SubjectNo, _payload: unknown, _event?: string): void {}
  receive<T>(_channel: SubjectNo, _payload: unknown, handle: () => T, _event?: string): T {
    return this.#full ? this.#causes.run(SOME, handle) : handle()
  }
  unpair(_channel: SubjectNo): void {}
  init(_container: SubjectNo, _state: unknown): void {}
  change(_container: SubjectNo, _change: Change): void {}
  mark(_text: string): void {}
  process(_subject: SubjectNo): void {}
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
    return this.#full ? this.#causes.resume(SOME, body) : body()
  }
  detached<T>(body: () => T): T {
    return this.#full ? this.#causes.run(SOME, body) : body()
  }
}
