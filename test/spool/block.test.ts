import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { crc32 as zlibCrc32 } from 'node:zlib'
import t from 'tap'
import { findSpoolFaults } from '../../src/log/spool-parts.js'
import { BlockWriter, isSpool, readBlocks } from '../../src/spool/block.js'
import { crc32 } from '../../src/spool/crc.js'
import { BLOCK_HEADER_BYTES, DICTIONARY_FRAME, FRAME_FLAGS, SPOOL_MAGIC } from '../../src/spool/format.js'
import type { ByteTarget } from '../../src/values/target.js'

const ANCHOR = 1_795_377_419_224_652

interface Row {
  readonly kind: number
  readonly flags: number
  readonly subject: number
  readonly deltaUs: number
  readonly cause: number
  readonly origin: number
  readonly payload: string
}

function makeRows(seed: number, count: number): Row[] {
  let state = seed
  const next = (below: number) => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0
    return (state >>> 8) % below
  }
  return Array.from({ length: count }, () => ({
    kind: next(10),
    flags: next(2),
    subject: next(4_000_000_000),
    deltaUs: next(1_000_000),
    cause: next(3) === 0 ? next(4_000_000_000) : -1,
    origin: next(3) === 0 ? next(1000) : -1,
    payload: Buffer.alloc(next(300), next(256)).toString('latin1'),
  }))
}

/** Blocks of `per` rows each, and where each one ends. */
function write(rows: readonly Row[], per: number): { bytes: Buffer; ends: number[] } {
  const writer = new BlockWriter()
  const parts: Buffer[] = []
  const ends: number[] = []
  let length = 0
  for (let at = 0; at < rows.length; at += per) {
    for (const row of rows.slice(at, at + per)) {
      const payload = Buffer.from(row.payload, 'latin1')
      writer.frame(row.kind, row.flags, row.subject, row.deltaUs, row.cause, row.origin, payload)
    }
    const block = Buffer.from(writer.seal(ANCHOR + at))
    parts.push(block)
    ends.push((length += block.length))
  }
  return { bytes: Buffer.concat(parts), ends }
}

function read(bytes: Uint8Array, live = false) {
  const rows: Row[] = []
  const parts: string[] = []
  let at = 0
  for (const part of readBlocks(bytes, 0, live)) {
    if (part.offset !== at) throw new Error(`part begins at ${part.offset}, not ${at}`)
    at = part.end
    parts.push(part.kind)
    if (part.kind !== 'block') continue
    const frames = part.frames()
    while (frames.next()) {
      rows.push({
        kind: frames.kindCode,
        flags: frames.flags & 1,
        subject: frames.subject,
        deltaUs: frames.deltaUs,
        cause: frames.cause,
        origin: frames.origin,
        payload: Buffer.from(frames.payload).toString('latin1'),
      })
    }
  }
  if (at !== bytes.length) throw new Error(`${bytes.length - at} bytes belong to no part`)
  return { rows, parts }
}

t.test('[P1] what a block writer was given comes back, in order, whatever the sizes', async (t) => {
  const rows = [...makeRows(1, 500), { ...makeRows(2, 1)[0]!, payload: 'x'.repeat(9_000_000) }, ...makeRows(3, 50)]
  for (const per of [1, 7, 600]) {
    const { bytes } = write(rows, per)
    t.strictSame(read(bytes).rows, rows)
  }
  const anchors = [...readBlocks(write(rows, 100).bytes)].map((part) => (part.kind === 'block' ? part.anchorUs : part))
  t.strictSame(
    anchors,
    [0, 100, 200, 300, 400, 500].map((at) => ANCHOR + at),
  )
})

t.test('[P2] a spool cut anywhere gives the whole blocks before the cut, and says torn', async (t) => {
  const rows = makeRows(4, 60)
  const { bytes, ends } = write(rows, 5)
  for (let cut = 0; cut < bytes.length; cut += 3) {
    const whole = ends.filter((end) => end <= cut).length
    for (const live of [false, true]) {
      const { rows: got, parts } = read(bytes.subarray(0, cut), live)
      const torn = cut > 0 && !ends.includes(cut)
      if (got.length !== whole * 5 || (parts.at(-1) === 'torn') !== torn || parts.includes('damaged')) {
        t.fail(`cut at ${cut}: ${got.length} rows, ${parts.join(' ')}`)
      }
    }
  }
})

t.test('[P3] a flipped bit costs its own block only, and is said', async (t) => {
  const rows = makeRows(5, 60)
  const { bytes, ends } = write(rows, 5)
  const last = ends.at(-2)!
  for (let bit = 0; bit < bytes.length * 8; bit += 37) {
    const flipped = Buffer.from(bytes)
    flipped[bit >> 3]! ^= 1 << (bit & 7)
    const hit = ends.findIndex((end) => bit >> 3 < end)
    const { rows: got, parts } = read(flipped)
    const said = bit >> 3 < last ? 'damaged' : parts.at(-1)
    if (
      !parts.includes(said!) ||
      said === 'block' ||
      JSON.stringify(got) !== JSON.stringify(rows.filter((_, at) => Math.floor(at / 5) !== hit))
    ) {
      t.fail(`bit ${bit}: ${got.length} rows, ${parts.join(' ')}`)
    }
  }
})

t.test('[P4] frames whose lengths do not add up are damage even under a right checksum', async (t) => {
  const writer = new BlockWriter()
  writer.frame(1, 0, 0, 0, -1, -1, new Uint8Array(8))
  const block = Buffer.from(writer.seal(ANCHOR))
  for (const [size, flags] of [
    [9, 0],
    [7, 0],
    [0xffffffff, 0],
    [8, 2],
  ] as const) {
    const forged = Buffer.from(block)
    forged.writeUInt32LE(size, BLOCK_HEADER_BYTES)
    forged[BLOCK_HEADER_BYTES + 5] = flags
    forged.writeUInt32LE(zlibCrc32(forged.subarray(8)), 4)
    t.strictSame(read(forged).parts, flags ? ['block'] : ['damaged'], `size ${size}, flags ${flags}`)
  }
  const short = Buffer.alloc(BLOCK_HEADER_BYTES + 16 + 3)
  short.writeUInt32LE(19, 0)
  short.writeUInt32LE(3, BLOCK_HEADER_BYTES)
  short[BLOCK_HEADER_BYTES + 5] = 2
  short.writeUInt32LE(zlibCrc32(short.subarray(8)), 4)
  t.strictSame(read(short).parts, ['damaged'], 'a cause that does not fit')
})

t.test('[P6] a block says its first ordinal and the turns before it, dictionaries not counted', async (t) => {
  const writer = new BlockWriter()
  writer.frame(1, FRAME_FLAGS.turn, 0, 0, -1, -1, new Uint8Array(1))
  writer.frame(DICTIONARY_FRAME, 0, 0, 0, -1, -1, new Uint8Array(1))
  writer.frame(2, 0, 1, 0, -1, -1, new Uint8Array(1))
  const first = Buffer.from(writer.seal(ANCHOR))
  writer.frame(2, FRAME_FLAGS.turn, 1, 0, -1, -1, new Uint8Array(1))
  const spool = Buffer.concat([first, writer.seal(ANCHOR)])
  const found = [...readBlocks(spool)].map((part) => (part.kind === 'block' ? [part.firstOrdinal, part.turns] : null))
  t.strictSame(found, [
    [0, 0],
    [2, 1],
  ])
})

t.test(
  '[P7] a block sealed while a frame is open holds those before it; the frame, with its dictionary, comes next',
  async (t) => {
    const payloadOf = (target: ByteTarget, bytes: number, fill: number) => {
      if (target.end + bytes > target.bytes.length) target.makeRoom(target.end, bytes)
      target.bytes.fill(fill, target.end, (target.end += bytes))
    }
    const writer = new BlockWriter()
    const blocks: Buffer[] = []
    const sealWhileOpen = () => {
      const sealed = writer.bytes > 0 ? writer.seal(ANCHOR) : undefined
      t.equal(writer.bytes, 0)
      return sealed
    }
    for (let n = 0; n < 8; n++) {
      payloadOf(writer.begin(1, FRAME_FLAGS.turn, n, 0, 7, -1), 40, n)
      writer.end()
      const target = writer.begin(2, 0, n, 0, -1, 9)
      payloadOf(target, 10, 100 + n)
      const sealed = sealWhileOpen()
      payloadOf(target, n === 5 ? 300_000 : 10, 100 + n)
      if (sealed) blocks.push(Buffer.from(sealed))
      sealWhileOpen()
      // An error leaves the frame: as if it had never been opened.
      if (n % 4 !== 3) writer.end(n % 2 ? Buffer.from(`dictionary ${n}`) : undefined)
    }
    blocks.push(Buffer.from(writer.seal(ANCHOR)))
    const frames: string[] = []
    const ordinals: number[] = []
    for (const part of readBlocks(Buffer.concat(blocks))) {
      if (part.kind !== 'block') return t.fail(part.kind)
      ordinals.push(part.firstOrdinal)
      const cursor = part.frames()
      while (cursor.next()) {
        const { kindCode, subject, cause, origin, payload } = cursor
        const bytes = new Set(payload)
        const said = kindCode === DICTIONARY_FRAME ? Buffer.from(payload).toString() : `${payload.length}×${[...bytes]}`
        frames.push(`${kindCode} ${subject} ${cause} ${origin} ${said}`)
      }
    }
    const expected = Array.from({ length: 8 }, (_, n) => [
      `1 ${n} 7 -1 40×${n}`,
      ...(n % 4 !== 3 && n % 2 ? [`0 0 -1 -1 dictionary ${n}`] : []),
      ...(n % 4 !== 3 ? [`2 ${n} -1 9 ${n === 5 ? 300_010 : 20}×${100 + n}`] : []),
    ]).flat()
    t.strictSame(frames, expected)
    t.strictSame(ordinals, [0, 1, 3, 5, 7, 8, 10, 12, 14])
  },
)

t.test('[P5] the checksum is that of zlib at every length, and a spool is known by its head', async (t) => {
  const bytes = Buffer.from(
    makeRows(6, 60)
      .map((row) => row.payload)
      .join(''),
    'latin1',
  )
  for (let length = 0; length < bytes.length; length += length < 40 ? 1 : 509) {
    if (crc32(bytes, 3, length + 3) !== zlibCrc32(bytes.subarray(3, length + 3))) t.fail(`length ${length}`)
  }
  t.equal(isSpool(Buffer.from(`${SPOOL_MAGIC}x`)), true)
  t.equal(isSpool(Buffer.from(SPOOL_MAGIC.slice(0, 3))), undefined)
  t.equal(isSpool(Buffer.from('SQLite format 3')), false)
})

t.test('[P2] a file is checked in windows, and gives the faults that it has as a whole', async (t) => {
  const writer = new BlockWriter()
  const blocks = [Buffer.from(SPOOL_MAGIC)]
  for (let n = 0; n < 40; n++) {
    writer.frame(1, 0, 0, n, -1, -1, Buffer.alloc((n * 37) % 900, n))
    blocks.push(Buffer.from(writer.seal(ANCHOR + n)))
  }
  const whole = Buffer.concat(blocks)
  const dir = t.testdir()
  for (const [name, at, length] of [
    ['right', 0, whole.length],
    ['flipped', 3000, whole.length],
    ['early', 12, whole.length],
    ['late', whole.length - 10, whole.length],
    ['torn', 0, whole.length - 5],
    ['both', 9000, whole.length - 100],
  ] as const) {
    const bytes = Buffer.from(whole.subarray(0, length))
    if (at > 0) bytes.writeUInt8(bytes.readUInt8(at) ^ 0x10, at)
    writeFileSync(join(dir, name), bytes)
    const expected = [...readBlocks(bytes, SPOOL_MAGIC.length)]
      .filter(({ kind }) => kind !== 'block')
      .map(({ kind, offset, end }) => ({ kind, offset, end }))
    for (const window of [1, 100, 1000, 5000, 1 << 20]) {
      t.strictSame([...findSpoolFaults(join(dir, name), window)], expected, `${name} by ${window} bytes`)
    }
  }
})
