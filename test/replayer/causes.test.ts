import { AsyncResource } from 'node:async_hooks'
import { EventEmitter, once } from 'node:events'
import { readFile } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import { BroadcastChannel, MessageChannel, Worker } from 'node:worker_threads'
import { applyMiddleware, legacy_createStore } from 'redux'
import t from 'tap'
import { makeCart, nextTurn, Outside, open, recordHere, tellWhy } from './rig.js'

const program = (name: string) => new URL(`./programs/${name}.js`, import.meta.url)

interface Item {
  readonly sku: string
  readonly price: number
}

t.test('[Q4] a timer leads to the message in whose handling it was set', async (t) => {
  const path = await recordHere(t, async (scope) => {
    const [cart, outside] = [scope.container('cart', makeCart()), new Outside()]
    const { promise, resolve } = gate()
    scope.channel('orders', outside).onMessage((item) => {
      setTimeout(() => {
        cart.dispatch({ type: 'add', ...(item as Item) })
        resolve()
      }, 3)
    })
    await nextTurn()
    outside.deliver({ sku: 'a', price: 5 })
    await promise
  })
  const recording = await open(t, path)
  t.same(await tellWhy(recording, 'cart', '/total'), {
    chain: ['cart state delta', 'orders message receive 0'],
    ends: 'root',
  })
  const why = await recording.why('cart', '/total')
  t.same(why.ok && why.equal.map(({ pointer }) => pointer), ['/price'], 'the same value in the input is a hint')
})

t.test('[Q4] an interval leads to the message in whose handling it was started, at every beat', async (t) => {
  const path = await recordHere(t, async (scope) => {
    const [cart, outside] = [scope.container('cart', makeCart()), new Outside()]
    const { promise, resolve } = gate()
    scope.channel('orders', outside).onMessage(() => {
      let beats = 0
      const timer = setInterval(() => {
        cart.dispatch({ type: 'add', sku: 'beat', price: 1 })
        if (++beats < 3) return
        clearInterval(timer)
        resolve()
      }, 2)
    })
    await nextTurn()
    outside.deliver('start')
    await promise
  })
  const recording = await open(t, path)
  for (const place of ['/items/0', '/items/1', '/items/2']) {
    t.same(await tellWhy(recording, 'cart', place), {
      chain: ['cart state delta', 'orders message receive 0'],
      ends: 'root',
    })
  }
})

t.test('[Q4] a promise chain leads through its awaits', async (t) => {
  const path = await recordHere(t, async (scope) => {
    const [cart, outside] = [scope.container('cart', makeCart()), new Outside()]
    const { promise, resolve } = gate()
    scope.channel('orders', outside).onMessage(async (item) => {
      await Promise.resolve()
      const priced = await Promise.all([wait(1), wait(2)]).then(() => item as Item)
      await new Promise((done) => setImmediate(done))
      cart.dispatch({ type: 'add', ...priced })
      resolve()
    })
    await nextTurn()
    outside.deliver({ sku: 'a', price: 7 })
    await promise
  })
  t.same(await tellWhy(await open(t, path), 'cart', '/total'), {
    chain: ['cart state delta', 'orders message receive 0'],
    ends: 'root',
  })
})

t.test('[Q4] an emitter leads through its emit', async (t) => {
  const path = await recordHere(t, async (scope) => {
    const [cart, outside] = [scope.container('cart', makeCart()), new Outside()]
    const bus = scope.channel('bus', new EventEmitter())
    bus.on('added', (item: Item) => cart.dispatch({ type: 'add', ...item }))
    scope.channel('orders', outside).onMessage((item) => bus.emit('added', item))
    await nextTurn()
    outside.deliver({ sku: 'a', price: 5 })
  })
  t.same(await tellWhy(await open(t, path), 'cart', '/total'), {
    chain: ['cart state delta', 'bus message receive 0', 'bus message send 0', 'orders message receive 0'],
    ends: 'root',
  })
})

t.test('[Q4] a dispatch inside a dispatch leads to the message in whose handling both are', async (t) => {
  const path = await recordHere(t, async (scope) => {
    const [store, outside] = [makeCart(), new Outside()]
    const cart = scope.container('cart', store)
    cart.subscribe(() => {
      if (cart.getState().total > 10) cart.dispatch({ type: 'discount', by: 10 })
    })
    scope.channel('orders', outside).onMessage((item) => cart.dispatch({ type: 'add', ...(item as Item) }))
    await nextTurn()
    outside.deliver({ sku: 'a', price: 15 })
    t.same(cart.getState().total, 5)
  })
  t.same(await tellWhy(await open(t, path), 'cart', '/total'), {
    chain: ['cart state delta', 'orders message receive 0'],
    ends: 'root',
  })
})

t.test('[Q4] a thunk leads to the message that dispatched it, past its own awaits', async (t) => {
  type Thunk = (dispatch: (action: unknown) => unknown) => unknown
  const path = await recordHere(t, async (scope) => {
    const { promise, resolve } = gate()
    const thunks = applyMiddleware(
      ({ dispatch }) =>
        (next) =>
        (action) =>
          typeof action === 'function' ? (action as Thunk)(dispatch as never) : next(action),
    )
    const reducer = (state: { readonly user: string | null } | undefined, action: { type: string; user?: string }) =>
      action.type === 'loaded' ? { user: action.user ?? null } : (state ?? { user: null })
    const store = scope.container('session', legacy_createStore(reducer as never, thunks as never))
    const outside = new Outside()
    const load =
      (user: string): Thunk =>
      async (dispatch) => {
        await wait(2)
        dispatch({ type: 'loaded', user })
        resolve()
      }
    scope.channel('clicks', outside).onMessage((user) => store.dispatch(load(user as string) as never))
    await nextTurn()
    outside.deliver('ada')
    await promise
  })
  t.same(await tellWhy(await open(t, path), 'session', '/user'), {
    chain: ['session state delta', 'clicks message receive 0'],
    ends: 'root',
  })
})

t.test('[Q4] two concurrent requests: each value leads to its own', async (t) => {
  const path = await recordHere(t, async (scope) => {
    const [cart, outside] = [scope.container('cart', makeCart()), new Outside()]
    const done: Promise<void>[] = []
    scope.channel('requests', outside).onMessage((request) => {
      const { sku, price } = request as Item
      // The later request is answered first.
      done.push(wait(price === 1 ? 8 : 2).then(() => void cart.dispatch({ type: 'add', sku, price })))
    })
    await nextTurn()
    outside.deliver({ sku: 'first', price: 1 })
    outside.deliver({ sku: 'second', price: 2 })
    await Promise.all(done)
    t.same(cart.getState().items, ['second', 'first'])
  })
  const recording = await open(t, path)
  t.same(await tellWhy(recording, 'cart', '/items/0'), {
    chain: ['cart state delta', 'requests message receive 1'],
    ends: 'root',
  })
  t.same(await tellWhy(recording, 'cart', '/items/1'), {
    chain: ['cart state delta', 'requests message receive 0'],
    ends: 'root',
  })
})

t.test('[Q4] a pooled connection: the value leads to the request that waited for the reply', async (t) => {
  const path = await recordHere(t, async (scope) => {
    const [cart, outside, wire] = [scope.container('cart', makeCart()), new Outside(), new Outside()]
    const database = scope.channel('database', wire)
    const waiting: ((price: number) => void)[] = []
    // One connection for all: a reply belongs to whoever asked first.
    database.onMessage((reply) => waiting.shift()!(reply as number))
    const ask = (sku: string) =>
      new Promise<number>((resolve) => {
        waiting.push(resolve)
        database.send(sku)
      })
    const done: Promise<void>[] = []
    scope.channel('requests', outside).onMessage((sku) => {
      done.push(ask(sku as string).then((price) => void cart.dispatch({ type: 'add', sku: sku as string, price })))
    })
    await nextTurn()
    outside.deliver('first')
    outside.deliver('second')
    await nextTurn()
    wire.deliver(10)
    wire.deliver(20)
    await Promise.all(done)
  })
  const recording = await open(t, path)
  for (const [place, request] of [
    ['/items/0', 0],
    ['/items/1', 1],
  ] as const) {
    t.same(await tellWhy(recording, 'cart', place), {
      chain: ['cart state delta', `requests message receive ${request}`],
      ends: 'root',
    })
  }
})

t.test('[Q4] a callback bound to its request runs inside the reply: the request leads', async (t) => {
  const path = await recordHere(t, async (scope) => {
    const [cart, outside, wire] = [scope.container('cart', makeCart()), new Outside(), new Outside()]
    const database = scope.channel('database', wire)
    const waiting: ((price: number) => void)[] = []
    database.onMessage((reply) => waiting.shift()!(reply as number))
    scope.channel('requests', outside).onMessage((sku) => {
      const add = (price: number) => void cart.dispatch({ type: 'add', sku: sku as string, price })
      waiting.push(AsyncResource.bind(add))
    })
    await nextTurn()
    outside.deliver('first')
    outside.deliver('second')
    await nextTurn()
    wire.deliver(10)
    wire.deliver(20)
  })
  const recording = await open(t, path)
  t.same(await tellWhy(recording, 'cart', '/items/0'), {
    chain: ['cart state delta', 'requests message receive 0'],
    ends: 'root',
  })
  const why = await recording.why('cart', '/total')
  const mentions = /^on behalf of message 1 of requests; what made it run was \d+, message 1 of database/
  t.match(why.ok && why.chain[1]?.how, mentions, 'the reply is mentioned')
})

t.test(
  '[Q4] a worker: its state leads through the message to the input of the thread that sent it, and back',
  async (t) => {
    const path = await recordHere(t, async (scope) => {
      const [cart, outside] = [scope.container('cart', makeCart()), new Outside()]
      const { promise, resolve } = gate()
      const worker = new Worker(program('stock-worker'))
      const jobs = scope.channel('jobs', worker)
      jobs.on('message', (item: Item) => {
        cart.dispatch({ type: 'add', ...item })
        resolve()
      })
      scope.channel('orders', outside).onMessage((item) => jobs.postMessage(item))
      await once(worker, 'online')
      await nextTurn()
      outside.deliver({ sku: 'a', price: 5 })
      await promise
      jobs.postMessage('stop')
      await once(worker, 'exit')
    })
    const recording = await open(t, path)
    const there = ['jobs message receive 0', 'jobs message send 0', 'orders message receive 0']
    t.same(await tellWhy(recording, 'stock', '/total'), { chain: ['stock state delta', ...there], ends: 'root' })
    t.same(await tellWhy(recording, 'cart', '/total'), {
      chain: ['cart state delta', 'jobs message receive 0', 'jobs message send 0', ...there],
      ends: 'root',
    })
  },
)

t.test('[Q4] an http request leads to itself, past reading its body', async (t) => {
  const path = await recordHere(t, async (scope) => {
    const cart = scope.container('cart', makeCart())
    const server = scope.channel(
      'shop',
      createServer(async (request, response) => {
        let body = ''
        for await (const part of request) body += part
        cart.dispatch({ type: 'add', ...(JSON.parse(body) as Item) })
        response.end('done')
      }),
    )
    await once(server.listen(0, '127.0.0.1'), 'listening')
    const { port } = server.address() as AddressInfo
    for (const price of [3, 4]) {
      const answer = await fetch(`http://127.0.0.1:${port}/add`, {
        method: 'POST',
        body: JSON.stringify({ sku: 's', price }),
      })
      t.equal(await answer.text(), 'done')
    }
    server.closeAllConnections()
    server.close()
  })
  const recording = await open(t, path)
  const { chain, ends } = await tellWhy(recording, 'cart', '/total')
  t.same(ends, 'root')
  t.match(chain.at(-1), /^shop\/2 message receive/)
  const [first] = (await tellWhy(recording, 'cart', '/items/0')).chain.slice(-1)
  t.match(first, /^shop\/1 message receive/)
})

t.test('[Q4] a broadcast whose ends are known leads to who sent it', async (t) => {
  const path = await recordHere(t, async (scope) => {
    const [cart, outside] = [scope.container('cart', makeCart()), new Outside()]
    const { promise, resolve } = gate()
    const [speaker, listener] = [new BroadcastChannel('news'), new BroadcastChannel('news')]
    const news = scope.channel('news', speaker, { end: 0 })
    const heard = scope.channel('news', listener, { end: 1 })
    heard.onmessage = (event) => {
      cart.dispatch({ type: 'add', ...(event as { data: Item }).data })
      resolve()
    }
    scope.channel('orders', outside).onMessage((item) => news.postMessage(item))
    await nextTurn()
    outside.deliver({ sku: 'a', price: 5 })
    await promise
    for (const end of [speaker, listener]) end.close()
  })
  t.same(await tellWhy(await open(t, path), 'cart', '/total'), {
    chain: ['cart state delta', 'news message receive 0', 'news message send 0', 'orders message receive 0'],
    ends: 'root',
  })
})

t.test('[Q4] unknown: a broadcast that anybody may have sent', async (t) => {
  const path = await recordHere(t, async (scope) => {
    const cart = scope.container('cart', makeCart())
    const { promise, resolve } = gate()
    const [speaker, listener] = [new BroadcastChannel('rumours'), new BroadcastChannel('rumours')]
    scope.channel('rumours', listener).onmessage = (event) => {
      cart.dispatch({ type: 'add', ...(event as { data: Item }).data })
      resolve()
    }
    speaker.postMessage({ sku: 'a', price: 5 })
    await promise
    for (const end of [speaker, listener]) end.close()
  })
  t.same(await tellWhy(await open(t, path), 'cart', '/total'), {
    chain: ['cart state delta', 'rumours message receive 0'],
    ends: 'unknown: which send message 0 of rumours belongs to cannot be known',
  })
})

t.test('[Q4] unknown: a port that was wrapped after traffic began', async (t) => {
  const path = await recordHere(t, async (scope) => {
    const cart = scope.container('cart', makeCart())
    const { port1, port2 } = new MessageChannel()
    const { promise, resolve } = gate()
    port2.on('message', (item: Item) => {
      cart.dispatch({ type: 'add', ...item })
      resolve()
    })
    port1.postMessage({ sku: 'early', price: 1 })
    await promise
    const late = gate()
    port2.on('message', late.resolve)
    scope.channel('wire', port2, { end: 1 })
    scope.channel('wire', port1, { end: 0 }).postMessage({ sku: 'late', price: 2 })
    await late.promise
    port1.close()
  })
  const { chain, ends } = await tellWhy(await open(t, path), 'cart', '/items/1')
  t.same(chain, ['cart state delta', 'wire message receive 0'])
  t.same(ends, 'unknown: which send message 0 of wire belongs to cannot be known')
})

t.test('[Q4] what the main script did leads to the start of its thread', async (t) => {
  const path = await recordHere(t, async (scope) => {
    scope.container('cart', makeCart()).dispatch({ type: 'add', sku: 'a', price: 5 })
  })
  t.same(await tellWhy(await open(t, path), 'cart', '/total'), {
    chain: ['cart state delta', '0 process spawn'],
    ends: 'root',
  })
})

t.test('[Q4] unknown: a timer that nothing recorded has set', async (t) => {
  const path = await recordHere(t, async (scope) => {
    const cart = scope.container('cart', makeCart())
    await nextTurn()
    cart.dispatch({ type: 'add', sku: 'a', price: 5 })
  })
  const { chain, ends } = await tellWhy(await open(t, path), 'cart', '/total')
  t.same(chain, ['cart state delta'])
  t.match(ends, /^unknown: nothing in the log says why turn @1 of thread 0 ran$/)
})

t.test('[Q4] unknown: a callback of the file system that nothing recorded asked for', async (t) => {
  const path = await recordHere(t, async (scope) => {
    const cart = scope.container('cart', makeCart())
    const { promise, resolve } = gate()
    await nextTurn()
    readFile(program('stock-worker'), () => {
      cart.dispatch({ type: 'add', sku: 'a', price: 5 })
      resolve()
    })
    await promise
  })
  t.match((await tellWhy(await open(t, path), 'cart', '/total')).ends, /^unknown: nothing in the log says why turn/)
})

t.test('[Q4] unknown: a message of a worker that is not recorded', async (t) => {
  const path = await recordHere(t, async (scope) => {
    const cart = scope.container('cart', makeCart())
    const { promise, resolve } = gate()
    const worker = new Worker(program('silent-worker'))
    const jobs = scope.channel('jobs', worker)
    jobs.on('message', (item: Item) => {
      cart.dispatch({ type: 'add', ...item })
      resolve()
    })
    jobs.postMessage({ sku: 'a', price: 5 })
    await promise
    await worker.terminate()
  })
  t.same(await tellWhy(await open(t, path), 'cart', '/total'), {
    chain: ['cart state delta', 'jobs message receive 0'],
    ends: 'unknown: the other end of jobs is not recorded',
  })
})

function gate(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  let resolve = () => {}
  const promise = new Promise<void>((done) => {
    resolve = done
  })
  return { promise, resolve }
}
