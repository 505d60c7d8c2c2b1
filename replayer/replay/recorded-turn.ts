import type { ErrorRecord, Patch } from '../../src/events.js'

/** What the session did in a turn, as its recording says; in the order in which it did them. */
export type Effect = { readonly seq: number } & (
  | { readonly kind: 'open'; readonly subject: number; readonly name: string; readonly type: string }
  | { readonly kind: 'send'; readonly subject: number; readonly payload: unknown }
  | { readonly kind: 'init'; readonly subject: number; readonly state: unknown }
  | { readonly kind: 'delta'; readonly subject: number; readonly patch: Patch }
  | { readonly kind: 'keyframe'; readonly subject: number; readonly state: unknown }
  | { readonly kind: 'error'; readonly reason: string; readonly error: ErrorRecord }
)

/** How a turn began. */
export type Delivery =
  | { readonly op: 'mount' }
  | { readonly op: 'message'; readonly channel: string; readonly n: number; readonly payload: unknown }
  | { readonly op: 'timer'; readonly timer: number }

/** One turn of a session, self-contained: it can be posted to another thread. */
export interface RecordedTurn {
  /** Turn of its thread, and seq of its delivery and of its last event. */
  readonly turn: number
  readonly seq: number
  readonly lastSeq: number
  readonly delivery: Delivery
  /** Answers of non-deterministic calls and what was done to timers: `[call, result]`. */
  readonly values: readonly (readonly [call: string, result: unknown])[]
  readonly effects: readonly Effect[]
  /** The recording was cut in this turn (killed): what it did after its last entry is unknown. */
  readonly cut: boolean
}
