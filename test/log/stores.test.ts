import { join } from 'node:path'
import t from 'tap'
import { openLevelStore } from '../../src/log/level-store.js'
import { openMemoryStore } from '../../src/log/memory-store.js'
import { packStores, unpackTo } from '../../src/log/pack.js'
import { openPackedStore } from '../../src/log/packed-store.js'
import { toSegmentDir } from '../../src/log/segments.js'
import { type Pair, testKeyValue } from './key-value-contract.js'

const FORMAT = {
  format: 1,
  startedAtUs: 1,
  command: ['npm', 'test'],
  node: process.version,
  platform: process.platform,
}

t.test('memory store', (t) =>
  testKeyValue(t, async (pairs) => {
    const store = openMemoryStore()
    await store.write({ put: pairs })
    return store
  }),
)

t.test('LevelDB store', (t) =>
  testKeyValue(t, async (pairs) => {
    const store = await openLevelStore(join(t.testdir(), 'db'), { create: true })
    await store.write({ put: pairs })
    return store
  }),
)

t.test('packed store', (t) =>
  testKeyValue(t, async (pairs) => {
    const path = join(t.testdir(), 'run.retro')
    await pack(path, pairs)
    return (await openPackedStore(path)).segments[0]!
  }),
)

t.test('LevelDB store, unpacked from a packed one', (t) =>
  testKeyValue(t, async (pairs) => {
    const dir = t.testdir()
    await pack(join(dir, 'run.retro'), pairs)
    await unpackTo(join(dir, 'run.retro'), join(dir, 'unpacked'))
    return openLevelStore(toSegmentDir(join(dir, 'unpacked'), 1))
  }),
)

async function pack(path: string, pairs: readonly Pair[]): Promise<void> {
  const store = openMemoryStore()
  await store.write({ put: pairs })
  await packStores([store], FORMAT, path)
}
