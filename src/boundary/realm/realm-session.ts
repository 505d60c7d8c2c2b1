import type { SessionTimers } from './session-timers.js'

/** What the realm's wrappers need to know of the session whose code is running. */
export interface RealmSession {
  /** False under replay: nothing real is armed, opened or waited for. */
  readonly live: boolean
  readonly timers: SessionTimers
  /** Whether one of its turns is running: from its delivery until its microtasks are done. */
  readonly open: boolean
  /** Whether something that cannot be fed was met already. */
  readonly observed: boolean
  /** Result of a non-deterministic call: what `real` gives, recorded, or what was recorded. */
  value<T>(call: string, real: () => T): T
  /** Something done at the boundary that has no answer: recorded, or compared. */
  effect(call: string, detail: unknown): void
  /** Something that cannot be fed was met: the session is only `observed` from here. `stack` defaults to the caller's.
   *  Throws under replay, before anything real can happen. */
  observe(call: string, stack?: string): void
  /** An error of its code reached nobody. */
  escape(reason: string, error: unknown): void
  /** The session ended itself (`process.exit`) and nothing real may end. Throws. */
  halt(): never
}
