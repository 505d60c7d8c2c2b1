import t from 'tap'
import { CERTIFICATE, KEY } from './certificate.js'
import { testExact } from './exact.js'

/** Tells after each step which id was given out last: streams above others take some that no JavaScript sees. */
const PROGRAM = `
  import { AsyncResource, executionAsyncId } from 'node:async_hooks'
  import { readFileSync } from 'node:fs'
  import http2 from 'node:http2'
  import tls from 'node:tls'
  const keys = { key: readFileSync('key.pem'), cert: readFileSync('certificate.pem') }
  const options = { host: '127.0.0.1', rejectUnauthorized: false }
  const marks = []
  const mark = (name) => marks.push([name, executionAsyncId(), new AsyncResource('MARK').asyncId()])
  const heard = (emitter, event) => new Promise((done) => emitter.on(event, done))
  function count(stream) {
    let got = 0
    stream.on('data', (data) => mark('got ' + (got += data.length)))
  }
  async function listen(server) {
    await heard(server.listen(0, options.host), 'listening')
    return server.address().port
  }
  async function talkDirectly(wrap = (connect) => connect) {
    const server = tls.createServer(keys, (socket) => {
      mark('connection')
      count(socket)
      socket.write(Buffer.alloc(3_000_000), () => mark('written'))
      socket.end('end')
      mark('ended')
    })
    const outer = wrap(server)
    const port = await listen(outer)
    const below = tls.connect({ port, ...options })
    await heard(below, 'secureConnect')
    mark('connected')
    const socket = outer === server ? below : tls.connect({ socket: below, ...options })
    count(socket)
    socket.write(Buffer.alloc(500_000), () => mark('sent'))
    mark('sending')
    await heard(socket, 'close')
    await new Promise((done) => outer.close(done))
  }
  const talkWithin = () =>
    talkDirectly((inner) => tls.createServer(keys, (socket) => inner.emit('connection', socket)))
  async function talkHttp2() {
    const server = http2.createSecureServer(keys).on('stream', (stream) => {
      stream.respond({ ':status': 200 })
      stream.write('x'.repeat(200_000), () => mark('written'))
      mark('writing')
      stream.end('end')
      mark('ended')
    })
    const client = http2.connect('https://127.0.0.1:' + (await listen(server)), options)
    const request = client.request({ ':path': '/', ':method': 'POST' })
    mark('request')
    request.write('question', () => mark('sent'))
    mark('sending')
    request.end()
    count(request)
    await heard(request, 'close')
    client.close()
    await heard(client, 'close')
    await new Promise((done) => server.close(done))
  }
  for (const step of [talkDirectly, talkWithin, talkHttp2]) {
    await step()
    mark(step.name)
  }
  console.log(marks.length > 30, marks.join(' '))`

testExact(t, 'asynchronous ids behind TLS, TLS within TLS and HTTP/2', {
  file: 'ids.mjs',
  text: PROGRAM,
  others: { 'key.pem': KEY, 'certificate.pem': CERTIFICATE },
})
