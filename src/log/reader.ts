import type {
  ChannelRecord,
  Event,
  EventKind,
  GapBody,
  Patch,
  ProcessType,
  SessionRecord,
  ThreadRecord,
} from '../events.js'
import type { EventRef, Pid, Seq, SubjectNo, ThreadNo, ThreadPath } from '../ids.js'
import type { SourceFile } from './sources.js'

/** Names a container for the log: the process number within its thread. */
export interface SubjectRef {
  readonly thread: ThreadNo
  readonly subject: SubjectNo
}

export interface ThreadInfo {
  readonly no: ThreadNo
  readonly path: ThreadPath
  readonly record: ThreadRecord | null
  readonly firstSeq: Seq
  readonly lastSeq: Seq
  readonly events: number
  readonly turns: number
  /** How it ended, or null while it runs or when nothing says so. `killed`: its parent saw a signal, or it is a worker
   *  whose process ended. */
  readonly ended: 'exit' | 'crash' | 'killed' | null
}

export interface ProcessInfo extends SubjectRef {
  readonly pid: Pid
  readonly name: string
  readonly type: ProcessType
  readonly adapter: string | null
  readonly channel: ChannelRecord | null
  readonly session: SessionRecord | null
  readonly within: SubjectNo | null
  readonly spawnedAt: Seq
  readonly endedAt: Seq | null
  /** True when it has state events. */
  readonly container: boolean
}

export interface LogQuery {
  readonly from?: Seq
  /** Inclusive. */
  readonly to?: Seq
  readonly kinds?: readonly EventKind[]
  readonly subjects?: readonly SubjectRef[]
  readonly thread?: ThreadNo
  readonly reverse?: boolean
  readonly limit?: number
}

export type StateAnswer =
  | ({ readonly ok: true; readonly state: unknown } & Position)
  | {
      readonly ok: false
      readonly error: 'not_found' | 'pruned' | 'exited' | 'incomplete' | 'damaged'
      readonly detail: string
    }

/** What an event is called: its seq; with `derived` the n-th that was derived after the event of that seq. */
export interface Position {
  readonly seq: Seq
  readonly derived?: number
}

export interface DeltaEntry {
  readonly seq: Seq
  /** null for `init` and `keyframe`, which replace everything. */
  readonly patch: Patch | null
  readonly coalesced: boolean
}

export interface GapInfo extends GapBody {
  readonly from: Seq
  readonly to: Seq
}

/** Reading side of one log, over one or more segments of any store, plus the spool tails that are not ingested yet. */
export interface LogReader {
  /** Start of the recording, µs since the Unix epoch. */
  readonly startedAtUs: number
  /** First seq that is still held (later than 0 once segments were pruned), and the number of seqs ever given. */
  readonly firstSeq: Seq
  readonly endSeq: number
  /** What people call the event of that seq, and back: where derived events stand among recorded ones, a reader numbers
   *  all of them. `findPosition`: undefined where nothing is called so. */
  position(seq: Seq): Position
  findPosition(position: Position): Seq | undefined
  threads(): readonly ThreadInfo[]
  processes(): readonly ProcessInfo[]
  gaps(): readonly GapInfo[]

  events(query?: LogQuery): AsyncIterable<Event>
  /** The same, some hundred at a time: whoever looks at every event of a long log waits for each of these only. */
  batches(query?: LogQuery): AsyncIterable<readonly Event[]>
  /** Events that are held, by kind. Cost: one pass over the chunks, decoding none. @param onSeq is told how far it is */
  counts(onSeq?: (seq: number) => void): Promise<Readonly<Record<EventKind, number>>>
  find(seq: Seq): Promise<Event | undefined>
  /** Last event at or before that time; undefined before the first. */
  seekTime(timeUs: number): Promise<Seq | undefined>
  findOrdinal(ref: EventRef): Promise<Seq | undefined>
  /** First and last event of a turn. */
  findTurn(thread: ThreadNo, turn: number): Promise<{ readonly first: Seq; readonly last: Seq } | undefined>

  /** Files that threads loaded, those of one or of all. */
  sources(thread?: ThreadNo): AsyncIterable<SourceFile>
  /** A source's bytes. undefined: the recorder left them out, or they were lost; null: they are damaged. */
  source(hash: string): Promise<Uint8Array | null | undefined>

  /** State after event `seq`. The answer is the caller's to mutate: it is never shared. */
  stateAt(container: SubjectRef, seq: Seq): Promise<StateAnswer>
  /** State events of a container in order (or reversed), those whose patch may touch `pointer` or anything above or
   *  below it when one is given. */
  deltas(
    container: SubjectRef,
    query?: { readonly from?: Seq; readonly to?: Seq; readonly reverse?: boolean; readonly pointer?: string },
  ): AsyncIterable<DeltaEntry>
  /** Last state event at or before `seq` that wrote `pointer`, something above it or something below it. */
  lastWrite(container: SubjectRef, pointer: string, seq: Seq): Promise<DeltaEntry | undefined>

  /** Takes in what was written since. @returns true when there is more than before */
  refresh(): Promise<boolean>
  close(): Promise<void>
}
