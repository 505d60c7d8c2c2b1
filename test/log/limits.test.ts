import { spawnSync } from 'node:child_process'
import { statSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { openLevelStore } from '../../src/log/level-store.js'
import { checkLevelFiles } from '../../src/log/leveldb/check.js'
import { openMemoryStore } from '../../src/log/memory-store.js'
import { collect } from './key-value-contract.js'

const MODULES = new URL('../../src/log/', import.meta.url).href
const PACKED_MB = process.env['RETROSCOPE_LONG'] ? 1024 : 128

t.setTimeout(600_000)

t.test('a full disk: every batch that was acknowledged is there again, and no later one hides it', async (t) => {
  const dir = join(t.testdir(), 'db')
  const script = `import { spawnSync } from 'node:child_process'
    const { openLevelStore } = await import(${JSON.stringify(`${MODULES}level-store.js`)})
    const store = await openLevelStore(${JSON.stringify(dir)}, { create: true })
    const said = []
    for (let i = 0; i < 100; i++) {
      const put = [{ key: Uint8Array.of(i), value: new Uint8Array(50_000).fill(i) }]
      await store.write({ put }).then(() => said.push(i), (error) => {
        said.push(error.code)
        // Somebody makes room: what is written from here on would stand behind a torn record.
        if (said.filter((word) => word === error.code).length === 1) {
          spawnSync('prlimit', ['--fsize=unlimited', '--pid', String(process.pid)])
        }
      })
    }
    await store.close().catch(() => {})
    console.log(JSON.stringify(said))`
  // The test runner's own hooks write files too, and die of the limit.
  const limited = `unset NODE_OPTIONS; trap '' XFSZ; ulimit -S -f 2040; exec "$0" --input-type=module -e "$1"`
  const { stdout, stderr } = spawnSync('bash', ['-c', limited, process.execPath, script], { encoding: 'utf8' })
  t.equal(stderr, '')
  const said = JSON.parse(stdout) as (number | string)[]
  const acknowledged = said.filter((word): word is number => typeof word === 'number')
  t.ok(acknowledged.length > 10 && acknowledged.length < 90, `${acknowledged.length} were acknowledged`)
  t.same([...new Set(said.filter((word) => typeof word === 'string'))], ['WRITE_FAILED'])
  t.same(await checkLevelFiles(dir, { deep: true }), [], 'a torn end is no damage')
  const store = await openLevelStore(dir)
  const keys = (await collect(store.range({}))).map(({ key, value }) => (value ? key[0] : null))
  t.same(keys, acknowledged)
  await store.close()
})

t.test(`packing and reading ${PACKED_MB} MB takes no more memory than a few blocks`, async (t) => {
  const target = join(t.testdir(), 'large.retro')
  const script = `import { randomFillSync } from 'node:crypto'
    const { packStores } = await import(${JSON.stringify(`${MODULES}pack.js`)})
    const { openPackedStore } = await import(${JSON.stringify(`${MODULES}packed-store.js`)})
    const count = ${PACKED_MB} * 16
    const noise = randomFillSync(new Uint8Array(65536))
    const toKey = (i) => Uint8Array.of(16, i >> 16, i >> 8, i)
    const toValue = (i) => { const value = noise.slice(); value.set(toKey(i)); return value }
    const source = {
      async *range({ gte, gt, lt, lte }) {
        const isIn = (key) => (!gte || Buffer.compare(key, gte) >= 0) && (!gt || Buffer.compare(key, gt) > 0) &&
          (!lt || Buffer.compare(key, lt) < 0) && (!lte || Buffer.compare(key, lte) <= 0)
        for (let i = 0; i < count; i++) if (isIn(toKey(i))) yield { key: toKey(i), value: toValue(i) }
      },
      async get() {}, async close() {},
    }
    const format = { format: 1, startedAtUs: 0, command: null, node: '', platform: '' }
    await packStores([source], format, ${JSON.stringify(target)})
    const packed = await openPackedStore(${JSON.stringify(target)})
    let right = 0
    for await (const { key, value } of packed.segments[0].range({})) {
      if (Buffer.compare(value.subarray(0, 4), key) === 0) right++
    }
    await packed.close()
    console.log(JSON.stringify({ right, count, rssMB: process.resourceUsage().maxRSS / 1024 }))`
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' })
  t.equal(stderr, '')
  const { right, count, rssMB } = JSON.parse(stdout) as { right: number; count: number; rssMB: number }
  t.equal(right, count)
  t.ok(statSync(target).size > PACKED_MB * 1e6)
  t.ok(rssMB < 170, `${rssMB} MB at most`)
  t.comment(`${rssMB} MB at most`)
})

t.test('100,000 puts in memory, in an order that suits nobody, stay sorted', async (t) => {
  const store = openMemoryStore()
  const count = 100_000
  const value = new Uint8Array(1)
  const startedAt = process.cpuUsage()
  for (let i = 0; i < count; i += 1000) {
    // A step that shares no factor with the count visits every number once, far from its neighbours.
    const put = Array.from({ length: 1000 }, (_, j) => ({ key: toKey(((i + j) * 387_420_489) % count), value }))
    await store.write({ put })
  }
  t.ok(process.cpuUsage(startedAt).user < 5e6, `${process.cpuUsage(startedAt).user / 1e6} s`)
  const first = await collect(store.range({ gte: toKey(4711), limit: 3 }))
  t.same(
    first.map(({ key }) => [...key]),
    [4711, 4712, 4713].map((n) => [...toKey(n)]),
  )
  t.equal((await collect(store.range({}))).length, count)
})

function toKey(number: number): Uint8Array {
  return Uint8Array.of(number >> 24, number >> 16, number >> 8, number)
}
