const KEEP_BYTES = 4 * 1024 * 1024

/** Where encoded bytes go: a buffer that is replaced by a larger one when it is too small. */
export interface ByteTarget {
  readonly bytes: Uint8Array
  /** Of the same bytes. */
  readonly view: DataView
  /** Where the next value goes. */
  end: number
  /** Replaces the buffer by one that has `more` bytes behind the first `used`, which it keeps. */
  makeRoom(used: number, more: number): void
}

/** A buffer that is used again and again. */
export class Scratch implements ByteTarget {
  readonly #firstBytes: number
  bytes: Uint8Array
  view: DataView
  end = 0

  constructor(firstBytes: number) {
    this.#firstBytes = firstBytes
    this.bytes = allocate(firstBytes)
    this.view = new DataView(this.bytes.buffer)
  }

  /** Begins at the start again, after an unusually large value with a small buffer. */
  reset(): void {
    this.end = 0
    if (this.bytes.length > KEEP_BYTES) this.#use(allocate(this.#firstBytes))
  }

  makeRoom(used: number, more: number): void {
    const larger = allocate(Math.max(this.bytes.length * 2, used + more))
    larger.set(this.bytes.subarray(0, used))
    this.#use(larger)
  }

  #use(bytes: Uint8Array): void {
    this.bytes = bytes
    this.view = new DataView(bytes.buffer)
  }
}

/** Not zeroed, and no Buffer: `slice` of a Buffer is a view, and callers that keep bytes have to get a copy. */
function allocate(bytes: number): Uint8Array {
  return new Uint8Array(Buffer.allocUnsafeSlow(bytes).buffer)
}
