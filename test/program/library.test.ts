/** Programs that use the library run again as a whole, too. */
import t from 'tap'
import { PACKAGE_PATH } from '../helpers/program.js'
import { recordInputs, replayInputs, TIMES } from './rig.js'

/** Shows what a handler's asynchronous context leaves behind: ids, and properties of a timer. */
const CONTEXTS = `
  import { executionAsyncId, AsyncResource } from 'node:async_hooks'
  import { setTimeout as wait } from 'node:timers/promises'
  import { setup } from ${JSON.stringify(PACKAGE_PATH)}
  const scope = await setup()
  const handlers = []
  const orders = scope.channel('orders', { send() {}, onMessage: (handle) => handlers.push(handle) })
  const show = (...words) => console.log(executionAsyncId(), new AsyncResource('probe').asyncId(), ...words)
  orders.onMessage(async (order) => {
    show('order', order.id)
    await wait(order.id)
    show('waited', order.id)
    const timer = setTimeout(() => show('later', order.id), 1)
    console.log(timer)
    if (order.id === 3) throw new Error('no more of these')
  })
  process.on('unhandledRejection', (error) => show(error.message))
  show('begin')
  for (const id of [1, 2, 3]) handlers[0]({ id })
  await wait(20)
  show('end')
  await scope.stop()
  show('stopped')`

t.test('[B10] handlers run in the asynchronous contexts in which they were recorded', async (t) => {
  const dir = t.testdir({ 'main.mjs': CONTEXTS })
  const recorded = await recordInputs([process.execPath, 'main.mjs'], { cwd: dir })
  t.match(recorded.stdout, /later 3/, recorded.stderr)
  for (let n = 0; n < TIMES; n++) {
    const replayed = await replayInputs(dir)
    t.match(replayed.verdict, { kind: 'exact', code: 0 })
    t.equal(replayed.stdout, recorded.stdout)
  }
})

t.test('[B11] a secret of the environment is replayed as a token, also where the program hands it on', async (t) => {
  const dir = t.testdir({
    'main.cjs': `const { spawnSync } = require('child_process')
      const child = spawnSync('sh', ['-c', 'test -n "$SHOP_TOKEN"; echo $?', process.env.SHOP_TOKEN, process.argv[2]])
      console.log(String(child.stdout), process.env.SHOP_TOKEN.length, require('crypto').randomBytes(8).toString('hex'))`,
  })
  const SHOP_TOKEN = 'Zq8-vv71-planted-secret-value'
  const recorded = await recordInputs([process.execPath, 'main.cjs', SHOP_TOKEN], { cwd: dir, env: { SHOP_TOKEN } })
  t.match(recorded.stdout, /^0\n 29 [0-9a-f]{16}\n$/)
  const replayed = await replayInputs(dir)
  t.match(replayed.verdict, { kind: 'exact', code: 0 })
  t.equal(replayed.stdout, recorded.stdout)
})
