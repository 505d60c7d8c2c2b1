import { once } from 'node:events'
import t from 'tap'
import WebSocket from 'ws'
import { DebuggerClient, inspect } from './debugger-client.js'
import { recordInputs } from './rig.js'

t.test('[B21] a debugger that says what is no command is left, and the replay stands', async (t) => {
  const dir = t.testdir({ 'main.cjs': 'console.log(Date.now())' })
  const recorded = await recordInputs([process.execPath, 'main.cjs'], { cwd: dir })
  const held = await inspect(dir, [])
  const left = async (message: string, fin: boolean): Promise<number> => {
    const socket = new WebSocket(held.address)
    await once(socket, 'open')
    socket.send(message, { fin })
    return (await once(socket, 'close'))[0]
  }
  t.equal(await left('not json', true), 1007)
  t.equal(await left('null', true), 1007)
  t.equal(await left('{"id":1,"method":"Runtime.', false), 1003)
  const client = await DebuggerClient.connect(held.address)
  t.equal(client.place((await client.attach())[0]!), 'main.cjs:1')
  await client.post('Debugger.resume')
  const { stdout, verdict } = await held.ended
  t.match(verdict(), { kind: 'exact', code: 0 })
  t.equal(stdout, recorded.stdout)
})
