import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { isRetroscopeError } from '../../src/errors.js'
import { createFormat } from '../../src/log/format-file.js'
import type { KeyValue } from '../../src/log/key-value.js'
import { openLevelStore } from '../../src/log/level-store.js'
import { packStores } from '../../src/log/pack.js'
import { openPackedStore } from '../../src/log/packed-store.js'
import { createSegment, toSegmentDir } from '../../src/log/segments.js'
import { takeSnapshot } from '../../src/log/snapshot.js'
import { verifyRecording } from '../../src/log/verify.js'
import { isSame, toHex, toRandom } from './key-value-contract.js'

t.setTimeout(600_000)

const FORMAT = { format: 1, startedAtUs: 1, command: null, node: process.version, platform: process.platform }
const TRUNCATIONS = process.env['RETROSCOPE_LONG'] ? 200 : 40
const KILLS = process.env['RETROSCOPE_LONG'] ? 40 : 4
const LEVEL_STORE = new URL('../../src/log/level-store.js', import.meta.url).href
const FLIPS = process.env['RETROSCOPE_LONG'] ? 500 : 60

type Oracle = ReadonlyMap<string, Uint8Array>

/** Keys whose order of writing is known, since a log that is cut off lacks its last batches. */
interface Sample {
  readonly dir: string
  readonly recording: string
  readonly oracle: Oracle
}

t.test('a damaged LevelDB directory: right values, or the damage named, and never changed by reading', async (t) => {
  const sample = await makeSample(t.testdir())
  const random = toRandom(11)
  const seen = { refused: 0, damaged: 0, cut: 0, whole: 0 }
  for (let i = 0; i < TRUNCATIONS + FLIPS; i++) {
    const copy = join(sample.dir, 'copy.retro')
    cpSync(sample.recording, copy, { recursive: true })
    const done = damageOneOf(toSegmentDir(copy, 1), random, i < TRUNCATIONS ? 'truncate' : 'flip')
    const before = toDigest(copy)
    seen[await checkDirectory(t, copy, { oracle: sample.oracle, done })]++
    if (toDigest(copy) !== before) t.fail(`${done}: reading changed the recording`)
    rmSync(copy, { recursive: true })
  }
  t.comment(`LevelDB: ${JSON.stringify(seen)}`)
  t.ok(seen.damaged > 0, 'damage was met')
})

t.test('a damaged packed recording: a clear error, or right values with the damage named', async (t) => {
  const sample = await makeSample(t.testdir())
  const packed = join(sample.dir, 'packed.retro')
  const store = await openLevelStore(toSegmentDir(sample.recording, 1))
  await packStores([store], FORMAT, packed, {
    files: [{ name: 'sources/a.js', content: [Buffer.from('a'.repeat(200_000))] }],
  })
  await store.close()
  t.same((await verifyRecording(packed)).damage, [])
  const whole = readFileSync(packed)
  const random = toRandom(12)
  const seen = { refused: 0, damaged: 0, cut: 0, whole: 0 }
  for (let i = 0; i < TRUNCATIONS + FLIPS; i++) {
    const copy = join(sample.dir, 'copy.retro')
    const bytes = Buffer.from(whole)
    const at = Math.floor(random() * bytes.length)
    if (i < TRUNCATIONS) writeFileSync(copy, bytes.subarray(0, at))
    else {
      flip(bytes, at, random)
      writeFileSync(copy, bytes)
    }
    seen[await checkPacked(t, copy, { oracle: sample.oracle, done: `${i < TRUNCATIONS ? 'cut' : 'flip'} at ${at}` })]++
  }
  t.comment(`packed: ${JSON.stringify(seen)}`)
  t.equal(seen.whole + seen.cut, 0, 'no damage goes unnoticed')
  t.ok(seen.damaged > 0 && seen.refused > 0)
})

t.test('what a killed writer leaves is whole: every acknowledged batch, and no damage reported', async (t) => {
  const random = toRandom(21)
  for (let i = 0; i < KILLS; i++) {
    const recording = join(t.testdir(), 'killed.retro')
    createFormat(recording, FORMAT)
    const until = 20 + Math.floor(random() * 400)
    const acknowledged = await writeUntilKilled(toSegmentDir(recording, createSegment(recording)), until)
    t.ok(acknowledged >= until, `killed after ${acknowledged} batches`)
    t.same((await verifyRecording(recording)).damage, [])
    const snapshot = await takeSnapshot(recording)
    const { store, damage } = await snapshot.openSegment(1)
    t.same(damage, [])
    for (let batch = 0; batch < acknowledged; batch++) {
      if (!(await store.get(toKey(0x11, batch)))) t.fail(`batch ${batch} of ${acknowledged} is gone`)
    }
    await snapshot.close()
  }
})

t.test('an undamaged recording verifies, and the report says how much was read', async (t) => {
  const sample = await makeSample(t.testdir())
  const report = await verifyRecording(sample.recording)
  t.same(report.damage, [])
  t.equal(report.values, sample.oracle.size)
  t.ok(report.bytes > 1_000_000)
})

t.test('the beginning of a table that a writer was about to make of others is no damage', async (t) => {
  const { recording } = await makeSample(t.testdir())
  const dir = toSegmentDir(recording, 1)
  const table = readdirSync(dir).find((name) => name.endsWith('.ldb'))!
  writeFileSync(join(dir, '900000.ldb'), readFileSync(join(dir, table)).subarray(0, 5_000))
  t.same((await verifyRecording(recording)).damage, [])
  rmSync(join(dir, table))
  const { damage } = await verifyRecording(recording)
  t.match(damage, [{ file: /\.ldb$/, what: 'it is missing' }, { file: /900000\.ldb$/ }], 'it may be what is missing')
})

interface Case {
  readonly oracle: Oracle
  readonly done: string
}

type Outcome = 'refused' | 'damaged' | 'cut' | 'whole'

async function checkDirectory(t: Test, path: string, { oracle, done }: Case): Promise<Outcome> {
  const named = await toDamage(path)
  if (named === null) return 'refused'
  const snapshot = await takeSnapshot(path)
  try {
    const { store, damage } = await snapshot.openSegment(1)
    const found = await readAll(t, store, { oracle, done })
    const missing = [...oracle.keys()].filter((key) => found.missing.has(key))
    const outcome = named > 0 ? 'damaged' : missing.length > 0 ? 'cut' : 'whole'
    if (found.damaged > 0 && named === 0) t.fail(`${done}: damaged values, and verify names none`)
    // What a killed writer leaves looks the same as a log that was cut: the last batches are missing, and no others.
    const isTail = missing.every((key, i) => key === [...oracle.keys()][oracle.size - missing.length + i])
    if (outcome === 'cut' && !isTail) t.fail(`${done}: ${missing.length} keys are missing without a word`)
    if (missing.length > 0 && !isTail && damage.length === 0 && !found.threw) {
      t.fail(`${done}: opening says nothing of ${missing.length} missing keys`)
    }
    return outcome
  } catch (error) {
    if (!isClear(error)) t.fail(`${done}: ${String(error)}`)
    return 'refused'
  } finally {
    await snapshot.close()
  }
}

async function checkPacked(t: Test, path: string, { oracle, done }: Case): Promise<Outcome> {
  try {
    const packed = await openPackedStore(path)
    try {
      const found = await readAll(t, packed.segments[0]!, { oracle, done })
      const named = await toDamage(path)
      if (found.missing.size > 0 && !found.threw) t.fail(`${done}: keys are missing`)
      if (found.damaged > 0 && !named) t.fail(`${done}: damaged values, and verify names none`)
      return named === null ? 'refused' : named > 0 ? 'damaged' : 'whole'
    } finally {
      await packed.close()
    }
  } catch (error) {
    if (!isClear(error)) t.fail(`${done}: ${String(error)}`)
    return 'refused'
  }
}

/** Number of damages that verify names; null when it refuses the whole with a clear error. */
async function toDamage(path: string): Promise<number | null> {
  try {
    return (await verifyRecording(path)).damage.length
  } catch (error) {
    if (!isClear(error)) throw error
    return null
  }
}

async function readAll(
  t: Test,
  store: KeyValue,
  { oracle, done }: Case,
): Promise<{ missing: Set<string>; damaged: number; threw: boolean }> {
  const missing = new Set(oracle.keys())
  let damaged = 0
  let threw = false
  try {
    for await (const { key, value } of store.range({})) {
      const hex = toHex(key)
      missing.delete(hex)
      const right = oracle.get(hex)
      if (value === null) damaged++
      else if (!right || !isSame(value, right)) t.fail(`${done}: a wrong value for ${hex}`)
    }
  } catch (error) {
    if (!isClear(error)) t.fail(`${done}: ${String(error)}`)
    threw = true
  }
  for (const [hex, right] of oracle) {
    try {
      const value = await store.get(Buffer.from(hex, 'hex'))
      if (value === null) damaged++
      if (value && !isSame(value, right)) t.fail(`${done}: a wrong value for ${hex}`)
      if (value === undefined && !missing.has(hex)) t.fail(`${done}: ${hex} is in a scan and not there`)
    } catch (error) {
      if (!isClear(error)) t.fail(`${done}: ${String(error)}`)
      threw = true
    }
  }
  return { missing, damaged, threw }
}

function isClear(error: unknown): boolean {
  if (!isRetroscopeError(error)) return false
  return ['DAMAGED', 'FORMAT_TOO_NEW', 'NOT_A_RECORDING'].includes(error.code) && error.hint !== undefined
}

/** Chunks, headers and times as a collector writes them: most in tables, the last batches in the write-ahead log. */
async function makeSample(dir: string): Promise<Sample> {
  mkdirSync(dir, { recursive: true })
  const recording = join(dir, 'sample.retro')
  createFormat(recording, FORMAT)
  const segment = toSegmentDir(recording, createSegment(recording))
  const random = toRandom(5)
  const oracle = new Map<string, Uint8Array>()
  for (const count of [20, 20, 12]) {
    const store = await openLevelStore(segment, { create: true })
    for (let i = 0; i < count; i++) {
      const seq = oracle.size
      const put = [
        { key: toKey(0x10, seq), value: makeValue(random, 40_000) },
        { key: toKey(0x11, seq), value: makeValue(random, 120) },
        { key: toKey(0x12, seq * 1000), value: new Uint8Array(0) },
      ]
      await store.write({ put })
      for (const { key, value } of put) oracle.set(toHex(key), value)
    }
    await store.close()
  }
  return { dir, recording, oracle }
}

/** @returns how many batches the writer had reported when it was dead; its last report may be of one more than asked */
async function writeUntilKilled(dir: string, until: number): Promise<number> {
  const script = `import { randomFillSync } from 'node:crypto'
    import { writeSync } from 'node:fs'
    const { openLevelStore } = await import(${JSON.stringify(LEVEL_STORE)})
    const store = await openLevelStore(${JSON.stringify(dir)}, { create: true })
    const key = (prefix, number) => Uint8Array.of(prefix, 0, 0, 0, 0, 0, 0, number >> 8, number)
    for (let i = 0; ; i++) {
      const put = [{ key: key(0x10, i % 50), value: randomFillSync(new Uint8Array(60_000)) }]
      await store.write({ put: [...put, { key: key(0x11, i), value: key(1, i) }] })
      writeSync(1, '.')
    }`
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] })
  let acknowledged = 0
  child.stdout.on('data', (dots: Buffer) => {
    acknowledged += dots.length
    if (acknowledged >= until) child.kill('SIGKILL')
  })
  await once(child, 'close')
  return acknowledged
}

function toKey(prefix: number, number: number): Uint8Array {
  const key = Buffer.alloc(9)
  key[0] = prefix
  key.writeUInt32BE(number, 5)
  return key
}

function makeValue(random: () => number, bytes: number): Uint8Array {
  return new Uint8Array(bytes).map((_, i) => (i % 3 ? Math.floor(random() * 256) : i))
}

/** Picks a file (each as likely, so that the small ones that hold everything together have their share) and a place. */
function damageOneOf(dir: string, random: () => number, how: 'truncate' | 'flip'): string {
  const names = readdirSync(dir).filter(
    (name) => name !== 'LOCK' && !name.startsWith('LOG') && statSync(join(dir, name)).size > 0,
  )
  const name = names[Math.floor(random() * names.length)]!
  const path = join(dir, name)
  const at = Math.floor(random() * statSync(path).size)
  if (how === 'truncate') truncateSync(path, at)
  else {
    const bytes = readFileSync(path)
    flip(bytes, at, random)
    writeFileSync(path, bytes)
  }
  return `${how} ${name} at ${at}`
}

function flip(bytes: Buffer, at: number, random: () => number): void {
  bytes[at]! ^= 1 << Math.floor(random() * 8)
}

function toDigest(dir: string): string {
  const hash = createHash('sha256')
  for (const name of readdirSync(dir, { recursive: true, encoding: 'utf8' }).sort()) {
    hash.update(`${name}\n`)
    if (statSync(join(dir, name)).isFile()) hash.update(readFileSync(join(dir, name)))
  }
  return hash.digest('hex')
}
