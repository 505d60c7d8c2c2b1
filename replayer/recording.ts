import type { Event, EventKind, Patch } from '../src/events.js'
import type { EventRef, Pid, Seq, ThreadNo, ThreadPath } from '../src/ids.js'
import type { GapInfo, Position, ProcessInfo, StateAnswer, ThreadInfo } from '../src/log/reader.js'
import type { EventName } from './event-names.js'

/** A position as people write it (DESIGN §1), or a seq. */
export type MomentInput = string | number

/** A process as people write it: its name, `cart@2`, `0.17.0`, `#PID<0.17.0>`. */
export type ProcessInput = string

/** A thread by its path (`0.2`) or its number. */
export type ThreadInput = string | number

export interface EventQuery {
  readonly from?: MomentInput
  readonly to?: MomentInput
  readonly kinds?: readonly EventKind[]
  readonly process?: ProcessInput
  readonly thread?: ThreadInput
  /** Substring of the event's text as `events` prints it, case-insensitive. */
  readonly match?: string
  readonly reverse?: boolean
  readonly limit?: number
}

export interface RecordingInfo {
  readonly path: string | null
  readonly form: 'directory' | 'packed' | 'memory'
  readonly format: number
  /** The command that was recorded, where `record` made it. */
  readonly command: readonly string[] | null
  readonly startedAt: string
  readonly durationUs: number
  readonly events: number
  readonly firstSeq: Seq
  readonly bytes: number | null
  readonly counts: Readonly<Record<EventKind, number>>
  readonly threads: readonly ThreadInfo[]
  readonly processes: readonly ProcessInfo[]
  readonly gaps: readonly GapInfo[]
  /** Whether it can be re-executed, and why not. `observed`: state and queries only. */
  readonly fidelity: 'replayable' | 'observed'
  readonly fidelityNotes: readonly string[]
  /** Files that the program loaded, their different contents, the bytes of these, and how many of them the recording does
   *  not hold. */
  readonly sources: {
    readonly files: number
    readonly contents: number
    readonly bytes: number
    readonly missing: number
  }
  readonly sessions: readonly SessionInfo[]
  /** Events that were derived by re-execution and stand among the recorded ones in answers, not in `events` and `counts`. */
  readonly derived: number
  /** How the recorded run ended, as far as the recording says. */
  readonly end: {
    readonly kind: 'exit' | 'crash' | 'killed' | 'running'
    readonly detail: string
    readonly seq: Seq | null
  }
}

export interface SessionInfo {
  readonly name: string
  readonly pid: Pid
  readonly module: string
  readonly fidelity: 'replayable' | 'observed'
  readonly deliveries: number
  /** The call that opened the session to the outside, where it is `observed`. */
  readonly opened: string | null
}

export interface HistoryEntry extends Position {
  readonly timeUs: number
  readonly patch: Patch | null
  readonly coalesced: boolean
  readonly cause: EventRef | null
  /** Value at the asked pointer after this event (the whole state when none was asked). */
  readonly value: unknown
}

export type DiffAnswer =
  | {
      readonly ok: true
      readonly from: EventName
      readonly to: EventName
      readonly patch: Patch
      readonly before: unknown
      readonly after: unknown
    }
  | Extract<StateAnswer, { ok: false }>

/** `derived`: the link is not in the log; an exact re-execution went through it. The rest as DESIGN §7 has it. */
export type Evidence = 'recorded' | 'derived' | 'verified' | 'equal' | 'temporal'

/** One link of a chain: `event` happened because of the next one, with that evidence. */
export interface WhyLink {
  readonly event: Event
  readonly evidence: Evidence
  /** How the link is known, in words: `handled message 3 of orders`, `sent by thread 0.1`. */
  readonly how: string
}

export type WhyAnswer =
  | {
      readonly ok: true
      readonly container: ProcessInfo
      readonly pointer: string
      readonly value: unknown
      readonly before: unknown
      /** The last writer first, then what it happened because of, down to the root input. */
      readonly chain: readonly WhyLink[]
      /** `root`: the chain ends at an input from outside. `unknown`: the next cause isn't in the log. */
      readonly ends: 'root' | 'unknown'
      readonly unknown: string | null
      /** Where in the root input's payload the same value stands. A hint, never a cause. */
      readonly equal: readonly (Position & { readonly pointer: string })[]
    }
  | Extract<StateAnswer, { ok: false }>
  | { readonly ok: false; readonly error: 'never_written'; readonly detail: string }

export interface MomentOptions {
  /** Thread whose turns `@55` counts; thread 0 when absent. */
  readonly thread?: ThreadInput | undefined
  /** Where a moment covers several events: the last of them (the state after it, which is what absent means), or the
   *  first, to list from there. */
  readonly edge?: 'first' | 'last' | undefined
}

/** Every question, the same on a directory, a packed file, a recording being written, and a live scope.
 *  Reading runs no code from the recording and never blocks its writer. */
export interface Recording {
  /** Everything about it. Cost: one pass over it, decoding little. `onProgress` gets the seq that it is at. */
  info(onProgress?: (seq: number) => void): Promise<RecordingInfo>
  /** First seq that is held, and the number of seqs given so far. Cheap, as the next four. */
  getSpan(): { readonly firstSeq: Seq; readonly endSeq: number }
  getThreads(): readonly ThreadInfo[]
  getProcesses(): readonly ProcessInfo[]
  /** Threads whose messages and states were derived by re-execution; answers include them. */
  getDerivedThreads(): readonly ThreadNo[]
  /** What is missing, as far as the log says it and reading met it: damage shows when something needs what it took. */
  getGaps(): readonly GapInfo[]
  /** Whether someone may still be writing it. */
  isRunning(): boolean
  events(query?: EventQuery): AsyncIterable<Event>
  /** @throws UNKNOWN_MOMENT or OUTSIDE, with what exists */
  resolve(moment: MomentInput, options?: MomentOptions): Promise<EventName>
  /** The event that stands `by` events behind that one, or before it; the first or last where there are not so many. */
  move(from: MomentInput, by: number): Promise<EventName>
  event(moment: MomentInput): Promise<Event>
  /** @throws UNKNOWN_PROCESS or AMBIGUOUS_NAME, with what exists and what was meant */
  process(input: ProcessInput): Promise<ProcessInfo>
  stateAt(container: ProcessInput, moment?: MomentInput): Promise<StateAnswer>
  diff(container: ProcessInput, from: MomentInput, to: MomentInput): Promise<DiffAnswer>
  /** State events of a container; with `path` only those after which the value at that pointer differs from before.
   *  `reverse` starts at the latest. */
  history(
    container: ProcessInput,
    query?: {
      readonly path?: string
      readonly from?: MomentInput
      readonly to?: MomentInput
      readonly reverse?: boolean
      readonly limit?: number
      /** False where only the changes are wanted: without `path`, a value is the whole state. */
      readonly values?: boolean
    },
  ): AsyncIterable<HistoryEntry>
  why(container: ProcessInput, pointer: string, query?: { readonly at?: MomentInput }): Promise<WhyAnswer>
  /** The chain of any event: itself first, then what it happened because of, down to the root or where the log ends. */
  causes(moment: MomentInput): Promise<readonly WhyLink[]>
  /** The event that sent what `seq` received, or the one that received what it sent. */
  partner(moment: MomentInput): Promise<Event | undefined>
  refresh(): Promise<boolean>
  close(): Promise<void>
}

export type { ThreadPath }
