import type { EntryReader } from '../../src/boundary/node/entries.js'
import { type Digest, type Opaque, TAG } from '../../src/boundary/node/entry-tags.js'
import { HEAD_CODE } from '../../src/boundary/node/head.js'
import { crc32 } from '../../src/spool/crc.js'

const LONGEST = 120

/** One entry in words, such as `fs.writeBuffer 3, 118 bytes crc 9f1c22ab`. Leaves the reader behind its arguments. */
export function toEntryText(reader: EntryReader, at: number, isDelivery: boolean, calls: readonly string[]): string {
  reader.at = at
  const code = reader.varint()
  const name = calls[code - HEAD_CODE - 1] ?? `call ${code}`
  const values: unknown[] = []
  while (![TAG.result, TAG.nest, TAG.unnest, TAG.end].includes(reader.tag as 0)) values.push(reader.value())
  return `${isDelivery ? 'delivery of ' : ''}${name} ${values.map(toValueText).join(', ')}`.trim()
}

export function toValueText(value: unknown): string {
  if (typeof value === 'string') return cut(JSON.stringify(value))
  if (ArrayBuffer.isView(value)) {
    const bytes = new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
    return toBytesText(bytes.length, crc32(bytes))
  }
  if (typeof value === 'function') return 'a function'
  if (typeof value !== 'object' || value === null) return cut(String(value))
  if ('digest' in value) {
    const { digest, length, crc } = value as Digest
    if (digest === 'bytes') return toBytesText(length, crc)
    const size = digest === 'text' ? `a text of ${length} characters` : `an object of ${length} bytes`
    return `${size}, crc ${toHex(crc)}`
  }
  if ('opaque' in value) return `a ${(value as Opaque).opaque}`
  try {
    return cut(JSON.stringify(value) ?? 'an object')
  } catch {
    return 'an object'
  }
}

function toBytesText(length: number, crc: number): string {
  return `${length} bytes crc ${toHex(crc)}`
}

function toHex(crc: number): string {
  return crc.toString(16).padStart(8, '0')
}

function cut(text: string): string {
  return text.length > LONGEST ? `${text.slice(0, LONGEST - 1)}…` : text
}
