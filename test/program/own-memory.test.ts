import t from 'tap'
import { CERTIFICATE, KEY } from './certificate.js'
import { testExact } from './exact.js'
import { recordInputs, replayInputs } from './rig.js'

/** A client that reads into one buffer of its own, and one that hands out another for each read. */
const CLIENTS = `
  const { createHash } = require('node:crypto')
  const { performance } = require('node:perf_hooks')
  function read(connect, options, name, done) {
    const hash = createHash('sha1')
    let [reads, bytes, n] = [0, 0, 0]
    const ring = Array.from({ length: 3 }, () => Buffer.alloc(700))
    const buffer = name === 'ring' ? () => ring[n++ % 3] : Buffer.alloc(1000)
    const socket = connect({ ...options, onread: {
      buffer,
      callback(size, memory) {
        hash.update(memory.subarray(0, size))
        bytes += size
        if (++reads % 5 === 0) { setTimeout(() => socket.resume(), 1); return false }
        return true
      },
    } })
    socket.on('end', () => console.log(name, bytes, hash.digest('hex'), socket.bytesRead, performance.now() > 0))
    socket.on('close', done)
  }`

const BODY = `Buffer.from(Array.from({ length: 40_000 }, (_, i) => (i * 7 + (i >> 8)) & 255))`

testExact(t, 'sockets that read into memory of the program', {
  file: 'net.cjs',
  text: `${CLIENTS}
  const net = require('node:net')
  const server = net.createServer((socket) => socket.end(${BODY}))
  server.listen(0, () => {
    const options = { port: server.address().port }
    read(net.connect, options, 'one', () => read(net.connect, options, 'ring', () => server.close()))
  })`,
})

testExact(t, 'TLS sockets that read into memory of the program', {
  file: 'tls.cjs',
  text: `${CLIENTS}
  const tls = require('node:tls')
  const server = tls.createServer(${JSON.stringify({ key: KEY, cert: CERTIFICATE })}, (socket) => socket.end(${BODY}))
  server.listen(0, () => {
    const options = { port: server.address().port, rejectUnauthorized: false }
    read(tls.connect, options, 'one', () => server.close())
  })`,
})

t.test('[B1] what is read into memory of the program is not put off by chaos', async (t) => {
  const text = `${CLIENTS}
  const net = require('node:net')
  const server = net.createServer((socket) => socket.end(${BODY}))
  server.listen(0, () => read(net.connect, { port: server.address().port }, 'one', () => server.close()))
  console.log(require('node:crypto').createHash('sha1').update(${BODY}).digest('hex'))`
  const dir = t.testdir({ 'net.cjs': text })
  const recorded = await recordInputs([process.execPath, 'net.cjs'], { cwd: dir }, ['--chaos=7'])
  const [hash, line] = recorded.stdout.split('\n')
  t.match(line, `one 40000 ${hash} 40000 true`)
  const replayed = await replayInputs(dir)
  t.match(replayed.verdict, { kind: 'exact' })
  t.equal(replayed.stdout, recorded.stdout)
})
