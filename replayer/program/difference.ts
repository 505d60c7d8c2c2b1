import type { Digest } from '../../src/boundary/node/entry-tags.js'
import { crc32 } from '../../src/spool/crc.js'

/** What a program gave to a native call: bytes or a text, which the recording may hold as length and CRC alone. */
export interface Given {
  readonly is: 'text' | 'bytes'
  readonly length: number
  readonly crc: number | null
  /** Base64 of the bytes, or of the text's UTF-8; absent where they are not known or too many. */
  readonly data?: string
}

/** Some of the bytes, from an offset on. */
export interface Part {
  readonly length: number
  readonly crc: number | null
  readonly from: number
  /** null where they are not known. */
  readonly hex: string | null
}

/** Two runs side by side, around the first byte that differs. */
export interface Difference {
  readonly is: 'text' | 'bytes'
  /** Offset of the first byte that differs (of a text: in UTF-8); null where it is not known. */
  readonly at: number | null
  readonly recorded: Part
  readonly replayed: Part
}

const MOST_BYTES = 4 * 1024 * 1024

/** What is shown, in rows. */
const ROW = 16
const ROWS = 3

/** @returns undefined for what is neither bytes nor a text */
export function toGiven(value: unknown): Given | undefined {
  if (typeof value === 'string') {
    const bytes = Buffer.from(value)
    return { is: 'text', length: value.length, crc: crc32(Buffer.from(value, 'utf16le')), ...toData(bytes) }
  }
  if (ArrayBuffer.isView(value)) {
    const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength)
    return { is: 'bytes', length: bytes.length, crc: crc32(bytes), ...toData(bytes) }
  }
  if (typeof value !== 'object' || value === null || !('digest' in value)) return undefined
  const { digest, length, crc } = value as Digest
  return digest === 'object' ? undefined : { is: digest, length, crc }
}

function toData(bytes: Buffer): Pick<Given, 'data'> {
  return bytes.length > MOST_BYTES ? {} : { data: bytes.toString('base64') }
}

export function toDifference(recorded: Given, replayed: Given): Difference {
  const [before, after] = [recorded, replayed].map(({ data }) =>
    data === undefined ? undefined : Buffer.from(data, 'base64'),
  )
  const at = before && after ? findDifference(before, after) : null
  const from = Math.max(0, Math.floor((at ?? 0) / ROW) * ROW - ROW)
  return { is: replayed.is, at, recorded: toPart(recorded, before, from), replayed: toPart(replayed, after, from) }
}

function findDifference(before: Uint8Array, after: Uint8Array): number {
  let at = 0
  while (at < before.length && at < after.length && before[at] === after[at]) at++
  return at
}

function toPart({ length, crc }: Given, bytes: Buffer | undefined, from: number): Part {
  return { length, crc, from, hex: bytes?.toString('hex', from, from + ROW * ROWS) ?? null }
}
