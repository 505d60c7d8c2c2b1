import type { TapeFile, TapeFrame } from '../../src/boundary/node/tape-file.js'

/** Where the program is in its recording, as far as recorded events say it: turns, what wrappers announced, marks. */
export class Landmarks {
  readonly #file: TapeFile
  /** Frames that were read on the way to a landmark. */
  readonly #frames: TapeFrame[] = []
  readonly #ahead: TapeFrame[] = []
  #met: TapeFrame = { kind: 'values', seq: 0, ordinal: 0, turn: 0, timeUs: 0, bytes: new Uint8Array() }
  #isTold = false

  constructor(file: TapeFile) {
    this.#file = file
  }

  /** The recorded event that the program met last: what it does of its own comes after that. */
  get met(): TapeFrame {
    return this.#met
  }

  meet(frame: TapeFrame): void {
    if (this.#isTold && frame.seq < this.#met.seq) return
    this.#isTold = true
    this.#met = frame
  }

  /** Next frame of the tape itself. */
  next(): TapeFrame | undefined {
    const frame = this.#frames.shift()
    if (frame) return frame
    for (;;) {
      const read = this.#file.next()
      if (!read || isEntries(read)) return read
      this.#ahead.push(read)
    }
  }

  /** The program has come to a landmark: the next of that kind and name of the turn, if there is one. */
  pass(kind: TapeFrame['kind'], name: string): void {
    for (let at = 0; ; at++) {
      while (at >= this.#ahead.length) if (!this.#readOn()) return
      const landmark = this.#ahead[at]!
      if (landmark.kind !== kind || Buffer.from(landmark.bytes).toString() !== name) continue
      this.#ahead.splice(0, at + 1)
      return this.meet(landmark)
    }
  }

  /** Reads one frame more. @returns false where the turn ends */
  #readOn(): boolean {
    if (this.#frames.at(-1)?.kind === 'delivery') return false
    const read = this.#file.next()
    if (!read) return false
    if (isEntries(read)) this.#frames.push({ ...read, bytes: Uint8Array.from(read.bytes) })
    else this.#ahead.push({ ...read, bytes: Uint8Array.from(read.bytes) })
    return true
  }
}

function isEntries({ kind }: TapeFrame): boolean {
  return kind === 'delivery' || kind === 'values'
}
