import { isRetroscopeError } from '../errors.js'
import type { ChannelRecord, GapReason, ProcessBody, ProcessType, SessionRecord, ThreadRecord } from '../events.js'

/** Letters of the tables under `01`; each row is JSON, rows are numbered without holes. */
export const TABLE = {
  /** One row: what the log holds as a whole. */
  log: 's',
  thread: 't',
  process: 'p',
  gap: 'g',
  /** Per container: its last entry, which closes the chain of its delta blocks. */
  container: 'c',
  /** Per channel end: how far it has sent, for the pairs that a collector's death cut in two. */
  pairs: 'm',
  /** Events that outlived their segment, by seq: chunks of one. */
  kept: 'k',
} as const

export interface LogRow {
  readonly startedAtUs: number
  /** First seq that this segment holds, and the seq after its last. */
  readonly firstSeq: number
  readonly endSeq: number
  /** First seq of the recording that is held by any segment. */
  readonly heldFrom: number
  readonly threads: number
  readonly processes: number
  readonly gaps: number
  readonly containers: number
  /** Highest time of any event so far, µs since the Unix epoch. */
  readonly maxTimeUs: number
}

export interface ThreadRow {
  /** −1 before its first event. */
  no: number
  readonly path: string
  /** Bytes of its spool that the log holds. */
  offset: number
  /** Ordinal of the next event. */
  ordinal: number
  turns: number
  step: number
  firstSeq: number
  lastSeq: number
  events: number
  ended: 'exit' | 'crash' | 'killed' | null
  /** Versions of its dictionary so far. */
  dictionaries: number
  /** Its spool needs no more reading. */
  done: boolean
}

export interface ProcessRow {
  readonly no: number
  readonly thread: number
  readonly subject: number
  readonly incarnation: number
  name: string
  readonly type: ProcessType
  readonly adapter: string | null
  readonly channel: ChannelRecord | null
  readonly session: SessionRecord | null
  readonly within: number | null
  readonly record: ThreadRecord | null
  readonly spawnedAt: number
  endedAt: number | null
  container: boolean
}

export interface GapRow {
  readonly no: number
  readonly thread: number
  readonly from: number
  readonly to: number
  readonly reason: GapReason
  readonly count: number | null
  readonly detail?: string
}

export interface ContainerRow {
  readonly thread: number
  readonly subject: number
  readonly lastSeq: number
}

type SpawnBody = Extract<ProcessBody, { op: 'spawn' }>

export function toProcessRow(
  no: number,
  at: { thread: number; subject: number; seq: number },
  body: SpawnBody,
): ProcessRow {
  return {
    no,
    thread: at.thread,
    subject: at.subject,
    incarnation: body.incarnation,
    name: body.name,
    type: body.type,
    adapter: body.adapter ?? null,
    channel: body.channel ?? null,
    session: body.session ?? null,
    within: body.within ?? null,
    record: body.thread ?? null,
    spawnedAt: at.seq,
    endedAt: null,
    container: false,
  }
}

export function encodeRow(row: unknown): Uint8Array {
  return Buffer.from(JSON.stringify(row))
}

/** @returns null when the bytes are no JSON object */
export function decodeRow<T>(bytes: Uint8Array | null | undefined): T | null {
  if (!bytes) return null
  try {
    const row: unknown = JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString())
    return typeof row === 'object' && row !== null ? (row as T) : null
  } catch (error) {
    if (isRetroscopeError(error)) throw error
    return null
  }
}
