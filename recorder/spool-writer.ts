import { BlockWriter } from '../src/spool/block.js'
import { DICTIONARY_FRAME, SOURCE_FRAME, toKindCode } from '../src/spool/format.js'
import type { ByteTarget } from '../src/values/target.js'
import type { FrameSink, GapEncoder } from './frame-sink.js'
import type { SpoolFile } from './spool-file.js'

/** An event that comes this long after the last write is written at once: slow programs lose nothing. */
const FLUSH_US = 1000
const FLUSH_BYTES = 64 * 1024

/** A thread that is killed without having returned to its loop loses fewer events than this; without it, what a tight
 *  loop records in FLUSH_US (some 300). 4 % of the cost of an event at full speed. */
const FLUSH_EVENTS = 56

/** Appends frames to one spool file, in blocks. What was flushed survives SIGKILL, OOM and abort. While the file can't be
 *  written, events are dropped and counted; the first block after that is a gap that says how many. */
export class SpoolWriter implements FrameSink {
  readonly #file: SpoolFile
  readonly #encodeGap: GapEncoder
  readonly #block = new BlockWriter()
  #anchorUs = 0
  /** Of the event that came last. */
  #timeUs = 0
  #lastWriteUs = 0
  #waiting = 0
  #through = false
  #dictionary: Uint8Array | undefined
  /** First event that could not be written, and the turns before it; −1 while all is well. */
  #lostFrom = -1
  #lostTurns = 0

  constructor(file: SpoolFile, encodeGap: GapEncoder) {
    this.#file = file
    this.#encodeGap = encodeGap
  }

  begin(kindCode: number, flags: number, subject: number, timeUs: number, cause: number, origin: number): ByteTarget {
    if (this.#block.bytes === 0) this.#anchorUs = timeUs
    this.#timeUs = timeUs
    return this.#block.begin(kindCode, flags, subject, timeUs - this.#anchorUs, cause, origin)
  }

  end(dictionary: Uint8Array | undefined): void {
    if (dictionary) this.#dictionary = dictionary
    this.#block.end(dictionary)
    const waiting = ++this.#waiting
    const idleUs = this.#timeUs - this.#lastWriteUs
    if (idleUs < FLUSH_US && waiting < FLUSH_EVENTS && this.#block.bytes < FLUSH_BYTES && !this.#through) return
    this.#lastWriteUs = this.#timeUs
    this.flush()
  }

  source(frame: Uint8Array, timeUs: number): void {
    if (this.#block.bytes === 0) this.#anchorUs = timeUs
    this.#block.frame(SOURCE_FRAME, 0, 0, 0, -1, -1, frame)
  }

  flush(): void {
    const block = this.#block
    if (block.bytes === 0) return
    const { firstOrdinal, firstTurns } = block
    const bytes = block.seal(this.#anchorUs)
    this.#waiting = 0
    if (this.#lostFrom >= 0) {
      if (!this.#file.mayTry(this.#through)) return
      // In one write: a gap that fits where the events behind it don't would be followed by another.
      if (this.#store(Buffer.concat([this.#makeGap(firstOrdinal), bytes]), true)) this.#lostFrom = -1
    } else if (!this.#store(bytes, this.#through)) {
      this.#lostFrom = firstOrdinal
      this.#lostTurns = firstTurns
    }
    // Should it be killed, that much is known.
    if (this.#lostFrom >= 0) this.#file.keep(this.#makeGap(this.#block.firstOrdinal), false)
  }

  /** What comes last may go where no more than that has room. */
  #store(bytes: Uint8Array, urgent: boolean): boolean {
    return this.#file.append(bytes, urgent) || (this.#through && this.#file.keep(bytes, true))
  }

  writeThrough(): void {
    this.#through = true
    this.flush()
    if (this.#lostFrom >= 0) this.#file.makeRoom()
    if (this.#lostFrom >= 0) this.#writeGap()
  }

  close(): void {
    this.writeThrough()
    this.#file.close()
  }

  /** No event may follow that it could go with. */
  #writeGap(): void {
    if (this.#store(this.#makeGap(this.#block.firstOrdinal), true)) this.#lostFrom = -1
  }

  /** A gap in the place of the first lost event, with the dictionary, since a lost block may have held it. */
  #makeGap(until: number): Uint8Array {
    const block = new BlockWriter(this.#lostFrom, this.#lostTurns)
    if (this.#dictionary) block.frame(DICTIONARY_FRAME, 0, 0, 0, -1, -1, this.#dictionary)
    const count = until - this.#lostFrom
    if (count > 0) block.frame(toKindCode('gap'), 0, 0, 0, -1, -1, this.#encodeGap(count, this.#file.failure))
    return block.seal(this.#anchorUs)
  }
}
