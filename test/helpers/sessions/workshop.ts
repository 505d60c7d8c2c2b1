import { randomBytes, randomInt, randomUUID } from 'node:crypto'
import { EventEmitter, once } from 'node:events'
import timers from 'node:timers/promises'
import { promisify } from 'node:util'
import { createStore } from 'redux'
import type { SessionWorld } from '../../../src/scope/scope.js'

interface Bench {
  readonly jobs: number
  readonly log: readonly unknown[]
}

type Action = { readonly type: 'log'; readonly what: unknown }

function reduce(state: Bench = { jobs: 0, log: [] }, action: Action): Bench {
  return action.type === 'log' ? { jobs: state.jobs + 1, log: [...state.log, action.what] } : state
}

/** Uses everything that a session is fed: three channels, clock, chance, every kind of timer, nested promises, a tracked object. Keeps its own list of states. */
export default (world: SessionWorld) => {
  const states: Bench[] = []
  const store = world.container('bench', createStore(reduce))
  const tally = world.container('tally', { messages: 0, last: '' })
  const log = (what: unknown) => {
    store.dispatch({ type: 'log', what })
    states.push(store.getState())
  }
  const events = world.channel('events')
  const worker = world.channel('worker')
  const port = world.channel('port')

  worker.onMessage((answer) => log({ answer, at: Date.now() }))
  events.onMessage(async (message) => {
    tally.messages += 1
    tally.last = String(message)
    log({ message, at: new Date(), id: randomUUID(), roll: Math.random() })
    worker.send({ ask: message, salt: randomBytes(4), between: randomInt(1000) })
    await null
    log({ after: performance.now(), hr: process.hrtime.bigint() })
    await timers.setTimeout(1)
    await Promise.all(
      [1, 2, 3].map(async (n) => {
        await timers.setImmediate()
        log({ n, uuid: crypto.randomUUID(), bytes: crypto.getRandomValues(new Uint16Array(2)) })
      }),
    )
    const emitter = new EventEmitter()
    setTimeout(() => emitter.emit('ready', Math.random()), 1)
    const [value] = (await once(emitter, 'ready')) as [number]
    process.nextTick(() => port.send({ tick: value }))
    queueMicrotask(() => port.send({ microtask: value }))
    const drawn = await promisify(randomBytes)(3)
    port.send(
      new Map<string, unknown>([
        ['drawn', drawn],
        ['day', Date().slice(0, 3)],
      ]),
    )
    port.send({ done: message })
  })

  let ticks = 0
  const interval = setInterval(() => {
    ticks += 1
    log({ ticks, env: process.env['NODE_ENV'], cwd: process.cwd().length })
    if (ticks === 3) clearInterval(interval)
  }, 1)
  const never = setTimeout(() => log('never'), 50)
  setTimeout(() => clearTimeout(never), 1)
  let fired = 0
  const again = setTimeout(() => {
    fired += 1
    if (fired < 3) again.refresh()
  }, 1).unref()
  return { states, store }
}
