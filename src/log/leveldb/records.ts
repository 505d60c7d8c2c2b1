import { crc32c, maskCrc } from './crc32c.js'

/** LevelDB's log_format: blocks of 32 KB of records `u32 masked CRC-32C of type and data | u16 length | u8 type`. */
const BLOCK_BYTES = 32768
const HEAD_BYTES = 7

const FULL = 1
const FIRST = 2
const LAST = 4

export interface RecordDamage {
  readonly offset: number
  readonly bytes: number
  readonly what: string
}

export interface RecordScan {
  /** Whole records, in order; pieces are joined only when they were asked for. */
  readonly records: readonly Uint8Array[]
  readonly damage: readonly RecordDamage[]
  /** The file ends inside a record: a writer died there, or it was cut off. */
  readonly torn: boolean
}

/** Checks a write-ahead log or a MANIFEST. What a block holds after a damaged record is lost with it, as for LevelDB. */
export function scanRecords(file: Uint8Array, options: { readonly keep: boolean }): RecordScan {
  const records: Uint8Array[] = []
  const damage: RecordDamage[] = []
  let parts: Uint8Array[] = []
  let at = 0
  while (at < file.length) {
    const blockEnd = Math.min((Math.floor(at / BLOCK_BYTES) + 1) * BLOCK_BYTES, file.length)
    const isLastBlock = blockEnd === file.length
    if (blockEnd - at < HEAD_BYTES) {
      if (isLastBlock && blockEnd % BLOCK_BYTES !== 0) return { records, damage, torn: true }
      at = blockEnd
      continue
    }
    const { length, type, isRight, isInside } = readRecord(file, at, blockEnd)
    if (!isInside && isLastBlock && blockEnd % BLOCK_BYTES !== 0) return { records, damage, torn: true }
    if (!isRight) {
      damage.push({ offset: at, bytes: blockEnd - at, what: 'a record fails its checksum' })
      parts = []
      at = blockEnd
      continue
    }
    const data = file.subarray(at + HEAD_BYTES, at + HEAD_BYTES + length)
    if (type === FULL || type === FIRST) parts = []
    if (options.keep) parts.push(data)
    if (options.keep && (type === FULL || type === LAST)) records.push(Buffer.concat(parts))
    at += HEAD_BYTES + length
  }
  return { records, damage, torn: false }
}

interface RecordHead {
  readonly length: number
  readonly type: number
  readonly isRight: boolean
  readonly isInside: boolean
}

function readRecord(file: Uint8Array, at: number, blockEnd: number): RecordHead {
  const head = new DataView(file.buffer, file.byteOffset + at, HEAD_BYTES)
  const length = head.getUint16(4, true)
  const type = head.getUint8(6)
  const isInside = at + HEAD_BYTES + length <= blockEnd
  const isRight =
    isInside &&
    type >= FULL &&
    type <= LAST &&
    maskCrc(crc32c(file.subarray(at + 6, at + HEAD_BYTES + length))) === head.getUint32(0, true)
  return { length, type, isRight, isInside }
}
