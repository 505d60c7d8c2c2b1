import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { CLI } from '../helpers/command.js'
import { recordInputs } from './rig.js'

/** Says on stdout that it runs, and runs for a while. */
const TEXT = `const { writeSync } = require('node:fs')
writeSync(1, 'ready')
let sum = 0
for (let i = 0; i < 1e9; i++) sum += i & 7
writeSync(1, String(sum))`

t.test('[B21] what interrupts a replay leaves nothing of the recording behind', async (t) => {
  const dir = t.testdir({ 'long.cjs': TEXT })
  await recordInputs([process.execPath, 'long.cjs'], { cwd: dir })
  // What all of them print comes when they have ended.
  const asked = [
    { more: [], says: 'stdout' },
    { more: ['--trace'], says: 'stdout' },
    { more: ['--all'], says: 'stderr' },
  ] as const
  for (const [index, { more, says }] of asked.entries()) {
    const temporary = join(dir, `tmp-${index}`)
    mkdirSync(temporary)
    const words = ['-u', 'NODE_OPTIONS', `TMPDIR=${temporary}`, process.execPath, CLI, 'replay', 'program.retro']
    const child = spawn('env', [...words, ...more], { cwd: dir, stdio: ['ignore', 'pipe', 'pipe'] })
    child.stdout.resume()
    child.stderr.resume()
    await once(child[says], 'data')
    t.not(readdirSync(temporary).length, 0)
    child.kill('SIGINT')
    t.same(await once(child, 'close'), [null, 'SIGINT'])
    t.same(readdirSync(temporary), [], `nothing of ${more[0] ?? 'one thread'}`)
  }
})
