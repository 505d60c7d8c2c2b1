/** Where a replay stopped being the recorded run. Plain data: it crosses threads, and is what `--json` prints. */
export interface Divergence {
  /** Turn of the recorded thread, and seq of the recorded entry (or of the turn's delivery). */
  readonly turn: number
  readonly seq: number
  readonly recorded: string
  readonly replayed: string
  /** The user's own line that did what was replayed, or the last one that agreed. */
  readonly frame: string | null
  readonly frameIs: 'here' | 'after'
  /** What agreed last: `@811 Math.random`; null when nothing did. */
  readonly lastAgreement: string | null
  readonly reason: string | null
  /** Stack of an exception that exists only in the replay. */
  readonly stack: string | null
}

export type Verdict =
  | {
      readonly kind: 'exact'
      readonly turns: number
      readonly entries: number
      /** How the recording of the session ends. `cut`: the program was killed. */
      readonly ends: 'closed' | 'crash' | 'cut'
      /** The crash that was met again, as `name: message`. */
      readonly crash: string | null
    }
  /** Everything up to the asked moment agreed. */
  | {
      readonly kind: 'stopped'
      readonly turns: number
      readonly entries: number
      readonly seq: number
      readonly turn: number
    }
  | { readonly kind: 'diverged'; readonly turns: number; readonly entries: number; readonly divergence: Divergence }
