const TWO_32 = 4294967296

/** Little-endian bytes that grow as they are written; the inside of every value in the log. */
export class ByteBuffer {
  #bytes: Uint8Array
  #end = 0

  constructor(capacity = 256) {
    this.#bytes = new Uint8Array(capacity)
  }

  get length(): number {
    return this.#end
  }

  clear(): void {
    this.#end = 0
  }

  u8(value: number): void {
    this.#reserve(1)
    this.#bytes[this.#end++] = value
  }

  u32(value: number): void {
    this.#reserve(4)
    writeU32(this.#bytes, this.#end, value)
    this.#end += 4
  }

  u64(value: number): void {
    this.#reserve(8)
    writeU32(this.#bytes, this.#end, value)
    writeU32(this.#bytes, this.#end + 4, Math.floor(value / TWO_32))
    this.#end += 8
  }

  append(source: Uint8Array, start = 0, end = source.length): void {
    const size = end - start
    this.#reserve(size)
    if (size > 48) this.#bytes.set(source.subarray(start, end), this.#end)
    else for (let from = start, to = this.#end; from < end; ) this.#bytes[to++] = source[from++]!
    this.#end += size
  }

  /** Overwrites four bytes that were written before. */
  patchU32(at: number, value: number): void {
    writeU32(this.#bytes, at, value)
  }

  patchU8(at: number, value: number): void {
    this.#bytes[at] = value
  }

  /** Forgets what was written behind the first `length` bytes. */
  truncate(length: number): void {
    this.#end = Math.min(this.#end, length)
  }

  /** What was written, until more is. */
  view(): Uint8Array {
    return this.#bytes.subarray(0, this.#end)
  }

  /** What was written; the buffer begins anew. */
  take(): Uint8Array {
    const taken = this.#bytes.subarray(0, this.#end)
    this.#bytes = new Uint8Array(0)
    this.#end = 0
    return taken
  }

  /** A copy of what was written. */
  toBytes(): Uint8Array {
    return this.#bytes.slice(0, this.#end)
  }

  #reserve(more: number): void {
    if (this.#end + more <= this.#bytes.length) return
    const larger = new Uint8Array(Math.max(this.#bytes.length * 2, this.#end + more))
    larger.set(this.#bytes.subarray(0, this.#end))
    this.#bytes = larger
  }
}

export function writeU32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value
  bytes[at + 1] = value >>> 8
  bytes[at + 2] = value >>> 16
  bytes[at + 3] = value >>> 24
}

/** Reads 0 for bytes behind the end: what is read is checked by whoever uses it. */
export function readU32(bytes: Uint8Array, at: number): number {
  return (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0
}

export function readU64(bytes: Uint8Array, at: number): number {
  return readU32(bytes, at) + readU32(bytes, at + 4) * TWO_32
}

/** The same bytes as a Buffer, which decodes in place. */
export function toBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
