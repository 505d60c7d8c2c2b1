import t from 'tap'
import { CERTIFICATE, KEY } from './certificate.js'
import { recordInputs, replayInputs, TIMES } from './rig.js'

/** Two ends of a pipe made of JavaScript, TLS over it, TLS within TLS over a socket, and HTTP over such a pipe. */
const PROGRAM = `
  import { executionAsyncId } from 'node:async_hooks'
  import { readFileSync } from 'node:fs'
  import http from 'node:http'
  import { Duplex } from 'node:stream'
  import tls from 'node:tls'
  const key = readFileSync('key.pem')
  const cert = readFileSync('certificate.pem')
  const options = { rejectUnauthorized: false, ALPNProtocols: ['own'] }
  function makePair() {
    const make = () => new Duplex({
      read() {},
      write(chunk, encoding, done) {
        setTimeout(() => {
          this.other.push(chunk)
          done()
        }, Math.random() * 2)
      },
      final(done) {
        this.other.push(null)
        done()
      },
      destroy(error, done) {
        this.other.push(null)
        done(error)
      },
    })
    const [one, other] = [make(), make()]
    one.other = other
    other.other = one
    return [one, other]
  }
  const closed = (socket) => new Promise((done) => socket.on('close', done))
  async function talk() {
    const [near, far] = makePair()
    const server = new tls.TLSSocket(far, { isServer: true, key, cert, ALPNProtocols: ['own'] })
    server.on('secure', () => console.log('server', server.getProtocol(), server.alpnProtocol, executionAsyncId()))
    let got = 0
    server.on('data', (data) => {
      got += data.length
      console.log('server got', data.length, Date.now(), executionAsyncId())
      if (got === 70_005) server.write('all ' + got)
    })
    server.on('end', () => server.end())
    const client = tls.connect({ socket: near, ...options }, () => {
      console.log('client', client.authorized, client.getPeerCertificate().subject.CN, executionAsyncId())
      client.write('hello')
      client.write(Buffer.alloc(70_000, 'z'), () => console.log('written', executionAsyncId()))
    })
    client.on('data', (data) => client.end('bye ' + data))
    await closed(client)
    console.log('closed', client.bytesRead, client.bytesWritten)
  }
  async function refuse() {
    const [near, far] = makePair()
    const server = new tls.TLSSocket(far, { isServer: true, key, cert })
    server.on('error', (error) => console.log('server', error.code))
    const client = tls.connect({ socket: near, host: 'localhost' }).on('error', (error) => console.log('client', error.code))
    await closed(client)
    const [left, right] = makePair()
    const other = tls.connect({ socket: left, ...options }).on('error', (error) => console.log('other', error.code))
    right.on('data', () => right.destroy())
    await closed(other)
  }
  async function nest() {
    const inner = tls.createServer({ key, cert }, (socket) => socket.end('from within ' + Math.random()))
    const outer = tls.createServer({ key, cert }, (socket) => inner.emit('connection', socket)).listen(0, '127.0.0.1')
    await new Promise((done) => outer.on('listening', done))
    const below = tls.connect({ port: outer.address().port, host: '127.0.0.1', ...options })
    await new Promise((done) => below.on('secureConnect', done))
    const socket = tls.connect({ socket: below, ...options }).on('data', (data) => console.log(String(data)))
    await closed(socket)
    await new Promise((done) => outer.close(done))
  }
  async function serve() {
    const server = http.createServer((request, response) => response.end(request.url + ' ' + Date.now()))
    const [near, far] = makePair()
    server.emit('connection', far)
    await new Promise((done) => http.get('http://any/path', { createConnection: () => near }, (response) => {
      response.on('data', (data) => console.log(response.statusCode, String(data))).on('end', done)
    }))
  }
  for (const step of [talk, refuse, nest, serve]) {
    await step()
    console.log(step.name)
  }
  process.exit(0)`

t.test('[B1] streams made of JavaScript below TLS and HTTP', async (t) => {
  const dir = t.testdir({ 'duplex.mjs': PROGRAM, 'key.pem': KEY, 'certificate.pem': CERTIFICATE })
  const recorded = await recordInputs([process.execPath, 'duplex.mjs'], { cwd: dir })
  t.equal(recorded.code, 0, recorded.stderr)
  t.match(
    recorded.stdout,
    /client false localhost.*talk\n.*client \w+\n.*refuse\n.*from within.*nest\n200 \/path \d+\nserve\n$/s,
  )
  for (let n = 0; n < TIMES; n++) {
    const replayed = await replayInputs(dir)
    t.match(replayed.verdict, { kind: 'exact', code: 0 })
    t.equal(replayed.stdout, recorded.stdout)
  }
})
