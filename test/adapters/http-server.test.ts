import { AsyncLocalStorage } from 'node:async_hooks'
import { once } from 'node:events'
import { createServer, request as httpRequest, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import express from 'express'
import t, { type Test } from 'tap'
import { WebSocket, WebSocketServer } from 'ws'
import { Body } from '../../src/adapters/http-body.js'
import type { Log } from './log.js'
import { describeOwn, record } from './recorded.js'

interface Answer {
  readonly status: number | undefined
  readonly text: string
}

/** A request over a connection of its own. */
function ask(server: Server, method: string, path: string, body?: string, type = 'application/json'): Promise<Answer> {
  const { port } = server.address() as AddressInfo
  const headers = body === undefined ? {} : { 'content-type': type, 'content-length': Buffer.byteLength(body) }
  return new Promise((resolve, reject) => {
    const asked = httpRequest({ port, host: '127.0.0.1', method, path, headers, agent: false }, (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (part: string) => (text += part))
      response.on('end', () => resolve({ status: response.statusCode, text }))
    })
    asked.on('error', reject)
    asked.end(body)
  })
}

async function serve(t: Test, server: Server): Promise<void> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
}

/** What one request's process received and sent. */
function toExchange(log: Log, name: string) {
  return log
    .of('message', log.subject(name))
    .filter(({ body }) => body.op !== 'handled')
    .map(({ body }) => [body.op, body.event, body.payload] as const)
}

t.test('[A30] a request is a process: it receives request and body, sends the response, and ends', async (t) => {
  const server = createServer((request, response) => {
    let text = ''
    request.on('data', (part) => (text += part))
    request.on('end', () => response.writeHead(201, { 'x-total': '7' }).end(text.toUpperCase()))
  })
  await serve(t, server)
  const before = describeOwn(server)
  const log = await record(t, async (scope) => {
    t.equal(scope.channel('shop', server), server)
    t.strictSame(await ask(server, 'POST', '/cart?item=1&item=2&q=x', '{"sku":"a-1"}'), {
      status: 201,
      text: '{"SKU":"A-1"}',
    })
    t.strictSame(await ask(server, 'POST', '/form', 'a=1&b=two', 'application/x-www-form-urlencoded'), {
      status: 201,
      text: 'A=1&B=TWO',
    })
    t.strictSame(await ask(server, 'POST', '/file', 'bytes', 'application/octet-stream'), {
      status: 201,
      text: 'BYTES',
    })
    t.strictSame(await ask(server, 'GET', '/empty'), { status: 201, text: '' })
  })
  t.strictSame(describeOwn(server), before)
  const [first, body, response] = toExchange(log, 'shop/1')
  t.match(first, ['receive', 'request', { method: 'POST', url: '/cart', query: { item: ['1', '2'], q: 'x' } }])
  t.strictSame(body, ['receive', 'body', { sku: 'a-1' }])
  t.match(response, ['send', 'response', { status: 201, headers: { 'x-total': '7' } }])
  t.strictSame(toExchange(log, 'shop/2')[1]?.[2], { a: '1', b: 'two' })
  t.strictSame(toExchange(log, 'shop/3')[1]?.[2], { bytes: 5, type: 'application/octet-stream' })
  t.equal(toExchange(log, 'shop/4').length, 2)
  for (const n of [1, 2, 3, 4]) {
    t.equal(log.of('process', log.subject(`shop/${n}`)).at(-1)?.body.op, 'exit', `shop/${n} has ended`)
  }
})

t.test('[A31] concurrent requests of an Express program: each handler stands for its own request', async (t) => {
  const app = express()
  const own = new AsyncLocalStorage<string>()
  let waiting: (() => void)[] = []
  app.use(express.json())
  app.use((request, _response, next) => own.run(request.path, next))
  const server = createServer(app)
  await serve(t, server)
  const log = await record(t, async (scope) => {
    app.post('/:name', async (request, response) => {
      scope.mark(`sync ${request.params.name}`)
      // All of them wait for the last one, and go on in the reverse order.
      await new Promise<void>((resolve) => {
        waiting.push(resolve)
        if (waiting.length === 5) for (const go of waiting.reverse()) setImmediate(go)
      })
      scope.mark(`async ${request.params.name}`)
      response.on('finish', () => scope.mark(`finish ${request.params.name}`))
      response.json({ name: own.getStore(), body: request.body })
    })
    scope.channel('shop', server)
    const names = ['a', 'b', 'c', 'd', 'e']
    const answers = await Promise.all(names.map((name) => ask(server, 'POST', `/${name}`, JSON.stringify({ name }))))
    t.strictSame(
      answers.map(({ text }) => JSON.parse(text)),
      names.map((name) => ({ name: `/${name}`, body: { name } })),
    )
    waiting = []
  })
  for (let n = 1; n <= 5; n++) {
    const messages = log.of('message', log.subject(`shop/${n}`))
    const received = messages.filter(({ body }) => body.op === 'receive')
    const [request, body] = received
    const asked = request?.body.payload as { readonly url: string } | undefined
    const name = asked?.url.slice(1)
    t.strictSame(body?.body.payload, { name })
    t.equal(body?.origin, request?.ordinal, 'the body comes on behalf of its request')
    const own = new Set([request?.ordinal, body?.ordinal])
    for (const step of ['sync', 'async', 'finish']) {
      t.ok(own.has(log.mark(`${step} ${name}`).origin), `${step} ${name} is on behalf of its own request`)
    }
    const response = messages.find(({ body: { op } }) => op === 'send')
    t.ok(own.has(response?.origin), 'so is the response')
  }
})

t.test('[A32] listeners that were added before, an error in a handler, an abandoned request', async (t) => {
  const server = createServer()
  const order: string[] = []
  let respond = () => {}
  server.on('request', (request, response) => {
    order.push(`early ${request.url}`)
    respond = () => response.end('late')
  })
  await serve(t, server)
  const log = await record(t, async (scope) => {
    scope.channel('shop', server)
    let closed = () => {}
    const gone = new Promise<void>((resolve) => (closed = resolve))
    server.on('request', (request, response) => {
      order.push(`late ${request.url}`)
      scope.mark('handled')
      if (request.url === '/kept') respond()
      else {
        response.on('close', closed)
        setImmediate(() => abandoned.destroy())
      }
    })
    t.equal(server.listenerCount('request'), 2)
    t.strictSame(await ask(server, 'GET', '/kept'), { status: 200, text: 'late' })
    const { port } = server.address() as AddressInfo
    const abandoned = httpRequest({ port, host: '127.0.0.1', path: '/left', agent: false }).end()
    abandoned.on('error', () => {})
    await gone
  })
  t.strictSame(order, ['early /kept', 'late /kept', 'early /left', 'late /left'])
  t.match(log.of('process', log.subject('shop/2')).at(-1)?.body, { op: 'exit', reason: 'aborted' })
  t.equal(log.mark('handled').cause, log.messages('shop/1', 'receive')[0]?.ordinal)
})

t.test('[A33] an upgrade is the cause of the socket that it opens', async (t) => {
  const server = createServer()
  const sockets = new WebSocketServer({ server })
  await serve(t, server)
  const log = await record(t, async (scope) => {
    sockets.on('connection', (socket) => {
      scope.mark('connected')
      scope.channel('talk', socket)
      socket.on('message', (data) => socket.send(`${data}!`))
    })
    scope.channel('shop', server)
    const client = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}/talk`)
    await once(client, 'open')
    client.send('hello')
    t.equal(String((await once(client, 'message'))[0]), 'hello!')
    client.close()
    await once(client, 'close')
  })
  const [upgrade] = log.messages('shop/1', 'receive')
  t.match(upgrade?.body, { event: 'upgrade', payload: { url: '/talk' } })
  t.equal(log.mark('connected').cause, upgrade?.ordinal)
  t.strictSame([log.payloads('talk', 'receive'), log.payloads('talk', 'send')], [['hello'], ['hello!']])
  const sent = log.messages('talk', 'send')[0]
  t.equal(sent?.cause, log.messages('talk', 'receive')[0]?.ordinal)
})

t.test('[A34] no planted secret of a request stands in the log', async (t) => {
  const server = createServer((request, response) => {
    request.resume()
    request.on('end', () => response.setHeader('set-cookie', 'sid=hunter2-d').end())
  })
  await serve(t, server)
  const log = await record(t, async (scope) => {
    scope.channel('shop', server)
    await ask(server, 'POST', '/login?token=hunter2-a', '{"user":{"password":"hunter2-b"}}')
    await ask(server, 'POST', '/login', 'password=hunter2-c', 'application/x-www-form-urlencoded')
  })
  t.notMatch(JSON.stringify(log.entries), /hunter2/)
})

t.test('[A50] a character that stands across two chunks of a body is one character', (t) => {
  const body = new Body('application/json')
  const bytes = Buffer.from('{"name":"Zoë"}')
  for (let at = 0; at < bytes.length; at++) body.add(bytes.subarray(at, at + 1))
  t.strictSame(body.toPayload(), { name: 'Zoë' })
  const text = new Body('image/png')
  text.add('ë')
  t.strictSame(text.toPayload(), { bytes: 2, type: 'image/png' })
  t.end()
})
