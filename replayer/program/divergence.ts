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

/** Everything up to the end of a turn agreed, and the rest was not asked for. */
export interface Stopped {
  readonly kind: 'stopped'
  readonly turns: number
  readonly entries: number
  /** The turn that ran last, and its last event. */
  readonly turn: number
  readonly seq: number
  /** How many turns the thread has behind it. */
  readonly left: number
}

export type ProgramVerdict =
  | Stopped
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

/** What the program's own process can say: where it stopped is known to who made it. */
export type SaidVerdict = Exclude<ProgramVerdict, Stopped> | Pick<Stopped, 'kind' | 'turns' | 'entries'>
