import { join } from 'node:path'
import t from 'tap'
import { CLI, run } from '../helpers/command.js'

/** Recordings that earlier versions made, kept for ever. Compiled tests stand in dist/test/corpus. */
const KEPT = join(import.meta.dirname, '../../../test/corpus')

t.test('[B24] what another boundary recorded is not run again, and still answers', async (t) => {
  const path = join(KEPT, 'boundary-1.retro')
  const replayed = await run([process.execPath, CLI, 'replay', path], { cwd: t.testdir() })
  t.equal(replayed.code, 1)
  t.equal(replayed.stdout, '')
  t.match(replayed.stderr, 'It was recorded by an older version of this package (boundary 1; this one replays ')
  t.match(replayed.stderr, 'retroscope info')

  const info = await run([process.execPath, CLI, 'info', path, '--json'], { cwd: KEPT })
  t.equal(info.code, 0)
  t.match(JSON.parse(info.stdout), { events: 7 })
})
