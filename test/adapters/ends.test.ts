import { fork } from 'node:child_process'
import { EventEmitter, errorMonitor, once } from 'node:events'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { MessageChannel, receiveMessageOnPort, Worker } from 'node:worker_threads'
import t, { type Test } from 'tap'
import { Log } from './log.js'
import { record, recordTo } from './recorded.js'

/** Pairs of a parent's channel and its child's, each in a spool of its own. */
function checkPairs(t: Test, out: string, count: number): void {
  const child = readdirSync(join(out, 'spool')).find((path) => path !== '0') as string
  const [here, there] = [Log.read(out), Log.read(out, child)]
  const peer = (log: Log) => {
    const body = log.spawn('orders')?.body
    return body?.op === 'spawn' ? body.channel : undefined
  }
  t.equal(peer(here)?.end, 0)
  t.equal(peer(there)?.end, 1)
  for (const [from, to] of [
    [here, there],
    [there, here],
  ] as const) {
    const sent = from.messages('orders', 'send')
    const received = to.messages('orders', 'receive')
    t.equal(received.length, count)
    t.strictSame(
      received.map(({ body }) => [body.n, body.payload]),
      sent.map(({ body }) => [body.n, body.payload]),
    )
    t.notOk([...sent, ...received].some(({ unpaired }) => unpaired))
  }
}

t.test('[A20] a worker and its parent count the same messages alike', async (t) => {
  const out = await recordTo(t, async (scope) => {
    const worker = new Worker(new URL('./echo-worker.js', import.meta.url), { workerData: { record: true } })
    scope.channel('orders', worker)
    await once(worker, 'message')
    const heard: unknown[] = []
    worker.on('message', (message) => heard.push(message))
    for (let i = 0; i < 98; i++) worker.postMessage({ same: true })
    const last = new Promise((resolve) => worker.on('message', () => heard.length === 98 && resolve(heard)))
    t.strictSame(await last, Array(98).fill({ same: true }))
    // The worker's own 99th message and the order to stop make it 99 each way.
    worker.postMessage('stop')
    await once(worker, 'exit')
  })
  checkPairs(t, out, 99)
  const log = Log.read(out)
  const exit = log.of('process', log.subject('orders')).at(-1)?.body
  t.match(exit, { op: 'exit', code: 0 })
})

t.test('[A20] an unwrapped worker gets exactly what was sent; one that is online already is unpaired', async (t) => {
  const message = { buffer: new Uint8Array([1, 2]), map: new Map([['a', new Date(0)]]), nothing: undefined }
  const log = await record(t, async (scope) => {
    const worker = new Worker(new URL('./echo-worker.js', import.meta.url), { workerData: { record: false } })
    await once(worker, 'message')
    scope.channel('orders', worker)
    worker.postMessage(message)
    t.strictSame((await once(worker, 'message'))[0], message)
    await worker.terminate()
  })
  t.strictSame(log.payloads('orders', 'receive'), [message])
  t.ok(log.of('message', log.subject('orders')).every(({ unpaired }) => unpaired))
})

t.test('[A20] a forked child and its parent count the same messages alike', async (t) => {
  const out = await recordTo(t, async (scope) => {
    const child = fork(new URL('./echo-child.js', import.meta.url), ['record'])
    scope.channel('orders', child)
    await once(child, 'message')
    child.send({ sku: 'a-1' })
    t.strictSame((await once(child, 'message'))[0], { sku: 'a-1' })
    child.send('stop')
    await once(child, 'exit')
  })
  checkPairs(t, out, 2)
})

t.test('[A21] what a port could not send is not counted', async (t) => {
  const { port1, port2 } = new MessageChannel()
  const log = await record(t, async (scope) => {
    scope.channel('orders', port1)
    scope.channel('orders', port2)
    port1.postMessage('first')
    t.throws(() => port1.postMessage(() => {}), { name: 'DataCloneError' })
    port1.postMessage('second')
    const heard: unknown[] = []
    await new Promise<void>((resolve) => port2.on('message', (m) => heard.push(m) === 2 && resolve()))
    t.strictSame(heard, ['first', 'second'])
    port1.close()
  })
  t.strictSame(log.payloads('orders', 'send', 0), ['first', 'second'])
  t.strictSame(log.payloads('orders', 'receive', 1), ['first', 'second'])
  t.notOk(log.of('message').some(({ unpaired }) => unpaired))
})

t.test('[A21] a transferred buffer is recorded full, a transferred port goes on and can be wrapped', async (t) => {
  const { port1, port2 } = new MessageChannel()
  const inner = new MessageChannel()
  const log = await record(t, async (scope) => {
    scope.channel('orders', port1)
    const bytes = new Uint8Array([1, 2, 3])
    port1.postMessage({ bytes }, [bytes.buffer])
    t.equal(bytes.length, 0)
    port1.postMessage({ port: inner.port2 }, { transfer: [inner.port2] } as never)
    const heard: { port?: typeof inner.port2; bytes?: Uint8Array }[] = []
    await new Promise<void>((resolve) => port2.on('message', (m) => heard.push(m) === 2 && resolve()))
    t.strictSame(heard[0]?.bytes, new Uint8Array([1, 2, 3]))
    const far = scope.channel('inner', heard[1]?.port as typeof inner.port2)
    inner.port1.postMessage('through')
    t.strictSame((await once(far, 'message'))[0], 'through')
    // Counted when it was logged, but never sent.
    t.throws(() => port1.postMessage(() => {}, [inner.port1]), { name: 'DataCloneError' })
    port1.postMessage('uncertain')
    inner.port1.close()
    port1.close()
  })
  t.strictSame((log.payloads('orders', 'send')[0] as { bytes: Uint8Array }).bytes, new Uint8Array([1, 2, 3]))
  t.strictSame(log.payloads('inner', 'receive'), ['through'])
  t.strictSame(
    log.messages('orders', 'send').map(({ unpaired }) => unpaired),
    [false, false, false, true],
  )
})

t.test('[A21] what waits in a port is counted; what the program emits on it itself is not', async (t) => {
  const { port1, port2 } = new MessageChannel()
  port1.postMessage('waits')
  const log = await record(t, async (scope) => {
    scope.channel('orders', port2)
    const heard: unknown[] = []
    const two = new Promise<void>((resolve) => port2.on('message', (m) => heard.push(m) === 2 && resolve()))
    ;(port2 as unknown as EventEmitter).emit('message', 'local')
    await two
    t.strictSame(heard, ['local', 'waits'])
    port1.close()
  })
  t.strictSame(log.payloads('orders', 'receive'), ['waits'])
})

t.test(
  '[A21] a second pair of ends under one name is unpaired: counting cannot tell whose message it was',
  async (t) => {
    const pairs = [new MessageChannel(), new MessageChannel()]
    const log = await record(t, async (scope) => {
      for (const [i, { port1, port2 }] of pairs.entries()) {
        scope.channel('orders', port1, { end: 0 })
        scope.channel('orders', port2, { end: 1 })
        port1.postMessage(i)
        await once(port2, 'message')
        port1.close()
      }
    })
    t.strictSame(
      log
        .of('message')
        .flatMap(({ body, unpaired }) => (body.op === 'handled' ? [] : [[body.op, body.payload, unpaired]])),
      [
        ['send', 0, false],
        ['receive', 0, false],
        ['send', 1, true],
        ['receive', 1, true],
      ],
    )
  },
)

t.test('[A22] an emitter behaves as before', async (t) => {
  const emitter = new EventEmitter()
  const captured: unknown[] = []
  const listener = function (this: unknown, ...args: unknown[]) {
    captured.push([this === emitter, ...args])
  }
  emitter.once('order', listener)
  const log = await record(t, async (scope) => {
    t.equal(scope.channel('orders', emitter), emitter)
    emitter.on('order', listener)
    t.equal(emitter.listenerCount('order'), 2)
    t.strictSame(emitter.listeners('order'), [listener, listener])
    t.equal(emitter.emit('order', 1, 'two'), true)
    t.equal(emitter.emit('nobody'), false)
    t.strictSame(captured, [
      [true, 1, 'two'],
      [true, 1, 'two'],
    ])
    t.equal(emitter.listenerCount('order'), 1)
    t.throws(() => emitter.emit('error', new Error('alone')), { message: 'alone' })
    const seen: unknown[] = []
    emitter.on(errorMonitor, (error: Error) => seen.push(error.message))
    emitter.on('error', (error: Error) => seen.push(error.message))
    emitter.emit('error', new Error('heard'))
    t.strictSame(seen, ['heard', 'heard'])
    emitter.on('throws', () => {
      throw new Error('from a listener')
    })
    t.throws(() => emitter.emit('throws'), { message: 'from a listener' })
    const emit = emitter.emit
    emit.call(emitter, Symbol('sign'), 5)
  })
  t.strictSame(
    log.messages('orders', 'receive').map(({ body }) => body.event),
    ['order', 'nobody', 'error', 'error', 'throws', 'Symbol(sign)'],
  )
  t.strictSame(log.payloads('orders', 'send').slice(0, 2), [[1, 'two'], undefined])
  t.strictSame(
    log.messages('orders', 'handled').map(({ body }) => body.error !== undefined),
    [false, false, true, false, true, false],
  )
})

t.test('[A22] what is emitted in a listener is caused by what was emitted outside', async (t) => {
  const emitter = new EventEmitter()
  emitter.on('outer', () => emitter.emit('inner', 'a'))
  const log = await record(t, (scope) => {
    scope.channel('orders', emitter)
    emitter.emit('outer', 'b')
  })
  const [outer, inner] = log.messages('orders', 'send')
  const [receivedOuter] = log.messages('orders', 'receive')
  t.equal(outer?.cause, -1)
  t.equal(inner?.cause, receivedOuter?.ordinal)
  t.strictSame(
    log.messages('orders', 'handled').map(({ body }) => body.n),
    [1, 0],
  )
})

t.test('[A23] what cannot be wrapped is refused with what can', async (t) => {
  await record(t, (scope) => {
    for (const end of [{}, () => {}, new Map(), { send() {} }]) {
      t.throws(() => scope.channel('orders', end), {
        code: 'UNSUPPORTED',
        hint: /MessagePort.*onMessage.*EventEmitter/,
      })
    }
    for (const end of [null, undefined, 3, 'text']) {
      t.throws(() => scope.channel('orders', end as never), { code: 'UNSUPPORTED' })
      t.throws(() => scope.container('orders', end as never), { code: 'UNSUPPORTED' })
    }
    for (const store of [() => {}, new WeakMap(), Promise.resolve(), Buffer.alloc(1)]) {
      t.throws(() => scope.container('cart', store), { code: 'UNSUPPORTED', hint: /Redux.*getState.*class instance/ })
    }
  })
})

t.test('[A24] what is taken by receiveMessageOnPort is counted', async (t) => {
  const { port1, port2 } = new MessageChannel()
  const log = await record(t, async (scope) => {
    scope.channel('orders', port2)
    port1.postMessage('by hand')
    t.strictSame(receiveMessageOnPort(port2), { message: 'by hand' })
    port1.postMessage('by event')
    await once(port2, 'message')
    port1.close()
  })
  t.strictSame(
    log.messages('orders', 'receive').map(({ body }) => [body.n, body.payload]),
    [
      [0, 'by hand'],
      [1, 'by event'],
    ],
  )
})
