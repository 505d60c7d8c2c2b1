import type { Difference, Part } from '../../program/difference.js'

const ROW = 16

/** What two runs gave, side by side in hex and text, from a little before the first byte that differs. */
export function toBytesLines({ is, at, recorded, replayed }: Difference): string[] {
  const where = at === null ? '' : `, which differ from byte ${at} on`
  return [
    `  The ${is === 'text' ? 'texts' : 'bytes'} that were given${where}:`,
    ...toRows('recorded', recorded, at),
    ...toRows('replayed', replayed, at),
  ]
}

function toRows(name: string, { from, hex, length, crc }: Part, at: number | null): string[] {
  const size = `${length} long${crc === null ? '' : `, crc ${crc.toString(16).padStart(8, '0')}`}`
  if (hex === null) return [`  ${name}  ${size}; the recording holds no more of it`]
  const bytes = Buffer.from(hex, 'hex')
  const rows: string[] = []
  for (let start = 0; start < bytes.length; start += ROW) {
    const row = bytes.subarray(start, start + ROW)
    const isFirst = at !== null && at >= from + start && at < from + start + ROW
    rows.push(`  ${isFirst ? '>' : ' '} ${toOffset(from + start)}  ${toHex(row)}  ${toText(row)}`)
  }
  return [`  ${name}  ${size}`, ...rows]
}

function toOffset(offset: number): string {
  return offset.toString(16).padStart(8, '0')
}

function toHex(row: Uint8Array): string {
  return Array.from(row, (byte) => byte.toString(16).padStart(2, '0'))
    .join(' ')
    .padEnd(ROW * 3 - 1)
}

/** What a terminal would not show as one sign is a dot. */
function toText(row: Uint8Array): string {
  return Array.from(row, (byte) => (byte >= 32 && byte < 127 ? String.fromCharCode(byte) : '.')).join('')
}
