import type { ChannelRecord, ErrorRecord, EventBodies, Patch, ProcessType, SessionRecord } from '../events.js'
import type { Ordinal, SubjectNo, ThreadPath } from '../ids.js'

/** Copies of the package of different versions meet only here. */
export const SEAM_SYMBOL: unique symbol = Symbol.for('retroscope.seam.v1') as never

export interface ProcessSpec {
  readonly name: string
  readonly type: ProcessType
  readonly channel?: ChannelRecord
  readonly session?: SessionRecord
  readonly adapter?: string
  readonly within?: SubjectNo
}

/** How a container changed. `patch` where the wrapper knows the operations (tracker), else both states. */
export type Change =
  | { readonly before: unknown; readonly after: unknown; readonly trigger?: unknown; readonly coalesced?: boolean }
  | { readonly patch: Patch; readonly after: unknown; readonly trigger?: unknown; readonly coalesced?: boolean }

/** Wrappers call it and never learn which driver answers: the recorder's lets the program go on and logs what passes,
 *  the replayer's supplies what was logged and compares what comes out. No method throws into the program, whatever it
 *  is given; only what `handle` or `run` itself throws comes through. */
export interface Seam {
  readonly version: 1
  /** Whether real ends may be used: false under replay, where nothing real is opened, sent or waited for. */
  readonly live: boolean

  /** Announces a process and returns its number within this thread. The same name again is its next incarnation. */
  open(spec: ProcessSpec): SubjectNo
  close(subject: SubjectNo, exit?: { readonly code?: number; readonly reason?: string }): void

  /** A message leaves through this end. Call it before the real send. */
  send(channel: SubjectNo, payload: unknown, event?: string): void
  /** A message arrived: logs it, runs `handle` with it as the cause of whatever happens inside, then logs `handled`.
   *  @returns what `handle` returns; a promise is followed for the handling time and passed on untouched */
  receive<T>(channel: SubjectNo, payload: unknown, handle: () => T, event?: string): T
  /** From here on messages of this end have no partner: it was wrapped after traffic began. */
  unpair(channel: SubjectNo): void

  /** First state of a container. */
  init(container: SubjectNo, state: unknown): void
  /** One transition. Call it synchronously, before any listener of the program runs. */
  change(container: SubjectNo, change: Change): void

  mark(text: string, data?: unknown): void

  /** A process event of this thread (crash, child …), for whoever watches the thread's life. */
  process(subject: SubjectNo, body: EventBodies['process']): void

  /** Opens a turn in `session` (`run` is its callback). The replayer calls `run` itself, from what was recorded. A
   *  message's payload stands in the `receive` that the callback logs first. `cause`: where the callback was registered. */
  deliver<T>(session: SubjectNo, body: EventBodies['delivery'], run: () => T, cause?: Ordinal | null): T
  /** The turn that `deliver` opened has run, with its ticks and microtasks: its values can be packed. */
  settle(session: SubjectNo): void
  /** Result of a non-deterministic call made inside `session`: recorded as it happened, or fed. */
  value<T>(session: SubjectNo, call: string, real: () => T): T
  /** What the session did at its boundary without an answer (a timer set, cleared): recorded among the values as
   *  `[call, detail]`, and compared under replay. */
  effect(session: SubjectNo, call: string, detail: unknown): void

  /** The event that is being handled on this stack, else the one on whose behalf the running code was started. */
  current(): Ordinal | null
  /** Runs `body` on behalf of an event that `current` named: a request's later callbacks arrive in the connection's
   *  asynchronous context, not in that of their request. */
  resume?<T>(origin: Ordinal | null, body: () => T): T
  /** Thread at the other end of a Worker or of `parentPort`, where that is known. */
  peer?(end: object): ThreadPath | undefined
  /** Runs `body` outside every recorded context, so that what it starts is not blamed on the event of the moment. */
  detached<T>(body: () => T): T
}

/** The seam that a preload or a replay installed, if any. */
export function findSeam(): Seam | undefined {
  return (globalThis as { [SEAM_SYMBOL]?: Seam })[SEAM_SYMBOL]
}

export type { ErrorRecord }
