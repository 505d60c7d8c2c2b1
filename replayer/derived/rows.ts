import { RetroscopeError } from '../../src/errors.js'
import { crc32 } from '../../src/spool/crc.js'

/** Where one derived event stands: the recorded event of its thread that it comes after, its turn, its process. */
export interface Row {
  readonly seq: number
  readonly turn: number
  readonly subject: number
  /** Frame code of its kind. */
  readonly kind: number
}

/** `u32 seq | u32 turn | u32 subject | u32 kind`, little-endian. */
export const ROW_BYTES = 16

export function encodeRow(into: Buffer, at: number, { seq, turn, subject, kind }: Row): void {
  into.writeUInt32LE(seq, at)
  into.writeUInt32LE(turn, at + 4)
  into.writeUInt32LE(subject, at + 8)
  into.writeUInt32LE(kind, at + 12)
}

/** The file `rows`: `u32 count | u32 crc32 of the rows`, then the rows. */
const HEAD_BYTES = 8

export function encodeRows(rows: Uint8Array): Buffer {
  const head = Buffer.alloc(HEAD_BYTES)
  head.writeUInt32LE(rows.length / ROW_BYTES, 0)
  head.writeUInt32LE(crc32(rows, 0, rows.length), 4)
  return Buffer.concat([head, rows])
}

/** Rows in the order of their events, column by column. */
export interface Rows {
  readonly count: number
  readonly seqs: Uint32Array
  readonly turns: Uint32Array
  readonly subjects: Uint32Array
  readonly kinds: Uint32Array
}

/** @throws DAMAGED when they are not what was written */
export function decodeRows(file: Buffer): Rows {
  const count = file.length < HEAD_BYTES ? -1 : file.readUInt32LE(0)
  const whole = file.length === HEAD_BYTES + count * ROW_BYTES
  if (!whole || file.readUInt32LE(4) !== crc32(file, HEAD_BYTES, file.length)) {
    throw new RetroscopeError('DAMAGED', 'The places of derived events cannot be read.', {
      hint: 'Derive them again: retroscope replay --trace',
    })
  }
  const [seqs, turns, subjects, kinds] = [0, 4, 8, 12].map((offset) => {
    const column = new Uint32Array(count)
    for (let n = 0; n < count; n++) column[n] = file.readUInt32LE(HEAD_BYTES + n * ROW_BYTES + offset)
    return column
  })
  return { count, seqs: seqs!, turns: turns!, subjects: subjects!, kinds: kinds! }
}
