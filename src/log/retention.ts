import type { KeptEvent } from './kept-events.js'
import type { WritableKeyValue } from './key-value.js'
import type { LogWriter } from './writer.js'

/** What a log may hold; whatever is older goes, a segment at a time. */
export interface RetentionLimits {
  /** A hard bound; events that are always kept stand aside. */
  readonly maxEvents?: number
  /** Bytes before compression. */
  readonly maxBytes?: number
  readonly maxAgeUs?: number
}

/** Where segments are made and dropped. */
export interface SegmentPlace {
  /** At once in memory, by promise on disk, where the segment before stays open until `written` is settled. */
  create(written: Promise<void>): WritableKeyValue | Promise<WritableKeyValue>
  /** Drops the oldest segment, once `written` is fulfilled where that takes time. */
  drop(written: Promise<void>): Promise<void> | undefined
}

/** A segment that a log had when it was opened. */
export interface HeldSegment {
  readonly firstSeq: number
  /** Time of its first event, µs since the Unix epoch. */
  readonly startUs: number
  readonly bytes: number
  /** Events that must outlive it. */
  readonly critical: KeptEvent[]
}

/** A log within limits is split into this many segments: what it holds varies by one of them. */
const SEGMENTS = 8

/** Splits a log into segments and drops the oldest while it exceeds its limits. Process events and gaps of what is
 *  dropped are carried over into the segment that is being written. */
export class Retention {
  readonly #writer: LogWriter
  readonly #place: SegmentPlace
  readonly #limits: RetentionLimits
  readonly #held: HeldSegment[]

  /** @param held segments of the log, oldest first; the last is the one being written */
  constructor(writer: LogWriter, place: SegmentPlace, limits: RetentionLimits, held: readonly HeldSegment[] = []) {
    this.#writer = writer
    this.#place = place
    this.#limits = limits
    this.#held = held.length > 0 ? [...held] : [{ firstSeq: writer.firstSeq, startUs: 0, bytes: 0, critical: [] }]
    writer.onCritical = (event) => this.#held.at(-1)!.critical.push(event)
  }

  /** Events that may be appended before `settle` is called again. */
  get room(): number {
    const { maxEvents } = this.#limits
    if (maxEvents === undefined) return Number.POSITIVE_INFINITY
    return Math.max(1, toShare(maxEvents) - this.#events)
  }

  /** Begins another segment when this one has its share, and drops what exceeds the limits.
   *  @returns a promise where the place needs time */
  settle(): Promise<void> | undefined {
    if (!this.#isFull()) return undefined
    this.#writer.closeChunk()
    const written = this.#writer.commit()
    const store = this.#place.create(written)
    return store instanceof Promise ? store.then((made) => this.#roll(made)) : this.#roll(store)
  }

  get #events(): number {
    return this.#writer.endSeq - this.#writer.firstSeq
  }

  #isFull(): boolean {
    const { maxEvents, maxBytes, maxAgeUs } = this.#limits
    if (this.#events === 0) return false
    const { startUs } = this.#held.at(-1)!
    return (
      (maxEvents !== undefined && this.#events >= toShare(maxEvents)) ||
      (maxBytes !== undefined && this.#writer.segmentBytes >= toShare(maxBytes)) ||
      (maxAgeUs !== undefined && startUs > 0 && this.#writer.maxTimeUs - startUs >= toShare(maxAgeUs))
    )
  }

  #roll(store: WritableKeyValue): Promise<void> | undefined {
    const { endSeq, maxTimeUs } = this.#writer
    const full = this.#held.pop()!
    this.#held.push({ ...full, bytes: this.#writer.segmentBytes })
    this.#writer.startSegment(store)
    this.#held.push({ firstSeq: endSeq, startUs: maxTimeUs, bytes: 0, critical: [] })
    const gone: HeldSegment[] = []
    while (this.#held.length > 1 && this.#exceeds()) gone.push(this.#held.shift()!)
    const kept = gone.flatMap(({ critical }) => critical)
    this.#held.at(-1)!.critical.push(...kept)
    this.#writer.keep(kept, this.#held[0]!.firstSeq)
    const written = this.#writer.commit()
    let dropped: Promise<void> | undefined
    for (const _ of gone) dropped = this.#place.drop(dropped ?? written)
    return dropped
  }

  /** Whether what is held, and the share that comes next, is more than allowed. */
  #exceeds(): boolean {
    const { maxEvents, maxBytes, maxAgeUs } = this.#limits
    const bytes = this.#held.reduce((sum, segment) => sum + segment.bytes, 0)
    return (
      (maxEvents !== undefined && this.#writer.endSeq - this.#held[0]!.firstSeq + toShare(maxEvents) > maxEvents) ||
      (maxBytes !== undefined && bytes + toShare(maxBytes) > maxBytes) ||
      (maxAgeUs !== undefined && this.#writer.maxTimeUs - this.#held[1]!.startUs > maxAgeUs)
    )
  }
}

function toShare(limit: number): number {
  return Math.max(1, Math.floor(limit / SEGMENTS))
}
