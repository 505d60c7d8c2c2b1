import { getSession, runInside, runOutside } from '../boundary/realm/context.js'
import type { EventBodies } from '../events.js'
import type { Ordinal, SubjectNo } from '../ids.js'
import type { Change, ProcessSpec, Seam } from './seam.js'
import type { Session } from './session-world.js'

/** The seam as the wrappers of one session's channels and containers meet it. Whoever drives the real one runs outside
 *  the session, so that his own clock and timers are not taken for the session's; what the program does to the
 *  session's things from outside is noticed. */
export class SessionSeam implements Seam {
  readonly version = 1
  readonly #seam: Seam
  readonly #session: Session

  constructor(seam: Seam, session: Session) {
    this.#seam = seam
    this.#session = session
  }

  get live(): boolean {
    return this.#seam.live
  }

  open(spec: ProcessSpec): SubjectNo {
    const subject = runOutside(() => this.#seam.open({ ...spec, within: this.#session.subject }))
    this.#session.named(subject, spec.name)
    return subject
  }

  close(subject: SubjectNo, exit?: { readonly code?: number; readonly reason?: string }): void {
    runOutside(() => this.#seam.close(subject, exit))
  }

  send(channel: SubjectNo, payload: unknown, event?: string): void {
    this.#session.reach('a message sent')
    runOutside(() => this.#seam.send(channel, payload, event))
  }

  receive<T>(channel: SubjectNo, payload: unknown, handle: () => T, event?: string): T {
    const session = getSession()
    const run = session === undefined ? handle : () => runInside(session, handle)
    return runOutside(() => this.#seam.receive(channel, payload, run, event))
  }

  unpair(channel: SubjectNo): void {
    runOutside(() => this.#seam.unpair(channel))
  }

  init(container: SubjectNo, state: unknown): void {
    runOutside(() => this.#seam.init(container, state))
  }

  change(container: SubjectNo, change: Change): void {
    this.#session.reach(`${this.#session.nameOf(container)} changed`)
    runOutside(() => this.#seam.change(container, change))
  }

  mark(text: string, data?: unknown): void {
    this.#session.reach('a mark')
    runOutside(() => this.#seam.mark(text, data))
  }

  process(subject: SubjectNo, body: EventBodies['process']): void {
    runOutside(() => this.#seam.process(subject, body))
  }

  deliver<T>(session: SubjectNo, body: EventBodies['delivery'], run: () => T, cause?: Ordinal | null): T {
    return this.#seam.deliver(session, body, run, cause)
  }

  settle(session: SubjectNo): void {
    runOutside(() => this.#seam.settle(session))
  }

  value<T>(session: SubjectNo, call: string, real: () => T): T {
    return runOutside(() => this.#seam.value(session, call, real))
  }

  effect(session: SubjectNo, call: string, detail: unknown): void {
    runOutside(() => this.#seam.effect(session, call, detail))
  }

  current(): Ordinal | null {
    return this.#seam.current()
  }

  detached<T>(body: () => T): T {
    return this.#seam.detached(body)
  }
}
