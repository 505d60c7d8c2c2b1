import { mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { setup } from '../../recorder/index.js'
import { packRecording } from '../../replayer/packing.js'
import { openLog } from '../../src/log/open.js'
import { unpackTo } from '../../src/log/pack.js'

import { openPackedStore } from '../../src/log/packed-store.js'
import { verifyRecording } from '../../src/log/verify.js'

t.test('a recording answers the same while it runs, when it ended, packed and unpacked', async (t) => {
  const dir = t.testdir()
  const path = join(dir, 'run.retro')
  const scope = await setup({ out: path })
  const cart = scope.container('cart', { items: [] as number[], total: 0 })
  for (let i = 0; i < 500; i++) {
    cart.items.push(i)
    cart.total += i
  }
  scope.mark('half')
  const running = join(dir, 'running.retro')
  await new Promise((resolve) => setImmediate(resolve))
  await packRecording(path, running)
  t.equal((await toAnswers(running)).state, JSON.stringify({ items: cart.items, total: cart.total }))
  await scope.stop()

  mkdirSync(join(path, 'sources'), { mode: 0o700 })
  writeFileSync(join(path, 'sources', 'app.mjs'), 'export default 1\n')
  symlinkSync('/etc/passwd', join(path, 'sources', 'other'))
  const packed = join(dir, 'packed.retro')
  const unpacked = join(dir, 'unpacked.retro')
  await packRecording(path, packed)
  await unpackTo(packed, unpacked)
  const expected = await toAnswers(path)
  t.ok(expected.events.length > 1000)
  t.same(await toAnswers(packed), expected)
  t.same(await toAnswers(unpacked), expected)
  t.same(await openFiles(packed), ['sources/app.mjs'], 'links are not followed')
  t.same(readdirSync(join(unpacked, 'sources')), ['app.mjs'])
  for (const each of [path, running, packed, unpacked]) t.same((await verifyRecording(each)).damage, [], each)
  await t.rejects(packRecording(packed, join(dir, 'again.retro')), { code: 'USAGE' })
  await t.rejects(packRecording(path, packed), { code: 'EXISTS' })
})

async function openFiles(path: string): Promise<string[]> {
  const packed = await openPackedStore(path)
  await packed.close()
  return packed.files.map(({ name }) => name)
}

async function toAnswers(path: string): Promise<{ events: string[]; state: string }> {
  const log = await openLog(path)
  try {
    const events: string[] = []
    for await (const event of log.events()) events.push(JSON.stringify(event))
    const cart = log.processes().find(({ name }) => name === 'cart')!
    const answer = await log.stateAt(cart, (log.endSeq - 1) as never)
    return { events, state: answer.ok ? JSON.stringify(answer.state) : answer.error }
  } finally {
    await log.close()
  }
}
