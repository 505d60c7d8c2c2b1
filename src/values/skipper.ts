const UNDEFINED = 0x00
const TIMESTAMP = 0xff

/** Bytes of the value behind each token from 0xc0 on whose length the token alone tells; −1: it doesn't. */
const FIXED = [0, -1, 0, 0, -1, -1, -1, -1, -1, -1, 4, 8, 1, 2, 4, 8, 1, 2, 4, 8]

/** Finds where encoded values end without decoding them. What it cannot pass by for certain (references, records that
 *  bring their own structure, extensions of unknown content), and bytes, which come out as a view on what the decoder was
 *  given, it leaves to whoever decodes. */
export class ValueSkipper {
  /** Number of keys of each shared structure. */
  readonly #sizes: readonly number[]

  constructor(structures: readonly (readonly string[])[]) {
    this.#sizes = structures.map((keys) => keys.length)
  }

  /** Skips the value that begins at `start`. @returns where it ends; −1 when only decoding can tell */
  skip(bytes: Uint8Array, start: number, end: number): number {
    let at = start
    for (let left = 1; left > 0; left--) {
      if (at >= end) return -1
      const token = bytes[at++]!
      if (token < 0x40 || token >= 0xe0) continue
      if (token < 0x80) {
        const size = this.#sizes[toStructure(bytes, at - 1)]
        if (size === undefined) return -1
        if (token >= 0x60) at++
        left += size
      } else if (token < 0x90) left += 2 * (token & 15)
      else if (token < 0xa0) left += token & 15
      else if (token < 0xc0) at += token & 31
      else if (token >= 0xdc) {
        const wide = (token & 1) === 1
        if (end - at < 4) return -1
        left += (wide ? readU32(bytes, at) : readU16(bytes, at)) * (token >= 0xde ? 2 : 1)
        at += wide ? 4 : 2
      } else {
        at = skipTail(bytes, at, token)
        if (at < 0) return -1
      }
    }
    return at <= end ? at : -1
  }
}

/** @returns where the value ends whose token stands before `at`; −1 when that is not certain */
function skipTail(bytes: Uint8Array, at: number, token: number): number {
  const fixed = FIXED[token - 0xc0]
  if (fixed !== undefined && fixed >= 0) return at + fixed
  switch (token) {
    case 0xc7:
      return bytes[at + 1] === TIMESTAMP ? at + 2 + bytes[at]! : -1
    case 0xd4:
      return bytes[at] === UNDEFINED ? at + 2 : -1
    case 0xd6:
      return bytes[at] === TIMESTAMP ? at + 5 : -1
    case 0xd7:
      return bytes[at] === TIMESTAMP ? at + 9 : -1
    case 0xd9:
      return at + 1 + bytes[at]!
    case 0xda:
      return at + 2 + readU16(bytes, at)
    case 0xdb:
      return at + 4 + readU32(bytes, at)
    default:
      return -1
  }
}

/** Number of the shared structure whose record begins at `at`: one byte, or two from the 33rd on. */
export function toStructure(bytes: Uint8Array, at: number): number {
  const id = bytes[at]! & 0x3f
  return id < 32 ? id : id + (bytes[at + 1]! << 5)
}

function readU16(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 8) | bytes[at + 1]!
}

function readU32(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0
}
