import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { lockCollector, readCollectorNote } from '../../src/log/collector-lock.js'
import { createFormat } from '../../src/log/format-file.js'
import type { KeyValue } from '../../src/log/key-value.js'
import { openLevelStore } from '../../src/log/level-store.js'
import { createSegment, dropSegment, listSegments, toSegmentDir } from '../../src/log/segments.js'
import { takeSnapshot } from '../../src/log/snapshot.js'
import { makeTemporaryDir } from '../../src/log/temporary-dir.js'
import { collect, toHex, toRandom } from './key-value-contract.js'

const FORMAT = { format: 1, startedAtUs: 1, command: null, node: process.version, platform: process.platform }
const MODULES = new URL('../../src/log/', import.meta.url).href

t.test('a snapshot taken while the writer compacts is a prefix, with all that stood', async (t) => {
  const recording = makeRecording(t.testdir())
  const store = await openLevelStore(toSegmentDir(recording, 1), { create: true })
  const random = toRandom(3)
  let written = 0
  let done = false
  const writing = (async () => {
    for (let batch = 0; batch < 400; batch++) {
      // The same few keys over and over make work for compactions; the batch's own key tells which batches are there.
      const noise = Array.from({ length: 4 }, () => ({
        key: Uint8Array.of(0x20, Math.floor(random() * 64)),
        value: new Uint8Array(48_000).map(() => Math.floor(random() * 256)),
      }))
      await store.write({ put: [{ key: toBatchKey(batch), value: toBatchKey(batch) }, ...noise] })
      written = batch + 1
    }
    done = true
  })()
  let snapshots = 0
  while (!done) {
    const before = written
    const snapshot = await takeSnapshot(recording)
    const { store: copy, damage } = await snapshot.openSegment(1)
    const batches = await collect(copy.range({ gte: toBatchKey(0), lt: Uint8Array.of(0x11) }))
    if (batches.length < before) t.fail(`${batches.length} batches in the snapshot, ${before} were written before it`)
    batches.forEach(({ key, value }, i) => {
      if (value === null || toHex(key) !== toHex(toBatchKey(i))) t.fail(`batch ${i} is missing or damaged`)
    })
    t.same(damage, [])
    await snapshot.close()
    t.notOk(existsSync(snapshot.dir), 'nothing is left of it')
    snapshots++
  }
  await writing
  await store.close()
  t.ok(snapshots >= 3, `${snapshots} snapshots were taken meanwhile`)
})

t.test('a snapshot on another device is complete, and leaves nothing behind', async (t) => {
  const parent = t.testdir({ tmp: {} })
  const recording = makeRecording(parent)
  await fill(toSegmentDir(recording, 1))
  mkdirSync(join(recording, 'spool'), { mode: 0o700 })
  writeFileSync(join(recording, 'spool', '0.1'), 'spooled')
  const dirs = [join(parent, 'tmp')]
  if (existsSync('/dev/shm')) dirs.push('/dev/shm')
  for (const tempDir of dirs) {
    const snapshot = await takeSnapshot(recording, { tempDir })
    t.equal(statSync(snapshot.dir).mode & 0o777, 0o700)
    t.equal(readFileSync(join(snapshot.dir, 'spool', '0.1'), 'utf8'), 'spooled')
    t.equal(await count((await snapshot.openSegment(1)).store), 1000)
    await snapshot.close()
  }
  t.notOk(existsSync(join(recording, 'derived')))
})

t.test(
  'another user who may read a recording and not write it reads a copy',
  {
    skip: process.getuid?.() === 0 ? false : 'only root can act as another user',
  },
  async (t) => {
    const recording = makeRecording(mkdtempSync(join(tmpdir(), 'retroscope-test-')))
    t.teardown(() => rmSync(join(recording, '..'), { recursive: true }))
    await fill(toSegmentDir(recording, 1))
    for (const [name] of toModes(join(recording, '..'))) chmodSync(name, statSync(name).isDirectory() ? 0o755 : 0o644)
    const before = toListing(recording)
    const script = `process.setgroups([]); process.setgid(65534); process.setuid(65534)
    const { takeSnapshot } = await import(${JSON.stringify(`${MODULES}snapshot.js`)})
    const snapshot = await takeSnapshot(${JSON.stringify(recording)})
    const { store } = await snapshot.openSegment(1)
    let count = 0
    for await (const { value } of store.range({})) if (value) count++
    await snapshot.close()
    console.log(count)`
    t.equal(run(script), '1000\n')
    t.same(toListing(recording), before)
  },
)

t.test('reading leaves the recording as it was, byte for byte', async (t) => {
  const recording = makeRecording(t.testdir())
  await fill(toSegmentDir(recording, 1))
  const before = toListing(recording)
  const snapshot = await takeSnapshot(recording)
  await count((await snapshot.openSegment(1)).store)
  await snapshot.close()
  t.same(toListing(recording), before)
})

t.test('a snapshot goes with its process, and one that a kill left goes after a day', async (t) => {
  const parent = t.testdir({ gone: {} })
  const script = `const { makeTemporaryDir } = await import(${JSON.stringify(`${MODULES}temporary-dir.js`)})
    makeTemporaryDir(${JSON.stringify(parent)}); if (process.argv[1] === 'kill') process.kill(process.pid, 'SIGKILL')`
  run(script)
  t.same(readdirSync(parent), ['gone'])
  run(script, 'kill')
  const [left] = readdirSync(parent).filter((name) => name !== 'gone')
  t.ok(left, 'a killed process leaves its directory')
  makeTemporaryDir(parent).close()
  t.ok(existsSync(join(parent, left!)), 'which stays for a day')
  utimesSync(join(parent, left!), 1, 1)
  makeTemporaryDir(parent).close()
  t.same(readdirSync(parent), ['gone'])
})

t.test('two collectors on one recording: the second is refused, naming the first', async (t) => {
  const recording = makeRecording(t.testdir())
  const lock = await lockCollector(recording)
  const named = new RegExp(`Process ${process.pid} has been collecting .* since 2\\d{3}-`)
  await t.rejects(lockCollector(recording), { code: 'LOCKED', message: named }, 'in the same process')
  const script = `const { lockCollector } = await import(${JSON.stringify(`${MODULES}collector-lock.js`)})
    await lockCollector(${JSON.stringify(recording)}).then(() => console.log('got it'), (error) => console.log(error.message))`
  t.match(run(script), named, 'in another process, also after the first refusal')
  await lock.release(812)
  t.match(readCollectorNote(recording), { pid: process.pid, ended: { endSeq: 812 } })
  t.equal(run(script), 'got it\n', 'a free recording is anybody’s')
  writeFileSync(join(recording, 'collector'), '{"pid":1,"startedAtUs":5}\n')
  const again = await lockCollector(recording)
  await again.release()
  t.equal(readCollectorNote(recording)?.ended, undefined)
})

t.test('a note that cannot be written neither keeps a collector out nor the recording locked', async (t) => {
  const recording = makeRecording(t.testdir())
  mkdirSync(join(recording, 'collector', 'in-the-way'), { recursive: true })
  for (let n = 0; n < 2; n++) await (await lockCollector(recording)).release(5)
  t.same(
    readdirSync(recording).filter((name) => name.startsWith('collector.')),
    [],
  )
})

t.test('segments ascend from 1, and a dropped one goes without a trace', async (t) => {
  const recording = makeRecording(t.testdir())
  t.same(listSegments(recording), [1])
  t.equal(createSegment(recording), 2)
  t.equal(createSegment(recording), 3)
  await fill(toSegmentDir(recording, 1))
  dropSegment(recording, 1)
  t.same(listSegments(recording), [2, 3])
  t.same(readdirSync(join(recording, 'log')).sort(), ['000002', '000003'])
})

t.test('every file is 0600 and every directory 0700, whatever the umask', async (t) => {
  const before = process.umask(0)
  t.teardown(() => process.umask(before))
  const recording = makeRecording(t.testdir())
  const lock = await lockCollector(recording)
  const store = await openLevelStore(toSegmentDir(recording, 1), { create: true })
  for (let i = 0; i < 40; i++)
    await store.write({ put: [{ key: Uint8Array.of(i), value: new Uint8Array(1 << 20).fill(i) }] })
  await store.close()
  await lock.release(0)
  for (const [name, mode] of toModes(recording)) {
    t.equal(mode, statSync(name).isDirectory() ? 0o700 : 0o600, name.slice(recording.length))
  }
})

function makeRecording(dir: string): string {
  const recording = join(dir, 'run.retro')
  createFormat(recording, FORMAT)
  createSegment(recording)
  return recording
}

async function fill(dir: string): Promise<void> {
  const store = await openLevelStore(dir, { create: true })
  const put = Array.from({ length: 1000 }, (_, i) => ({ key: toBatchKey(i), value: new Uint8Array(100).fill(i) }))
  await store.write({ put })
  await store.close()
}

async function count(store: KeyValue): Promise<number> {
  return (await collect(store.range({}))).length
}

function toBatchKey(batch: number): Uint8Array {
  return Uint8Array.of(0x10, 0, 0, batch >> 8, batch & 255)
}

function toListing(dir: string): [string, number, string][] {
  const names = readdirSync(dir, { recursive: true, encoding: 'utf8' }).sort()
  return names.map((name) => {
    const found = statSync(join(dir, name))
    return [name, found.mode, found.isFile() ? readFileSync(join(dir, name), 'hex') : '']
  })
}

function toModes(dir: string): [string, number][] {
  const names = ['', ...readdirSync(dir, { recursive: true, encoding: 'utf8' })]
  return names.map((name) => [join(dir, name), statSync(join(dir, name)).mode & 0o777])
}

function run(script: string, ...args: string[]): string {
  return spawnSync(process.execPath, ['--input-type=module', '-e', script, ...args], { encoding: 'utf8' }).stdout
}
