import t from 'tap'
import { recordInputs, replayInputs, TIMES } from './rig.js'

t.test(`[B1] a job of the thread pool keeps the bytes that it was given, ${TIMES} times of ${TIMES}`, async (t) => {
  const dir = t.testdir({
    'digest.mjs': `
      const jobs = Array.from({ length: 20 }, (_, n) => {
        const bytes = new Uint8Array(4096).fill(n)
        const job = crypto.subtle.digest('SHA-256', bytes)
        bytes.fill(255)
        return job
      })
      for (const hash of await Promise.all(jobs)) console.log(Buffer.from(hash).toString('hex'))`,
  })
  const recorded = await recordInputs([process.execPath, 'digest.mjs'], { cwd: dir })
  t.equal(new Set(recorded.stdout.trim().split('\n')).size, 20)
  for (let n = 0; n < TIMES; n++) {
    const replayed = await replayInputs(dir)
    t.match(replayed.verdict, { kind: 'exact' })
    t.equal(replayed.stdout, recorded.stdout)
  }
})
