import t from 'tap'
import { recordInputs, replayInputs } from './rig.js'

t.test('[B1] a replay holds no more than the program: handles that are closed are let go', async (t) => {
  const dir = t.testdir({
    'many.mjs': `
      import net from 'node:net'
      import { once } from 'node:events'
      let left = 5000
      let bytes = 0
      const server = net.createServer((socket) => socket.on('data', (part) => socket.end(part))).listen(0, '127.0.0.1')
      await once(server, 'listening')
      const dial = async () => {
        while (left-- > 0) {
          const client = net.connect(server.address().port, '127.0.0.1')
          client.on('data', (part) => { bytes += part.length }).end('x'.repeat(1000))
          await once(client, 'close')
        }
      }
      await Promise.all(Array.from({ length: 20 }, dial))
      server.close(() => console.log('end', bytes))`,
  })
  // The heap that is enough for the program has to be enough for its replay.
  const recorded = await recordInputs([process.execPath, '--max-old-space-size=20', 'many.mjs'], { cwd: dir })
  t.equal(recorded.code, 0, recorded.stderr)
  const replayed = await replayInputs(dir)
  t.match(replayed.verdict, { kind: 'exact', code: 0 })
  t.equal(replayed.stdout, recorded.stdout)
})
