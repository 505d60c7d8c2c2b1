/** Where a re-executed program first did something else than the recorded one. */
export interface ProgramDivergence {
  /** Turn of the thread, and the event of the recording that was not met; null behind its end. */
  readonly turn: number
  readonly seq: number | null
  /** Last turn that agreed in everything. */
  readonly lastAgreement: number
  readonly recorded: string
  readonly replayed: string
  /** The program's own stack, innermost first. */
  readonly stack: readonly string[]
  /** An error that was thrown in the replay only, and led here. */
  readonly thrown?: string
}

export type ProgramVerdict =
  | { readonly kind: 'exact'; readonly turns: number; readonly entries: number; readonly code: number | null }
  | { readonly kind: 'exact-to-the-kill'; readonly turns: number; readonly entries: number }
  | {
      readonly kind: 'diverged'
      readonly divergence: ProgramDivergence
      readonly turns: number
      readonly entries: number
    }

/** Says of a replay that it ended in front of code that does not stand here. */
export interface ProgramRefusal {
  readonly kind: 'refused'
  /** What the recording has. */
  readonly what: string
}
