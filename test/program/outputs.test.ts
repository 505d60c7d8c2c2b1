import t from 'tap'
import { recordInputs, replayInputs } from './rig.js'

/** Writes in the thread pool, and waits for each before anything else is written. */
const IN_TURN = `
  const fs = require('node:fs')
  const buffer = Buffer.from('written later\\n')
  let n = 0
  const next = () => fs.write(1, buffer, 0, buffer.length, null, (error, size) => {
    console.log(error, size, Date.now())
    if (++n < 3) next()
  })
  next()`

t.test('[B1] what is written in the thread pool comes out when it was written', async (t) => {
  const dir = t.testdir({ 'main.cjs': IN_TURN })
  const recorded = await recordInputs([process.execPath, 'main.cjs'], { cwd: dir })
  t.notMatch(recorded.own.join('\n'), /overlap/)
  const replayed = await replayInputs(dir)
  t.match(replayed.verdict, { kind: 'exact' })
  t.equal(replayed.stdout, recorded.stdout)
})

t.test('[B5] where writes overlap, their order is not known, and that is said', async (t) => {
  const dir = t.testdir({
    'main.cjs': `
      const fs = require('node:fs')
      fs.write(1, 'in the thread pool\\n', () => {})
      console.log('at once')`,
  })
  const recorded = await recordInputs([process.execPath, 'main.cjs'], { cwd: dir })
  t.match(recorded.own.join('\n'), /writes to stdout and stderr that overlap, whose order/)
  const replayed = await replayInputs(dir)
  t.match(replayed.verdict, { kind: 'exact' })
  const sort = (text: string) => text.split('\n').sort()
  t.same(sort(replayed.stdout), sort(recorded.stdout))
})
