import { BlockWriter } from '../src/spool/block.js'
import { SOURCE_FRAME } from '../src/spool/format.js'
import type { ByteTarget } from '../src/values/target.js'
import type { FrameSink } from './frame-sink.js'
import { report, toMessage } from './report.js'

/** Events per block: what is handed over at once. */
const BLOCK_EVENTS = 100

/** Collects frames into blocks and hands these on; nothing is written anywhere. */
export class MemorySink implements FrameSink {
  readonly #take: (block: Uint8Array) => void
  readonly #block = new BlockWriter()
  #anchorUs = 0
  #waiting = 0

  /** @param take gets sealed blocks, in order, to keep */
  constructor(take: (block: Uint8Array) => void) {
    this.#take = take
  }

  begin(kindCode: number, flags: number, subject: number, timeUs: number, cause: number, origin: number): ByteTarget {
    if (this.#block.bytes === 0) this.#anchorUs = timeUs
    return this.#block.begin(kindCode, flags, subject, timeUs - this.#anchorUs, cause, origin)
  }

  end(dictionary: Uint8Array | undefined): void {
    this.#block.end(dictionary)
    if (++this.#waiting >= BLOCK_EVENTS) this.flush()
  }

  source(frame: Uint8Array, timeUs: number): void {
    if (this.#block.bytes === 0) this.#anchorUs = timeUs
    this.#block.frame(SOURCE_FRAME, 0, 0, 0, -1, -1, frame)
  }

  flush(): void {
    if (this.#block.bytes === 0) return
    this.#waiting = 0
    try {
      this.#take(Uint8Array.from(this.#block.seal(this.#anchorUs)))
    } catch (error) {
      report('memory', `events are missing in the recording (${toMessage(error)})`)
    }
  }

  writeThrough(): void {
    this.flush()
  }

  close(): void {
    this.flush()
  }
}
