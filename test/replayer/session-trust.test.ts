import { cpSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { replay } from '../../replayer/replay.js'
import { recordSession, TestEnd } from '../helpers/record-session.js'

t.test('[B11] a copy of a session’s recording runs no module that it names itself, unless it is trusted', async (t) => {
  const dir = t.testdir({})
  const module = join(dir, 'work.mjs')
  writeFileSync(module, "export default (world) => world.channel('end').send(Math.random())")
  const { path } = await recordSession(dir, module, { end: new TestEnd() }, async () => undefined)
  const copy = join(dir, 'copy.retro')
  cpSync(path, copy, { recursive: true, preserveTimestamps: true })
  t.match((await replay(path, { inProcess: true })).verdict, { kind: 'exact' })
  await t.rejects(replay(copy, { inProcess: true }), {
    code: 'UNTRUSTED',
    message: /work\.mjs/,
    hint: /--module.*--trust/,
  })
  for (const asked of [{ module }, { trust: true }]) {
    t.match((await replay(copy, { inProcess: true, ...asked })).verdict, { kind: 'exact' })
  }
  for (const name of ['format', 'origin']) {
    rmSync(join(copy, name))
    symlinkSync(join(path, name), join(copy, name))
  }
  await t.rejects(
    replay(copy, { inProcess: true }),
    { code: 'UNTRUSTED' },
    'with links to the seal of another recording',
  )
})
