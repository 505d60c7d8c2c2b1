import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { type ReplayOptions, replay } from '../../replayer/replay.js'
import { recordSession, TestEnd } from '../helpers/record-session.js'

const SOURCE = `import { createStore } from 'redux'
const reduce = (state = { total: 0 }, action) => (action.type === 'add' ? { total: state.total + action.price } : state)
export default (world) => {
  const shop = world.channel('shop')
  const store = world.container('cart', createStore(reduce))
  shop.onMessage(async (order) => {
    const lucky = Math.random()
    store.dispatch({ type: 'add', price: order.price * 2 })
    await null
    shop.send({ total: store.getState().total, lucky })
    const at = Date.now()
    setTimeout(() => shop.send(['late', order.price, at]), 2)
  })
}
`
const dir = t.testdir()
const MODULE = join(dir, 'shop.mjs')
writeFileSync(MODULE, SOURCE)

const recorded = (async () => {
  const shop = new TestEnd()
  return recordSession(dir, MODULE, { shop }, async () => {
    for (const price of [1, 2, 3, 4]) {
      shop.give({ price })
      await shop.until((message) => Array.isArray(message) && message[1] === price)
    }
  })
})()

let files = 0

async function replayWith(from: string | RegExp, to: string, options: ReplayOptions = {}) {
  files += 1
  const module = join(dir, `shop-${files}.mjs`)
  writeFileSync(module, SOURCE.replace(from, to))
  const { path } = await recorded
  return replay(path, { module, turnTimeoutMs: 2000, execArgv: [], ...options })
}

interface Case {
  readonly title: string
  readonly from: string
  readonly to: string
  /** Order in which it happens, from 1; what is said; the line. */
  readonly order: number
  readonly recorded: RegExp
  readonly replayed: RegExp
  readonly line: number | null
  /** In a Worker of its own; it costs a second under a test runner. */
  readonly worker?: true
}

const CASES: readonly Case[] = [
  {
    title: 'a constant changed',
    worker: true,
    from: 'order.price * 2',
    to: 'order.price * 3',
    order: 1,
    recorded: /cart changed: replace \/total 2/,
    replayed: /replace \/total 3/,
    line: 8,
  },
  {
    title: 'a state changed in one case',
    from: 'order.price * 2',
    to: '(order.price === 3 ? 7 : order.price * 2)',
    order: 3,
    recorded: /total 12/,
    replayed: /total 13/,
    line: 8,
  },
  {
    title: 'a call added',
    from: 'await null',
    to: 'await (order.price === 2 && Math.random())',
    order: 2,
    recorded: /^Date.now/,
    replayed: /^Math.random/,
    line: 9,
  },
  {
    title: 'a call removed',
    from: 'const at = Date.now()',
    to: 'const at = order.price === 4 ? 1 : Date.now()',
    order: 4,
    recorded: /^Date.now/,
    replayed: /^setTimeout 2/,
    line: 12,
  },
  {
    title: 'the last call removed',
    from: "setTimeout(() => shop.send(['late', order.price, at]), 2)",
    to: '',
    order: 1,
    recorded: /^setTimeout 2/,
    replayed: /nothing more/,
    line: 11,
  },
  {
    title: 'calls reordered',
    from: 'const lucky = Math.random()',
    to: 'const early = Date.now(); const lucky = Math.random()',
    order: 1,
    recorded: /^Math.random/,
    replayed: /^Date.now/,
    line: 7,
  },
  {
    title: 'a message changed',
    from: "['late', order",
    to: "['later', order",
    order: 1.5,
    recorded: /\["late", 1, /,
    replayed: /\["later", 1, /,
    line: 12,
  },
  {
    title: 'a message not sent',
    from: 'shop.send({ total',
    to: 'if (order.price < 3) shop.send({ total',
    order: 3,
    recorded: /sent to shop/,
    replayed: /nothing more/,
    line: 12,
  },
  {
    title: 'a delay changed',
    from: 'at]), 2)',
    to: 'at]), order.price === 2 ? 5 : 2)',
    order: 2,
    recorded: /^setTimeout 2/,
    replayed: /^setTimeout 5/,
    line: 12,
  },
  {
    title: 'an exception that exists only in the replay',
    worker: true,
    from: 'await null',
    to: 'await null; if (order.price === 3) throw new RangeError("only here")',
    order: 3,
    recorded: /sent to shop/,
    replayed: /RangeError: only here/,
    line: 9,
  },
  {
    title: 'an exception before the first await',
    worker: true,
    from: 'const lucky',
    to: 'if (order.price === 2) order.missing.field; const lucky',
    order: 2,
    recorded: /cart changed/,
    replayed: /TypeError: Cannot read properties of undefined/,
    line: 7,
  },
  {
    title: 'an await that is never fed',
    from: 'await null',
    to: 'await (order.price === 2 ? new Promise(() => {}) : null)',
    order: 2,
    recorded: /sent to shop/,
    replayed: /nothing more/,
    line: 8,
  },
  {
    title: 'a call that goes outside',
    worker: true,
    from: 'await null',
    to: "await (order.price === 2 && fetch('http://127.0.0.1:9/'))",
    order: 2,
    recorded: /./,
    replayed: /left its closed world: fetch/,
    line: 9,
  },
  {
    title: 'an exit',
    worker: true,
    from: 'await null',
    to: 'await null; if (order.price === 2) process.exit(7)',
    order: 2,
    recorded: /^Date.now/,
    replayed: /^process.exit 7/,
    line: 9,
  },
]

t.test('[S4] the first divergence is found at its turn, with both sides and the line', async (t) => {
  const { path } = await recorded
  const base = await replay(path, { inProcess: true })
  t.equal(base.verdict.kind, 'exact')
  const mount = (await replay(path, { until: 'start', inProcess: true }).then(async (outcome) => {
    const first = await outcome.step()
    await first.close()
    return first.at?.turn
  })) as number
  for (const { title, from, to, order, recorded, replayed, line, worker } of CASES) {
    const { verdict } = await replayWith(from, to, { inProcess: !worker })
    if (verdict.kind !== 'diverged') {
      t.fail(`${title}: ${JSON.stringify(verdict)}`)
      continue
    }
    const { divergence } = verdict
    t.match(divergence.recorded, recorded, `${title}: recorded`)
    t.match(divergence.replayed, replayed, `${title}: replayed`)
    t.match(divergence.frame, `:${line}`, `${title}: line`)
    t.match(divergence.reason, /the local file differs from the recorded one: shop\.mjs/)
    // Each order takes two turns, its message and its timer.
    t.equal(verdict.turns, 1 + (order - 1) * 2, `${title}: turns that agreed`)
    t.ok(divergence.turn > mount)
  }
})

t.test('[S5] an endless loop ends as a divergence, not as a hang', async (t) => {
  const { verdict } = await replayWith('await null', 'while (order.price === 3);', { turnTimeoutMs: 400 })
  t.match(verdict, { kind: 'diverged', turns: 5, divergence: { replayed: /still running after 400 ms/ } })
})

t.test('[S6] the same divergence in process as in a Worker', async (t) => {
  const [from, to] = ['order.price * 2', 'order.price * 3']
  const [there, here] = [await replayWith(from, to), await replayWith(from, to, { inProcess: true })]
  if (there.verdict.kind !== 'diverged' || here.verdict.kind !== 'diverged') return t.fail('both diverge')
  const { frame: _there, ...a } = there.verdict.divergence
  const { frame: _here, ...b } = here.verdict.divergence
  t.same(a, b)
})

t.test('[S7] a module that is not there, or is none, is an error of its own', async (t) => {
  const { path } = await recorded
  await t.rejects(replay(path, { module: join(dir, 'gone.mjs') }), { message: /gone\.mjs/ })
  await t.rejects(replayWith(/export default/, 'export const other ='), { message: /default export/ })
  await t.rejects(replay(path, { session: 'wrok' }), { code: 'UNKNOWN_SESSION', hint: /work/ })
})
