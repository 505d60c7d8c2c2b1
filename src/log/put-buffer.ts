import type { Batch } from './key-value.js'

/** Values are copied into pieces of this size, which are used again: an array for each makes the garbage collector run. */
const PIECE_BYTES = 1024 * 1024
const SPARE_PIECES = 16

/** What waits for the next commit. */
export class PutBuffer {
  #put: { readonly key: Uint8Array; readonly value: Uint8Array }[] = []
  #del: Uint8Array[] = []
  #pieces: Uint8Array[] = []
  #spare: Uint8Array[] = []
  #used = PIECE_BYTES
  /** Bytes of keys and values. */
  bytes = 0

  get size(): number {
    return this.#put.length
  }

  /** The value is copied; the key is the buffer's from here on. */
  readonly put = (key: Uint8Array, value: Uint8Array): void => {
    const place = this.#reserve(value.length)
    place.set(value)
    this.#put.push({ key, value: place })
    this.bytes += key.length + value.length
  }

  del(key: Uint8Array): void {
    this.#del.push(key)
  }

  /** What was put since the last time, until `release` gets it back. */
  take(): BufferedBatch {
    const batch = { put: this.#put, del: this.#del, pieces: this.#pieces }
    this.#put = []
    this.#del = []
    this.#pieces = []
    this.#used = PIECE_BYTES
    this.bytes = 0
    return batch
  }

  /** The batch was written, or copied. */
  release(batch: BufferedBatch): void {
    for (const piece of batch.pieces) if (this.#spare.length < SPARE_PIECES) this.#spare.push(piece)
  }

  #reserve(bytes: number): Uint8Array {
    if (bytes > PIECE_BYTES / 4) return allocate(bytes)
    if (this.#used + bytes > PIECE_BYTES) {
      this.#pieces.push(this.#spare.pop() ?? allocate(PIECE_BYTES))
      this.#used = 0
    }
    const from = this.#used
    this.#used += bytes
    return this.#pieces.at(-1)!.subarray(from, this.#used)
  }
}

export interface BufferedBatch extends Batch {
  readonly pieces: readonly Uint8Array[]
}

/** Not zeroed, and no Buffer, whose `slice` is a view. */
function allocate(bytes: number): Uint8Array {
  return new Uint8Array(Buffer.allocUnsafeSlow(bytes).buffer)
}
