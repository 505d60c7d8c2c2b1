import { type FileHandle, open } from 'node:fs/promises'
import { crc32c, maskCrc } from './crc32c.js'
import { unsnap } from './snappy.js'
import { readVarint } from './varint.js'

/** LevelDB's table_format: blocks, each followed by `u8 compression | u32 masked CRC-32C of both`; the footer names the
 *  index block, whose entries name the data blocks. */
const FOOTER_BYTES = 48
const TRAILER_BYTES = 5
const MAGIC = 0xdb4775248b80fb57n

const SNAPPY = 1

export interface TableDamage {
  readonly offset: number
  readonly bytes: number
  readonly what: string
}

interface Handle {
  readonly offset: number
  readonly bytes: number
}

/** Checks a table's blocks by LevelDB's own checksums: all of them, or those of at most `maxBlockBytes`, which are the
 *  ones that hold many keys. Reads only what it checks. */
export async function checkTable(path: string, maxBlockBytes = Number.POSITIVE_INFINITY): Promise<TableDamage[]> {
  const file = await open(path, 'r')
  try {
    const { size } = await file.stat()
    const footer = size < FOOTER_BYTES ? null : readFooter(await readAt(file, size - FOOTER_BYTES, FOOTER_BYTES), size)
    if (!footer) return [{ offset: Math.max(size - FOOTER_BYTES, 0), bytes: FOOTER_BYTES, what: 'its footer is none' }]
    const damage: TableDamage[] = []
    const handles: Handle[] = []
    for (const [block, what] of [
      [footer.meta, 'its list of filters fails its checksum'],
      [footer.index, 'its index fails its checksum'],
    ] as const) {
      const found = toHandles(await readChecked(file, block), size)
      if (found) handles.push(...found)
      else damage.push({ ...block, what })
    }
    for (const block of handles) {
      if (block.bytes > maxBlockBytes || (await readChecked(file, block))) continue
      damage.push({ ...block, what: 'a block fails its checksum' })
    }
    return damage
  } finally {
    await file.close()
  }
}

function readFooter(footer: Buffer, size: number): { meta: Handle; index: Handle } | null {
  if (footer.readBigUInt64LE(FOOTER_BYTES - 8) !== MAGIC) return null
  const meta = readHandle(footer, 0, size)
  const index = meta && readHandle(footer, meta.next, size)
  return meta && index ? { meta: meta.handle, index: index.handle } : null
}

function readHandle(bytes: Uint8Array, at: number, size: number): { handle: Handle; next: number } | null {
  const offset = readVarint(bytes, at)
  const length = offset && readVarint(bytes, offset.next)
  if (!length || offset.value + length.value + TRAILER_BYTES > size) return null
  return { handle: { offset: offset.value, bytes: length.value }, next: length.next }
}

async function readAt(file: FileHandle, offset: number, bytes: number): Promise<Buffer> {
  const found = Buffer.alloc(bytes)
  const { bytesRead } = await file.read(found, 0, bytes, offset)
  return found.subarray(0, bytesRead)
}

/** Contents of a block, unpacked when asked of `toHandles`; null when it fails its checksum. */
async function readChecked(file: FileHandle, { offset, bytes }: Handle): Promise<Buffer | null> {
  const block = await readAt(file, offset, bytes + TRAILER_BYTES)
  if (block.length < bytes + TRAILER_BYTES) return null
  return maskCrc(crc32c(block.subarray(0, bytes + 1))) === block.readUInt32LE(bytes + 1) ? block : null
}

/** Values of an index block, which are handles: `varint shared | varint unshared | varint value length | key | value` up
 *  to the restart array, whose length stands last. */
function toHandles(block: Buffer | null, size: number): Handle[] | null {
  if (!block) return null
  const type = block[block.length - TRAILER_BYTES]
  const stored = block.subarray(0, block.length - TRAILER_BYTES)
  const contents = type === SNAPPY ? unsnap(stored) : stored
  if (!contents || contents.length < 4) return null
  const restarts = new DataView(contents.buffer, contents.byteOffset + contents.length - 4, 4).getUint32(0, true)
  const end = contents.length - 4 * (restarts + 1)
  const handles: Handle[] = []
  for (let at = 0; at < end; ) {
    const shared = readVarint(contents, at)
    const unshared = shared && readVarint(contents, shared.next)
    const length = unshared && readVarint(contents, unshared.next)
    const found = length && readHandle(contents, length.next + unshared.value, size)
    if (!found) return null
    handles.push(found.handle)
    at = length.next + unshared.value + length.value
  }
  return handles
}
