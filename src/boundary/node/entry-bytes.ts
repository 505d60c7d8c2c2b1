import { SMALL, TAG } from './entry-tags.js'

/** Bytes to which numbers, texts and blobs are appended, each behind its tag. */
export class EntryBytes {
  bytes: Buffer
  at = 0

  constructor(capacity: number) {
    this.bytes = Buffer.allocUnsafeSlow(capacity)
  }

  tag(tag: number): void {
    if (this.at + 16 > this.bytes.length) this.#grow(16)
    this.bytes[this.at++] = tag
  }

  /** A number 0 … 2⁵³ without a tag. */
  varint(value: number): void {
    if (this.at + 16 > this.bytes.length) this.#grow(16)
    const { bytes } = this
    let at = this.at
    let rest = value
    while (rest > 0x7fffffff) {
      bytes[at++] = (rest % 128) | 128
      rest = Math.floor(rest / 128)
    }
    while (rest > 127) {
      bytes[at++] = (rest & 127) | 128
      rest >>>= 7
    }
    bytes[at++] = rest
    this.at = at
  }

  number(value: number): void {
    if (value >= 0 && value < SMALL && Number.isInteger(value) && !Object.is(value, -0)) {
      this.tag(SMALL + value)
    } else if (Number.isSafeInteger(value) && !Object.is(value, -0)) {
      this.tag(value < 0 ? TAG.negative : TAG.natural)
      this.varint(Math.abs(value))
    } else {
      this.tag(TAG.double)
      this.at = this.bytes.writeDoubleLE(value, this.at)
    }
  }

  text(value: string): void {
    const size = Buffer.byteLength(value)
    this.reserve(size * 2 + 16)
    if (size === value.length) {
      this.tag(TAG.latin1)
      this.varint(size)
      this.at += this.bytes.write(value, this.at, 'latin1')
    } else if (value.isWellFormed()) {
      this.tag(TAG.utf8)
      this.varint(size)
      this.at += this.bytes.write(value, this.at, 'utf8')
    } else {
      this.tag(TAG.utf16)
      this.varint(value.length * 2)
      this.at += this.bytes.write(value, this.at, 'utf16le')
    }
  }

  blob(tag: number, bytes: Uint8Array): void {
    this.reserve(bytes.length + 16)
    this.tag(tag)
    this.varint(bytes.length)
    this.bytes.set(bytes, this.at)
    this.at += bytes.length
  }

  /** Makes room for what is written next. */
  protected reserve(more: number): void {
    if (this.at + more > this.bytes.length) this.#grow(more)
  }

  #grow(more: number): void {
    const larger = Buffer.allocUnsafeSlow(Math.max(this.bytes.length * 2, this.at + more))
    larger.set(this.bytes.subarray(0, this.at))
    this.bytes = larger
  }
}
