import { readVarint } from './varint.js'

/** No index block comes near it: a larger claim is damage, and would cost memory. */
const MAX_BYTES = 64 << 20

/** Unpacks a snappy block (format_description.txt of google/snappy); null when it is none. */
export function unsnap(packed: Uint8Array): Uint8Array | null {
  const head = readVarint(packed, 0)
  if (!head || head.value > MAX_BYTES) return null
  const out = new Uint8Array(head.value)
  let at = head.next
  let filled = 0
  while (at < packed.length) {
    const element = readElement(packed, at)
    if (!element || filled + element.length > out.length) return null
    if (element.offset === 0) {
      if (element.next + element.length > packed.length) return null
      out.set(packed.subarray(element.next, element.next + element.length), filled)
      at = element.next + element.length
    } else {
      if (element.offset > filled) return null
      // Byte by byte: a copy may overlap what it writes.
      for (let i = filled; i < filled + element.length; i++) out[i] = out[i - element.offset]!
      at = element.next
    }
    filled += element.length
  }
  return filled === out.length ? out : null
}

interface Element {
  readonly length: number
  /** 0 for a literal. */
  readonly offset: number
  readonly next: number
}

function readElement(packed: Uint8Array, at: number): Element | null {
  const tag = packed[at]!
  const kind = tag & 3
  if (kind === 0) {
    const extra = Math.max((tag >> 2) - 59, 0)
    if (at + extra >= packed.length) return null
    const length = extra === 0 ? (tag >> 2) + 1 : readLittle(packed, at + 1, extra) + 1
    return { length, offset: 0, next: at + 1 + extra }
  }
  const bytes = kind === 1 ? 1 : kind === 2 ? 2 : 4
  if (at + bytes >= packed.length) return null
  const low = readLittle(packed, at + 1, bytes)
  const offset = kind === 1 ? ((tag >> 5) << 8) | low : low
  if (offset === 0) return null
  return { length: kind === 1 ? ((tag >> 2) & 7) + 4 : (tag >> 2) + 1, offset, next: at + 1 + bytes }
}

function readLittle(bytes: Uint8Array, at: number, count: number): number {
  let value = 0
  for (let i = count - 1; i >= 0; i--) value = value * 256 + bytes[at + i]!
  return value
}
