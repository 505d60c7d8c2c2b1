import type { ErrorCode } from '../../src/errors.js'
import type { Difference, Given } from './difference.js'

/** Where a re-executed program first did something else than the recorded one, as the process that ran it tells. */
export interface MetDivergence {
  /** Turn of the thread, and the event of the recording that was not met; null behind its end. */
  readonly turn: number
  readonly seq: number | null
  /** Last turn that agreed in everything; null in the first. */
  readonly lastAgreement: number | null
  readonly recorded: string
  readonly replayed: string
  /** Number of the entry that was not met. */
  readonly entry: number
  /** Bytes or a text that the program gave, where these differ. */
  readonly given?: { readonly recorded: Given; readonly replayed: Given }
}

/** Where a thread stood: lines of its own stack, innermost first, and the source maps that their scripts name. */
export interface Standing {
  readonly stack: readonly string[]
  readonly maps: Readonly<Record<string, string>>
}

export const NOWHERE: Standing = { stack: [], maps: {} }

/** A divergence in the words of the program's own process. */
export interface SaidDivergence {
  readonly kind: 'diverged'
  readonly divergence: MetDivergence
  readonly standing: Standing
  /** An uncaught error that led here; `raw` where no source map was applied to its stack. */
  readonly thrown?: { readonly text: string; readonly raw: boolean }
  readonly turns: number
  readonly entries: number
}

/** It was asked where the program stood at an entry, and what it gave. */
export interface Shown {
  readonly kind: 'shown'
  readonly turn: number
  readonly standing: Standing
  readonly given: readonly Given[]
}

/** A divergence as it is told. */
export interface ProgramDivergence extends Omit<MetDivergence, 'entry' | 'given'> {
  /** The user's own line that did what was replayed, and where the recorded program stood at what it did: files that were
   *  written, not what was made of them. null where there is none, or it is not known. */
  readonly frame: string | null
  readonly recordedFrame: string | null
  /** The program's own stacks at both, innermost first. */
  readonly stack: readonly string[]
  readonly recordedStack: readonly string[]
  readonly bytes: Difference | null
  /** The likely one, where one is known. */
  readonly reason: string | null
  /** An error that was thrown in the replay only, and led here. */
  readonly thrown?: string
}

/** Of what differs without a line of the program's. */
export const UNPLACED = {
  frame: null,
  recordedFrame: null,
  stack: [],
  recordedStack: [],
  bytes: null,
  reason: null,
} as const satisfies Partial<ProgramDivergence>

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

/** It was not run: others of its program were. */
export interface NotRun {
  readonly kind: 'refused'
  /** The error that to run it alone ends with. */
  readonly error: ErrorCode
  readonly message: string
  readonly hint: string | null
}

/** Says of a replay that it ended in front of code that does not stand here. */
export interface ProgramRefusal {
  readonly kind: 'refused'
  /** What the recording has. */
  readonly what: string
}

/** What the program's own process can say: where it stopped is known to who made it. */
export type SaidVerdict =
  | Exclude<ProgramVerdict, Stopped | { readonly kind: 'diverged' }>
  | SaidDivergence
  | Pick<Stopped, 'kind' | 'turns' | 'entries'>
