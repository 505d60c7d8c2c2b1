import t from 'tap'
import { testExact } from './exact.js'

/** Says of each callback in whose context it runs, and in whose that was made. */
const IDS = `
  const { executionAsyncId, triggerAsyncId } = require('node:async_hooks')
  const fs = require('node:fs'), net = require('node:net'), http = require('node:http'), zlib = require('node:zlib')
  const mark = (name) => console.log(name, executionAsyncId(), triggerAsyncId())
  setTimeout(() => { mark('timer'); setImmediate(() => mark('immediate')) }, 2)
  fs.readFile(__filename, () => { mark('file'); fs.stat('.', () => mark('stat')) })
  fs.createReadStream(__filename).on('data', () => mark('stream')).on('close', () => mark('stream closed'))
  zlib.gzip('x', () => mark('gzip'))
  require('node:crypto').randomBytes(4, () => mark('bytes'))
  require('node:dns').lookup('localhost', () => mark('name'))
  const child = require('node:child_process').spawn('sh', ['-c', 'cat'])
  child.stdout.on('data', () => mark('output'))
  child.on('exit', () => mark('child')).stdin.end('a')
  const server = net.createServer((socket) => {
    mark('connection')
    socket.on('data', () => { mark('asked'); socket.end('bye', () => mark('answered')) })
  })
  server.listen(0, '127.0.0.1', () => {
    const client = net.connect(server.address().port, '127.0.0.1', () => { mark('connected'); client.write('hello') })
    client.on('data', () => mark('data')).on('close', () => { mark('closed'); server.close(() => mark('server closed')) })
  })
  const web = http.createServer((request, response) => { mark('request'); response.end('x') })
  web.listen(0, '127.0.0.1', () => {
    http.get({ port: web.address().port, host: '127.0.0.1', agent: false }, (response) => {
      mark('response')
      response.on('data', () => mark('body')).on('end', () => web.close())
    })
  })
  const socket = require('node:dgram').createSocket('udp4').on('message', () => { mark('datagram'); socket.close() })
  socket.bind(0, '127.0.0.1', () => socket.send('x', socket.address().port, '127.0.0.1', () => mark('sent')))
  process.once('SIGUSR2', () => mark('signal'))
  setTimeout(() => process.kill(process.pid, 'SIGUSR2'), 20)
  const { port1, port2 } = new MessageChannel()
  port1.on('message', () => { mark('message'); port1.close() })
  port2.postMessage(1)`

testExact(t, 'in whose context callbacks run, and in whose what calls them was made', { file: 'ids.cjs', text: IDS })
