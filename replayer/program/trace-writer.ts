import { BlockWriter } from '../../src/spool/block.js'
import { SPOOL_MAGIC } from '../../src/spool/format.js'
import type { Redactor } from '../../src/values/codec.js'
import { createEncoder } from '../../src/values/encoder.js'
import { encodeRow, ROW_BYTES } from '../derived/rows.js'
import type { CauseCode } from './origins.js'

const FLUSH_BYTES = 64 * 1024

/** Where a derived event stands in the recording. */
export interface Place {
  readonly seq: number
  readonly turn: number
  /** µs since the Unix epoch. */
  readonly timeUs: number
}

export interface TraceTargets {
  /** Both append. */
  events(bytes: Uint8Array): void
  rows(bytes: Uint8Array): void
}

/** Writes the events that a re-execution derives as a spool of their own, and beside it where each stands. */
export class TraceWriter {
  readonly #files: TraceTargets
  readonly #encoder
  readonly #block = new BlockWriter()
  readonly #rows = Buffer.alloc(ROW_BYTES * 4096)
  #rowsEnd = 0
  #anchorUs = 0
  #count = 0

  constructor(files: TraceTargets, redact?: Redactor) {
    this.#files = files
    this.#encoder = createEncoder(redact && { redact })
    files.events(Buffer.from(SPOOL_MAGIC, 'latin1'))
  }

  /** @returns its number: 0, 1, 2, … */
  write(place: Place, frame: TraceFrame, body: unknown): number {
    const block = this.#block
    const { kind, flags, subject, cause, origin } = frame
    if (block.bytes === 0) this.#anchorUs = place.timeUs
    const target = block.begin(kind, flags, subject, place.timeUs - this.#anchorUs, cause, origin)
    this.#encoder.encodeInto(body, target)
    block.end(this.#encoder.takeDictionary())
    encodeRow(this.#rows, this.#rowsEnd, { seq: place.seq, turn: place.turn, subject, kind })
    this.#rowsEnd += ROW_BYTES
    if (block.bytes >= FLUSH_BYTES || this.#rowsEnd === this.#rows.length) this.flush()
    return this.#count++
  }

  flush(): void {
    if (this.#block.bytes === 0) return
    this.#files.events(this.#block.seal(this.#anchorUs))
    this.#files.rows(this.#rows.subarray(0, this.#rowsEnd))
    this.#rowsEnd = 0
  }
}

export interface TraceFrame {
  readonly kind: number
  readonly flags: number
  readonly subject: number
  readonly cause: CauseCode
  readonly origin: CauseCode
}
