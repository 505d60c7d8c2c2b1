import type { ErrorRecord, MessageBody, Patch, StateBody } from '../../src/events.js'
import type { Ordinal, SubjectNo } from '../../src/ids.js'
import { diff } from '../../src/json/diff.js'
import type { Change } from '../../src/scope/seam.js'
import { FRAME_FLAGS, toKindCode } from '../../src/spool/format.js'
import { type CauseCode, type Origins, toDerivedCause } from './origins.js'
import { PassingSeam } from './passing-seam.js'
import type { TraceFrame } from './trace-writer.js'

const MESSAGE = toKindCode('message')
const STATE = toKindCode('state')
const GAP = toKindCode('gap')

const NONE = -1
const THROWN: ErrorRecord = { name: 'Error', message: 'the handler threw' }
const REJECTED: ErrorRecord = { name: 'Error', message: 'the promise that the handler returned was rejected' }

/** State of a promise as the engine tells it: pending, fulfilled, rejected. */
export type GetPromiseState = (promise: object) => 0 | 1 | 2 | undefined

export interface TracingOptions {
  /** Writes one event down, past the tape. @returns its number, −1 when it could not be written */
  readonly write: (frame: TraceFrame, body: unknown) => number
  readonly origins: Origins
  /** Says that the program has come to a recorded event that a wrapper causes. */
  readonly meet: (kind: 'process' | 'mark', name: string) => void
  /** Delivery that opened the turn of the moment. */
  readonly getTurn: () => CauseCode
  readonly getPromiseState: GetPromiseState
  /** Of what may be stored; the very same value where nothing is withheld. */
  readonly redactPatch: (patch: Patch, after: unknown) => Patch
}

/** What wrappers meet in a program that is run again with capture on: everything passes as it does without, and what its
 *  channels and containers do is written down. Processes and marks are in every recording. */
export class TracingSeam extends PassingSeam {
  readonly #options: TracingOptions
  readonly #sent: number[] = []
  readonly #received: number[] = []
  readonly #unpaired = new Set<SubjectNo>()
  readonly #followed = new Map<object, (state: 1 | 2) => void>()
  readonly #withState = new Set<SubjectNo>()
  /** The receive that is being handled on this stack. */
  #handled: CauseCode = NONE
  /** Encoding may run code of the program's: what that does has to wait for a gap. */
  #writing = false
  #missed = 0

  constructor(full: boolean, options: TracingOptions) {
    super(full)
    this.#options = options
  }

  override open(): SubjectNo {
    const subject = super.open()
    this.#options.meet('process', String(subject))
    return subject
  }

  override mark(text: string): void {
    this.#options.meet('mark', text)
  }

  override process(subject: SubjectNo): void {
    this.#options.meet('process', String(subject))
  }

  override close(subject: SubjectNo): void {
    if (this.#withState.has(subject)) this.#write(STATE, 0, subject, { op: 'final' } satisfies StateBody)
    this.#options.meet('process', String(subject))
  }

  override send(channel: SubjectNo, payload: unknown, event?: string): void {
    const n = this.#sent[channel] ?? 0
    this.#sent[channel] = n + 1
    this.#write(MESSAGE, this.#toFlags(channel), channel, toMessageBody('send', n, payload, event))
  }

  override receive<T>(channel: SubjectNo, payload: unknown, handle: () => T, event?: string): T {
    const n = this.#received[channel] ?? 0
    this.#received[channel] = n + 1
    const flags = this.#toFlags(channel)
    const body = toMessageBody('receive', n, payload, event)
    const receive = toDerivedCause(this.#write(MESSAGE, flags, channel, body, NONE))
    const handled = (error?: ErrorRecord) => {
      const end: MessageBody = error ? { op: 'handled', n, error } : { op: 'handled', n }
      this.#write(MESSAGE, flags, channel, end, receive, NONE)
    }
    let result: T
    let returned = false
    try {
      result = this.#handle(receive, () => super.receive(channel, payload, handle))
      returned = true
    } finally {
      if (!returned) handled(THROWN)
    }
    if (!this.#follow(result, (state) => handled(state === 2 ? REJECTED : undefined))) handled()
    return result
  }

  override unpair(channel: SubjectNo): void {
    this.#unpaired.add(channel)
  }

  override init(container: SubjectNo, state: unknown): void {
    this.#withState.add(container)
    this.#write(STATE, 0, container, { op: 'init', state } satisfies StateBody)
  }

  override change(container: SubjectNo, change: Change): void {
    const { trigger, after } = change
    const patch = this.#toPatch(change)
    const body = patch ? { op: 'delta', patch } : { op: 'keyframe', state: after }
    const flags = change.coalesced ? FRAME_FLAGS.coalesced : 0
    this.#write(STATE, flags, container, trigger === undefined ? body : { ...body, trigger })
  }

  override current(): Ordinal | null {
    const code = this.#handled === NONE ? this.#options.origins.current : this.#handled
    return code === NONE ? null : (code as Ordinal)
  }

  override resume<T>(origin: Ordinal | null, body: () => T): T {
    return this.#options.origins.run(origin ?? NONE, () => super.resume(origin, body))
  }

  override detached<T>(body: () => T): T {
    return this.#handle(NONE, () => super.detached(body))
  }

  /** A turn begins: what was waited for is looked at once in each. */
  beginTurn(): void {
    for (const [promise, settled] of this.#followed) {
      const state = this.#options.getPromiseState(promise)
      if (state === 0) continue
      this.#followed.delete(promise)
      settled(state === 2 ? 2 : 1)
    }
  }

  #handle<T>(cause: CauseCode, handle: () => T): T {
    const before = this.#handled
    this.#handled = cause
    try {
      return this.#options.origins.run(cause, handle)
    } finally {
      this.#handled = before
    }
  }

  #follow(result: unknown, settled: (state: 1 | 2) => void): boolean {
    if (typeof result !== 'object' || result === null) return false
    if (this.#options.getPromiseState(result) !== 0) return false
    this.#followed.set(result, settled)
    return true
  }

  #toPatch(change: Change): Patch | undefined {
    try {
      const patch = 'patch' in change ? change.patch : diff(change.before, change.after)
      return this.#options.redactPatch(patch, change.after)
    } catch {
      return undefined
    }
  }

  #toFlags(channel: SubjectNo): number {
    return this.#unpaired.has(channel) ? FRAME_FLAGS.unpaired : 0
  }

  #write(
    kind: number,
    flags: number,
    subject: SubjectNo,
    body: unknown,
    cause: CauseCode = this.#handled === NONE ? this.#options.getTurn() : this.#handled,
    origin: CauseCode = this.#options.origins.current,
  ): number {
    if (this.#writing) {
      this.#missed++
      return NONE
    }
    this.#writing = true
    try {
      const number = this.#options.write({ kind, flags, subject, cause, origin }, body)
      if (number < 0) this.#missed++
      if (this.#missed > 0) this.#writeMissed()
      return number
    } finally {
      this.#writing = false
    }
  }

  #writeMissed(): void {
    const body = { reason: 'encode-failed', count: this.#missed, detail: 'done by code that runs when a value is read' }
    this.#missed = 0
    this.#options.write({ kind: GAP, flags: 0, subject: 0, cause: NONE, origin: NONE }, body)
  }
}

function toMessageBody(op: 'send' | 'receive', n: number, payload: unknown, event: string | undefined): MessageBody {
  return event === undefined ? { op, n, payload } : { op, n, payload, event }
}
