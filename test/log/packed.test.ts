import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { readFormat } from '../../src/log/format-file.js'
import { openLevelStore } from '../../src/log/level-store.js'
import { openMemoryStore } from '../../src/log/memory-store.js'
import { packStores, unpackTo } from '../../src/log/pack.js'
import { isSafeName } from '../../src/log/packed-index.js'
import { openPackedStore } from '../../src/log/packed-store.js'
import { toSegmentDir } from '../../src/log/segments.js'
import { collect } from './key-value-contract.js'

const FORMAT = {
  format: 1,
  startedAtUs: 5,
  command: ['npm', 'test'],
  node: process.version,
  platform: process.platform,
}

t.test('pack and unpack keep format, segments, files and what was lost', async (t) => {
  const dir = t.testdir()
  const path = join(dir, 'run.retro')
  const [first, second] = [openMemoryStore(), openMemoryStore()]
  await first.write({
    put: [{ key: Uint8Array.of(1), value: new Uint8Array(300_000).fill(7) }],
    lost: [Uint8Array.of(2)],
  })
  await second.write({ put: [{ key: Uint8Array.of(3), value: Uint8Array.of(9) }] })
  const source = Buffer.from('export default 1\n'.repeat(10_000))
  await packStores([first, second], FORMAT, path, {
    files: [
      { name: 'sources/app.mjs', content: [source.subarray(0, 3), source.subarray(3)] },
      { name: 'sources/empty', content: [] },
    ],
  })
  t.equal(statSync(path).mode & 0o777, 0o600)
  t.same(readdirSync(dir), ['run.retro'], 'no other file is left')

  const packed = await openPackedStore(path)
  t.same(packed.format, FORMAT)
  t.same(
    (await collect(packed.segments[0]!.range({}))).map(({ key, value }) => [key[0], value?.length ?? null]),
    [
      [1, 300_000],
      [2, null],
    ],
  )
  t.equal(await packed.segments[0]!.get(Uint8Array.of(2)), null)
  t.same(
    packed.files.map(({ name, bytes }) => [name, bytes]),
    [
      ['sources/app.mjs', source.length],
      ['sources/empty', 0],
    ],
  )
  await t.rejects(collect(packed.readFile('sources/other') as never), { code: 'NOT_FOUND' })
  await packed.close()

  const unpacked = join(dir, 'unpacked.retro')
  await unpackTo(path, unpacked)
  t.same(readFormat(unpacked), FORMAT)
  t.ok(readFileSync(join(unpacked, 'sources', 'app.mjs')).equals(source))
  const store = await openLevelStore(toSegmentDir(unpacked, 1))
  t.equal((await store.get(Uint8Array.of(1)))?.length, 300_000)
  t.equal(await store.get(Uint8Array.of(2)), null, 'a lost value is there, and damaged')
  await store.close()
  for (const name of ['', ...readdirSync(unpacked, { recursive: true, encoding: 'utf8' })]) {
    const found = statSync(join(unpacked, name))
    t.equal(found.mode & 0o777, found.isDirectory() ? 0o700 : 0o600, `mode of ${name}`)
  }
})

t.test('what is there already is never overwritten', async (t) => {
  const dir = t.testdir({ taken: 'precious', full: { file: 'precious' } })
  const store = openMemoryStore()
  await t.rejects(packStores([store], FORMAT, join(dir, 'taken')), { code: 'EXISTS' })
  await packStores([store], FORMAT, join(dir, 'run.retro'))
  await t.rejects(unpackTo(join(dir, 'run.retro'), join(dir, 'taken')), { code: 'EXISTS' })
  await t.rejects(unpackTo(join(dir, 'run.retro'), join(dir, 'full')), { code: 'EXISTS' })
  t.equal(readFileSync(join(dir, 'taken'), 'utf8'), 'precious')
  t.same(readdirSync(dir).sort(), ['full', 'run.retro', 'taken'])
  mkdirSync(join(dir, 'empty'))
  await unpackTo(join(dir, 'run.retro'), join(dir, 'empty'))
  t.ok(readdirSync(join(dir, 'empty')).includes('format'))
})

t.test('a name that would leave the directory is no name', async (t) => {
  for (const name of ['a', 'sources/a.js', '.hidden', 'a..b']) t.ok(isSafeName(name), name)
  for (const name of ['', '/etc/passwd', '../a', 'a/../../b', 'a//b', './a', 'C:\\a', 'a\\..\\b', 'a\0', 7, null]) {
    t.notOk(isSafeName(name), String(name))
  }
})

t.test('a failure while packing leaves nothing behind', async (t) => {
  const dir = t.testdir()
  const broken = {
    async *[Symbol.asyncIterator]() {
      yield new Uint8Array(100_000)
      throw new Error('the source went away')
    },
  }
  await t.rejects(
    packStores([], FORMAT, join(dir, 'run.retro'), { files: [{ name: 'a', content: broken }] }),
    /went away/,
  )
  t.same(readdirSync(dir), [])
})

t.test('each thing that is no recording says what it is, and what to do', async (t) => {
  const dir = t.testdir({ empty: {}, 'text.retro': 'hello', 'none.retro': '', other: { a: '' }, half: { spool: {} } })
  const level = await openLevelStore(join(dir, 'leveldb'), { create: true })
  await level.close()
  writeFileSync(join(dir, 'packed.retro'), 'RETROPAK')
  mkdirSync(join(dir, 'newer'))
  writeFileSync(join(dir, 'newer', 'format'), JSON.stringify({ ...FORMAT, format: 2 }))
  mkdirSync(join(dir, 'torn'))
  writeFileSync(join(dir, 'torn', 'format'), '{"form')
  const cases: [string, string, RegExp][] = [
    ['missing', 'NOT_FOUND', /There is no/],
    ['empty', 'NOT_A_RECORDING', /empty directory/],
    ['text.retro', 'NOT_A_RECORDING', /starts with "hello"/],
    ['none.retro', 'NOT_A_RECORDING', /empty file/],
    ['other', 'NOT_A_RECORDING', /did not make \(it holds a\)/],
    ['half', 'NOT_A_RECORDING', /no format file/],
    ['leveldb', 'NOT_A_RECORDING', /LevelDB database of its own/],
    ['newer', 'FORMAT_TOO_NEW', /has format 2; this version reads up to 1/],
    ['torn', 'DAMAGED', /no JSON object/],
  ]
  for (const [name, code, message] of cases) {
    t.throws(() => readFormat(join(dir, name)), { code, message, hint: /./ }, name)
  }
  await t.rejects(openPackedStore(join(dir, 'packed.retro')), { code: 'DAMAGED', message: /ends after 8 bytes/ })
})
