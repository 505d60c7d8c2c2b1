import type { LoadedProgram } from './loads.js'

/** Servers and clients of a program's own, by real libraries. Each prints what would differ in a second run. */
export const NETWORK_PROGRAMS: Readonly<Record<string, LoadedProgram>> = {
  'an Express server under 300 concurrent requests': {
    file: 'express.mjs',
    loads: ['30', '300'],
    text: `
      import express from 'express'
      import http from 'node:http'
      const app = express()
      let n = 0
      app.use(express.json())
      app.get('/slow/:id', (req, res) => setTimeout(() => res.json({ id: req.params.id, n: ++n, at: Date.now() }), Math.random() * 20))
      app.post('/echo', (req, res) => res.set('x-n', String(++n)).json(req.body))
      app.get('/fail', () => { throw new Error('failed ' + ++n) })
      app.use((error, req, res, next) => res.status(500).send(error.message))
      const server = app.listen(0, '127.0.0.1', async () => {
        const base = 'http://127.0.0.1:' + server.address().port
        const LOAD = Number(process.argv[2] ?? 300)
        const seen = await Promise.all(Array.from({ length: LOAD }, async (_, i) => {
          const response = i % 3 === 0 ? await fetch(base + '/slow/' + i)
            : i % 3 === 1 ? await fetch(base + '/echo', { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ i, text: 'x'.repeat(i * 10) }) })
            : await fetch(base + '/fail')
          const text = await response.text()
          return [i, response.status, text.length, text.slice(0, 60), n]
        }))
        for (const line of seen) console.log(...line)
        server.close(() => console.log('closed', n))
        server.closeAllConnections()
      })`,
  },
  'a Fastify server under 300 concurrent requests': {
    file: 'fastify.mjs',
    loads: ['30', '300'],
    text: `
      import Fastify from 'fastify'
      const app = Fastify({ logger: true })
      let n = 0
      app.get('/slow/:id', async (req) => { await new Promise((d) => setTimeout(d, Math.random() * 20)); return { id: req.params.id, n: ++n, at: Date.now() } })
      app.post('/echo', { schema: { body: { type: 'object', properties: { i: { type: 'number' } } } } }, async (req, reply) => { reply.header('x-n', ++n); return req.body })
      app.get('/fail', async () => { throw new Error('failed ' + ++n) })
      const base = await app.listen({ port: 0, host: '127.0.0.1' })
      const LOAD = Number(process.argv[2] ?? 300)
      const seen = await Promise.all(Array.from({ length: LOAD }, async (_, i) => {
        const response = i % 3 === 0 ? await fetch(base + '/slow/' + i)
          : i % 3 === 1 ? await fetch(base + '/echo', { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ i, text: 'x'.repeat(i * 10) }) })
          : await fetch(base + '/fail')
        return [i, response.status, await response.text(), n]
      }))
      for (const line of seen) app.log.info(line.join(' '))
      await app.close()
      app.log.info('closed ' + n)`,
  },
  'a WebSocket server: compression, broadcasts, clients within and outside': {
    file: 'ws.mjs',
    loads: ['2', '10'],
    text: `
      import { WebSocketServer, WebSocket } from 'ws'
      import { spawn } from 'node:child_process'
      const server = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: { threshold: 64 } })
      let n = 0
      server.on('connection', (socket) => {
        const id = ++n
        socket.on('message', (data, binary) => {
          console.log('got', id, data.length, binary, ++n)
          for (const one of server.clients) one.send(binary ? data : \`from \${id}: \${data} \${Math.random()}\`)
        })
        socket.on('close', (code, reason) => console.log('left', id, code, String(reason)))
        socket.on('pong', (data) => console.log('pong', id, String(data), ++n))
        socket.ping('p' + id)
      })
      await new Promise((done) => server.on('listening', done))
      const url = 'ws://127.0.0.1:' + server.address().port
      const CLIENTS = Number(process.argv[2] ?? 10)
      const outside = spawn(process.execPath, ['-e', \`
        const { WebSocket } = require('ws')
        let left = 5
        for (let i = 0; i < 5; i++) {
          const socket = new WebSocket(process.argv[1], { perMessageDeflate: { threshold: 8 } })
          let got = 0
          socket.on('open', () => socket.send('outside ' + i + ' ' + 'text '.repeat(200)))
          socket.on('message', () => { if (++got === 3) socket.close(1000, 'bye') })
          socket.on('close', () => --left)
        }\`, url], { env: { PATH: process.env.PATH }, stdio: ['ignore', 'pipe', 'inherit'] })
      outside.on('exit', (code) => console.log('outside', code))
      await Promise.all(Array.from({ length: CLIENTS }, (_, i) => new Promise((done) => {
        const socket = new WebSocket(url)
        let got = 0
        socket.on('open', () => { socket.send('hello '.repeat(i * 20)); socket.send(Buffer.alloc(i * 1000, i)) })
        socket.on('message', (data, binary) => { console.log('client', i, data.length, binary, ++n); if (++got === 4) socket.close(4000, 'done ' + i) })
        socket.on('close', (code, reason) => { console.log('closed', i, code, String(reason)); done() })
      })))
      await new Promise((done) => outside.exitCode === null ? outside.on('exit', done) : done())
      server.close(() => console.log('end', n))`,
  },
  'HTTP clients: keep-alive, aborts, redirects and failures': {
    file: 'clients.mjs',
    loads: ['2', '20'],
    text: `
      import http from 'node:http'
      import https from 'node:https'
      import net from 'node:net'
      const server = http.createServer((req, res) => {
        if (req.url === '/redirect') { res.writeHead(302, { location: '/end' }); return res.end() }
        if (req.url === '/hang') return
        if (req.url === '/reset') return req.socket.resetAndDestroy()
        if (req.url === '/half') { res.writeHead(200, { 'content-length': 100 }); res.write('half'); return setTimeout(() => req.socket.destroy(), 2) }
        if (req.url === '/stream') { let n = 0; const i = setInterval(() => { res.write('part ' + Math.random() + '\\n'); if (++n === 5) { clearInterval(i); res.end() } }, 1); return }
        if (req.url === '/up') { let size = 0; req.on('data', (d) => { size += d.length }); return req.on('end', () => res.end('size ' + size)) }
        res.end(req.url + ' ' + req.socket.remotePort + ' ' + Math.random())
      })
      await new Promise((d) => server.listen(0, '127.0.0.1', d))
      const port = server.address().port
      const base = 'http://127.0.0.1:' + port
      const show = async (name, body) => { try { console.log(name, await body()) } catch (e) { console.log(name, 'failed', e.name, e.code ?? e.cause?.code, e.message) } }
      await show('redirect', async () => { const r = await fetch(base + '/redirect'); return [r.redirected, r.url === base + '/end', await r.text()] })
      await show('manual', async () => { const r = await fetch(base + '/redirect', { redirect: 'error' }); return r.status })
      await show('abort', () => { const c = new AbortController(); setTimeout(() => c.abort(), 5); return fetch(base + '/hang', { signal: c.signal }) })
      await show('timeout', () => fetch(base + '/hang', { signal: AbortSignal.timeout(10) }))
      await show('reset', () => fetch(base + '/reset'))
      await show('half', async () => (await fetch(base + '/half')).text())
      await show('refused', () => fetch('http://127.0.0.1:1'))
      await show('nowhere', () => fetch('http://nowhere.invalid'))
      await show('stream', async () => { let all = ''; for await (const part of (await fetch(base + '/stream')).body) all += Buffer.from(part); return all })
      await show('up', async () => (await fetch(base + '/up', { method: 'POST', duplex: 'half', body: new ReadableStream({ async pull(c) { c.enqueue(new Uint8Array(1000)); if (Math.random() < 0.2) c.close() } }) })).text())
      const agent = new http.Agent({ keepAlive: true, maxSockets: 2 })
      const get = (path, options = {}) => new Promise((done, fail) => {
        const req = http.get(base + path, { agent, ...options }, (res) => { let t = ''; res.setEncoding('utf8').on('data', (d) => { t += d }).on('end', () => done([req.reusedSocket, t])).on('error', fail) })
        req.on('error', fail).on('timeout', () => req.destroy(new Error('timed out')))
      })
      await show('many', async () => (await Promise.all(Array.from({ length: Number(process.argv[2] ?? 20) }, (_, i) => get('/k' + i)))).map(String).join('|'))
      await show('again', () => get('/again'))
      await show('http timeout', () => get('/hang', { timeout: 10 }))
      await show('http abort', () => get('/hang', { signal: AbortSignal.timeout(8) }))
      await show('http reset', () => get('/reset'))
      await show('http half', () => get('/half'))
      await show('http refused', () => new Promise((d, f) => http.get('http://127.0.0.1:1').on('error', f)))
      await show('dual', () => new Promise((d, f) => http.get('http://localhost:1').on('error', f)))
      await show('tls to plain', () => new Promise((d, f) => https.get('https://127.0.0.1:' + port).on('error', f)))
      await show('upgrade', () => new Promise((d, f) => { server.once('upgrade', (req, socket) => { socket.write('HTTP/1.1 101 Switching\\r\\nConnection: Upgrade\\r\\nUpgrade: x\\r\\n\\r\\nhello'); socket.end() }); http.get(base + '/u', { headers: { connection: 'upgrade', upgrade: 'x' } }).on('upgrade', (res, socket, head) => { let t = String(head); socket.on('data', (x) => { t += x }).on('end', () => d(t)) }) }))
      await show('raw', () => new Promise((d) => { const s = net.connect(port, '127.0.0.1', () => s.end('GARBAGE\\r\\n\\r\\n')); let t = ''; s.on('data', (x) => { t += x }).on('close', () => d(t)) }))
      agent.destroy(); server.closeAllConnections(); server.close(() => console.log('closed'))`,
  },
  'TLS with pre-shared keys, ticket keys, a datagram socket and a write that waits': {
    file: 'psk.mjs',
    loads: ['1', '10'],
    text: `
      import tls from 'node:tls'
      import dgram from 'node:dgram'
      import net from 'node:net'
      import { once } from 'node:events'
      const key = Buffer.from('d731ef57be09e5204f0b205b60627028', 'hex')
      let n = 0
      const options = { ciphers: 'PSK', minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2' }
      const server = tls.createServer({ ...options, pskIdentityHint: 'some hint', pskCallback(socket, identity) { console.log('server asks', identity, socket instanceof tls.TLSSocket, ++n); return identity === 'known' ? key : null } }, (socket) => { socket.on('data', (d) => socket.end('echo ' + d + Math.random())).on('error', (e) => console.log('server', e.code)) })
      server.on('tlsClientError', (e) => console.log('client error', e.code))
      server.listen(0, '127.0.0.1'); await once(server, 'listening')
      const dial = (identity) => new Promise((done) => { const c = tls.connect({ ...options, port: server.address().port, host: '127.0.0.1', checkServerIdentity: () => {}, pskCallback(hint) { console.log('client asked', hint, ++n); return { psk: key, identity } } }, () => { console.log('secure', c.getCipher().name, c.getProtocol()); c.write('hello') }); c.on('data', (d) => console.log(String(d))).on('error', (e) => console.log('failed', e.code)).on('close', done) })
      for (let i = 0; i < Number(process.argv[2] ?? 3); i++) await dial('known')
      await dial('unknown')
      console.log(server.getTicketKeys().toString('hex'))
      server.close()
      const udp = dgram.createSocket('udp4'); udp.bind(0, '127.0.0.1'); await once(udp, 'listening'); const state = Object.getOwnPropertySymbols(udp).find((one) => one.description === 'state symbol'); console.log(udp[state].handle.fd, udp.getRecvBufferSize(), udp.getSendQueueSize()); udp.close()
      let other
      const sink = net.createServer((s) => { other = s.pause() }).listen(0, '127.0.0.1'); await once(sink, 'listening')
      const c = net.connect(sink.address().port, '127.0.0.1'); c.setTimeout(20, () => { console.log('timeout', c._handle?.writeQueueSize); c.destroy() }); c.write(Buffer.alloc(20_000_000)); c.on('close', () => { other.destroy(); sink.close(); console.log('end', n, c.bytesWritten) })`,
  },
}
