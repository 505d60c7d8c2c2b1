import type { EventRef, Ordinal, Pid, Seq, SubjectNo, ThreadNo, ThreadPath } from './ids.js'

/** Kinds in the order of their frame codes (1 …); 0 is the dictionary frame, which is no event. */
export const EVENT_KINDS = [
  'process',
  'message',
  'state',
  'call',
  'delivery',
  'values',
  'output',
  'mark',
  'gap',
] as const

export type EventKind = (typeof EVENT_KINDS)[number]

/** What a process (DESIGN §1) is. */
export type ProcessType = 'os' | 'thread' | 'store' | 'actor' | 'object' | 'channel' | 'session' | 'server' | 'request'

/** What every event carries whatever its kind. */
export interface EventHead {
  readonly seq: Seq
  /** Only of an event that a re-execution derived: it has no seq of its own, and is the n-th behind the event of `seq`. */
  readonly derived?: number
  readonly thread: ThreadNo
  readonly ordinal: Ordinal
  /** Microseconds since the recording's start. */
  readonly timeUs: number
  /** Turn of its thread, and the step within it (0 = the turn's own callback). */
  readonly turn: number
  readonly step: number
  readonly subject: SubjectNo
  readonly pid: Pid
  /** Who made it run now; null when that is unknown or it is a root. */
  readonly cause: EventRef | null
  /** On whose behalf: the event in whose asynchronous context it happened; null when unknown or a root. */
  readonly origin: EventRef | null
  /** It came after the wait at ingest for the event that it follows; its seq is later than it should be. */
  readonly late: boolean
  /** More than one transition of the program's may be folded into this one. */
  readonly coalesced: boolean
  /** No partner may be sought for this message: its end was wrapped after traffic began. */
  readonly unpaired: boolean
}

export interface ErrorRecord {
  readonly name: string
  readonly message: string
  readonly stack?: string
  readonly code?: string
  readonly cause?: ErrorRecord
}

export interface ChannelRecord {
  /** `port`, `worker`, `ipc`, `broadcast`, `emitter`, `event-target`, `websocket`, `http`, `endpoint`. */
  readonly transport: string
  /** The channel has one end only, which receives what it sends itself: an emitter. Without it, what an end receives is
   *  never paired with its own sends: a server answers request 3 by a message 3 of the same end. */
  readonly loop?: true
  /** Whoever sends here is outside of what can be recorded (a server's clients): what arrives is a root input where no
   *  recorded end sent it. */
  readonly outside?: true
  /** Which end of the channel this is: messages that end 0 sends are received by end 1. */
  readonly end: 0 | 1
  /** Thread of the other end where it is known. */
  readonly peer?: ThreadPath
}

export interface ThreadRecord {
  readonly path: ThreadPath
  readonly type: 'main' | 'worker'
  readonly pid: number
  readonly threadId: number
  readonly node: string
  readonly platform: string
  readonly argv: readonly string[]
  readonly cwd: string
  /** Absent: the program wrapped itself with `setup()`; present: the `record` command's preload did. */
  readonly preload?: boolean
  /** Absent: messages and states were recorded; `off`: only that their channels and containers are there. */
  readonly level?: 'off'
}

export interface SessionRecord {
  readonly module: string
  readonly channels: readonly string[]
}

/** Criticals: always kept. */
export type ProcessBody =
  | {
      readonly op: 'spawn'
      readonly name: string
      readonly type: ProcessType
      readonly incarnation: number
      readonly thread?: ThreadRecord
      readonly channel?: ChannelRecord
      readonly session?: SessionRecord
      /** Adapter that wraps a container: `redux`, `zustand`, `xstate`, `store`, `tracker`. */
      readonly adapter?: string
      /** Session that it belongs to. */
      readonly within?: SubjectNo
    }
  | { readonly op: 'exit'; readonly code: number | null; readonly signal?: string; readonly reason?: string }
  | {
      readonly op: 'crash'
      /** `uncaughtException`, `unhandledRejection`, `error`, `signal` … */
      readonly reason: string
      readonly error?: ErrorRecord
      /** Last message that the thread received or sent, and the last change of each container, as ordinals. */
      readonly lastMessage?: Ordinal
      readonly lastStates?: readonly { readonly subject: SubjectNo; readonly ordinal: Ordinal }[]
    }
  | { readonly op: 'restart'; readonly reason: string }
  | { readonly op: 'link'; readonly to: SubjectNo }
  | { readonly op: 'register'; readonly name: string }
  /** A child or worker was started from here; `path` is the name it was told to use. */
  | {
      readonly op: 'child'
      readonly path: ThreadPath
      readonly type: 'main' | 'worker'
      readonly command: string
      readonly pid?: number
      /** Which of its parent's stdout (1) and stderr (2) it writes to. */
      readonly inherits?: readonly number[]
      /** Present when it is known not to be recorded: why. */
      readonly unrecorded?: string
    }
  | {
      readonly op: 'childExit'
      readonly path: ThreadPath
      readonly code: number | null
      readonly signal?: string
      readonly error?: ErrorRecord
    }
  /** A session met something that cannot be fed: it is `observed` from here. */
  | { readonly op: 'observed'; readonly call: string; readonly stack?: string }
  /** A program met something of Node's that the boundary does not know: what it answered is on the tape. */
  | { readonly op: 'assumed'; readonly call: string }

export interface MessageBody {
  readonly op: 'send' | 'receive' | 'handled'
  /** Number of the message within its channel, direction and end: `handled` repeats that of its `receive`. */
  readonly n: number
  /** Absent on `handled`. */
  readonly payload?: unknown
  /** Emitter event or message type where the transport names one. */
  readonly event?: string
  readonly handleUs?: number
  readonly error?: ErrorRecord
}

/** One RFC 6902 operation. Values are typed (Map, Date, undefined …), as the encoder keeps them. */
export type PatchOperation =
  | { readonly op: 'add' | 'replace' | 'test'; readonly path: string; readonly value: unknown }
  | { readonly op: 'remove'; readonly path: string }
  | { readonly op: 'move' | 'copy'; readonly path: string; readonly from: string }

export type Patch = readonly PatchOperation[]

export type StateBody =
  | { readonly op: 'init'; readonly state: unknown }
  | { readonly op: 'delta'; readonly patch: Patch; readonly trigger?: unknown }
  /** The whole state, where a delta failed or could not be made. */
  | { readonly op: 'keyframe'; readonly state: unknown; readonly trigger?: unknown }
  | { readonly op: 'final' }

export interface CallBody {
  readonly op: 'enter' | 'return' | 'throw' | 'settle'
  readonly name: string
  readonly args?: readonly unknown[]
  readonly result?: unknown
  readonly error?: ErrorRecord
  readonly durationUs?: number
}

/** Opens a turn of a session: what was delivered into it. A message's payload stands in the `receive` of that channel
 *  with the same `n`, which follows in the same turn. */
export type DeliveryBody =
  | { readonly op: 'mount' }
  | { readonly op: 'message'; readonly channel: SubjectNo; readonly n: number }
  | { readonly op: 'timer'; readonly timer: number }
  /** Opens a turn of a whole program. In the log it is an entry of the thread's tape; who reads it by name gets what the
   *  entry says. */
  | { readonly op: 'native'; readonly entries?: Uint8Array; readonly call?: string; readonly detail?: unknown }

/** Results of the non-deterministic calls of one turn and what it did to its timers, in order: `[call, result]`. A turn
 *  with many has several such events. */
export interface ValuesBody {
  readonly values: readonly (readonly [call: string, result: unknown])[]
  /** What a turn of a whole program consumed and gave, as entries of its tape. */
  readonly entries?: Uint8Array
}

export interface OutputBody {
  readonly op: 'write' | 'exit'
  readonly target?: string
  readonly bytes?: number
  readonly crc?: number
  readonly code?: number
}

export interface MarkBody {
  readonly text: string
  readonly data?: unknown
}

export type GapReason = 'sampled' | 'backpressure' | 'encode-failed' | 'pruned' | 'damaged' | 'disk-full'

export interface GapBody {
  readonly reason: GapReason
  /** Number of events that are missing; null when that is unknown. */
  readonly count: number | null
  readonly detail?: string
}

/** What each kind carries: encoded as the payload of its frame. */
export interface EventBodies {
  readonly process: ProcessBody
  readonly message: MessageBody
  readonly state: StateBody
  readonly call: CallBody
  readonly delivery: DeliveryBody
  readonly values: ValuesBody
  readonly output: OutputBody
  readonly mark: MarkBody
  readonly gap: GapBody
}

/** One entry of the log, as a reader meets it. */
export type Event = { [K in EventKind]: EventHead & { readonly kind: K; readonly body: EventBodies[K] } }[EventKind]

export type EventOf<K extends EventKind> = Extract<Event, { kind: K }>
