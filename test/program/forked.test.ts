import t from 'tap'
import { recordInputs, replayInputs } from './rig.js'

t.test('[B18] a child with a channel is fed what Node keeps of modules that it loads before any preload', async (t) => {
  const dir = t.testdir({
    'parent.cjs': "require('node:child_process').fork('./child.cjs')",
    'child.cjs': `
      const v8 = require('node:v8')
      const { getHeapSpaceStatistics } = require('v8')
      console.log(v8.getHeapStatistics().used_heap_size, v8.getHeapCodeStatistics(), Math.random())
      console.log(getHeapSpaceStatistics().map((space) => space.space_used_size))
      process.disconnect()`,
  })
  const recorded = await recordInputs([process.execPath, 'parent.cjs'], { cwd: dir })
  t.equal(recorded.code, 0, recorded.stderr)
  const { verdict, stdout } = await replayInputs(dir, ['--thread', '0.1'])
  t.match(verdict, { kind: 'exact' })
  t.equal(stdout, recorded.stdout)
})
