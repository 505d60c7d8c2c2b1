import { CERTIFICATE, KEY } from './certificate.js'
import type { LoadedProgram } from './loads.js'

/** HTTP/2 servers and clients. FILE is a file to send. */
export const HTTP2_PROGRAMS: Readonly<Record<string, LoadedProgram>> = {
  'streams, trailers, resets, pings and settings': {
    file: 'streams.mjs',
    loads: ['3', '30'],
    text: `
      import http2 from 'node:http2'
      import { once } from 'node:events'
      const server = http2.createServer()
      let n = 0
      server.on('stream', (stream, headers) => {
        const path = headers[':path']
        if (path === '/slow') return setTimeout(() => { stream.respond({ ':status': 200, 'x-n': String(++n) }); stream.end('slow ' + Math.random()) }, Math.random() * 10)
        if (path === '/echo') { stream.respond({ ':status': 200 }); let size = 0; stream.on('data', (d) => { size += d.length }); stream.on('end', () => stream.end('size ' + size)); return }
        if (path === '/big') { stream.respond(); return stream.end(Buffer.alloc(300_000, 'x')) }
        if (path === '/trailers') { stream.respond({ ':status': 200 }, { waitForTrailers: true }); stream.on('wantTrailers', () => stream.sendTrailers({ 'x-sum': String(++n) })); return stream.end('body') }
        if (path === '/reset') { stream.on('error', (e) => console.log('server reset', e.code)); return stream.close(http2.constants.NGHTTP2_INTERNAL_ERROR) }
        if (path === '/info') { stream.additionalHeaders({ ':status': 103, link: '</a>' }); stream.respond({ ':status': 404 }); return stream.end() }
        stream.on('error', (e) => console.log('server stream', e.code)).on('aborted', () => console.log('server aborted', ++n))
      })
      server.on('session', (session) => {
        console.log('session', session.type, session.alpnProtocol, ++n)
        session.on('ping', (p) => console.log('server ping', p.length)).on('remoteSettings', (s) => console.log('server remote', s.maxConcurrentStreams, s.initialWindowSize)).on('close', () => console.log('session closed', ++n))
      })
      server.listen(0, '127.0.0.1'); await once(server, 'listening')
      const client = http2.connect('http://127.0.0.1:' + server.address().port, { settings: { enablePush: false, initialWindowSize: 100_000 } })
      client.on('remoteSettings', (s) => console.log('remote', s.maxFrameSize, ++n)).on('localSettings', (s) => console.log('local', s.enablePush))
      const ask = (headers, body) => new Promise((done) => {
        const req = client.request(headers, { endStream: body === undefined })
        let text = '', answer
        req.on('response', (h) => { answer = [h[':status'], h['x-n']]; console.log('response', headers[':path'], ++n) }).on('trailers', (h) => console.log('trailers', h['x-sum'])).on('headers', (h) => console.log('info', h[':status']))
        req.setEncoding('utf8').on('data', (d) => { text += d }).on('error', (e) => console.log('error', e.code)).on('close', () => { console.log(headers[':path'], answer, text.length, text.slice(0, 30), req.rstCode, ++n); done() })
        if (body !== undefined) req.end(body)
      })
      await ask({ ':path': '/slow' })
      await Promise.all(Array.from({ length: Number(process.argv[2] ?? 30) }, (_, i) => ask({ ':path': i % 3 ? '/slow' : '/echo', ':method': i % 3 ? 'GET' : 'POST' }, i % 3 ? undefined : 'y'.repeat(i * 1000))))
      await ask({ ':path': '/big' })
      await ask({ ':path': '/trailers' })
      await ask({ ':path': '/reset' })
      await ask({ ':path': '/info' })
      await new Promise((done) => client.ping(Buffer.from('12345678'), (e, ms, p) => { console.log('pong', e, ms, String(p)); done() }))
      await new Promise((done) => client.settings({ maxHeaderListSize: 5000 }, (e, s, ms) => { console.log('acked', e, s.maxHeaderListSize, ms); done() }))
      const aborted = client.request({ ':path': '/never' }); aborted.on('error', (e) => console.log('aborted', e.name)).on('close', () => console.log('aborted closed', aborted.rstCode)); setTimeout(() => aborted.close(http2.constants.NGHTTP2_CANCEL), 5); await once(aborted, 'close')
      const signal = client.request({ ':path': '/never' }, { signal: AbortSignal.timeout(5) }); signal.on('error', (e) => console.log('signal', e.name)); await new Promise((d) => signal.on('close', d))
      console.log(client.state.localWindowSize, client.socket.remotePort === server.address().port)
      client.close(); await once(client, 'close'); console.log(client.destroyed)
      server.close(() => console.log('end', n))`,
  },
  'over TLS with the API of HTTP/1: files, pushes and a client of HTTP/1': {
    file: 'secure.mjs',
    loads: ['2', '20'],
    text: `
      const KEY = ${JSON.stringify(KEY)}
      const CERTIFICATE = ${JSON.stringify(CERTIFICATE)}
      import http2 from 'node:http2'
      import { once } from 'node:events'
      import fs from 'node:fs'
      import { executionAsyncId, AsyncLocalStorage } from 'node:async_hooks'
      const storage = new AsyncLocalStorage()
      let n = 0
      const file = process.env.FILE
      // The compat API, and pushes, and files.
      const server = http2.createSecureServer({ key: KEY, cert: CERTIFICATE, allowHTTP1: true }, async (req, res) => {
        console.log(req.httpVersion, req.method, req.url, req.authority?.length, executionAsyncId() > 0)
        if (req.url === '/push') {
          res.createPushResponse({ ':path': '/pushed' }, (error, pushed) => { if (error) return console.log('no push', error.code); pushed.end('pushed ' + Math.random()) })
          return res.end('with push')
        }
        if (req.url === '/file') return res.stream.respondWithFile(file, { 'content-type': 'text/plain' }, { statCheck(stat, headers) { headers['x-size'] = stat.size; console.log('stat', stat.size) } })
        if (req.url === '/part') return res.stream.respondWithFile(file, {}, { offset: 10, length: 70_000 })
        if (req.url === '/none') return res.stream.respondWithFile(file + 'x', {}, { onError: (e) => { console.log('none', e.code); res.stream.respond({ ':status': 404 }); res.stream.end() } })
        if (req.url === '/fd') { const fd = fs.openSync(file); res.stream.respondWithFD(fd, { 'x-fd': 'yes' }); res.stream.on('close', () => fs.closeSync(fd)); return }
        res.setHeader('x-n', ++n); res.addTrailers({ 'x-t': 'end' })
        let body = ''
        for await (const part of req) body += part
        res.write('got ' + body.length); setTimeout(() => res.end(' ' + Math.random()), 2)
      })
      server.on('sessionError', (e) => console.log('session error', e.code)).on('clientError', (e) => console.log('client error', e.code))
      server.listen(0, '127.0.0.1'); await once(server, 'listening')
      const url = 'https://localhost:' + server.address().port
      const client = http2.connect(url, { ca: CERTIFICATE, lookup: (h, o, cb) => o.all ? cb(null, [{ address: '127.0.0.1', family: 4 }]) : cb(null, '127.0.0.1', 4) })
      client.on('stream', (pushed, headers) => { let t = ''; pushed.setEncoding('utf8').on('data', (d) => { t += d }).on('end', () => console.log('pushed', headers[':path'], t, ++n)) }).on('origin', (o) => console.log(o)).on('goaway', (c) => console.log('goaway', c))
      await once(client, 'connect')
      console.log(client.alpnProtocol, client.encrypted, client.originSet.length, client.socket.getProtocol(), client.socket.authorized)
      const ask = (path, body) => new Promise((done) => storage.run(path, () => {
        const req = client.request({ ':path': path, ':method': body ? 'POST' : 'GET' })
        let size = 0, last, headers
        req.on('response', (h) => { headers = h }).on('trailers', (h) => console.log('trailers', { ...h })).on('data', (d) => { size += d.length; last = d.at(-1) }).on('error', (e) => console.log('error', e.code)).on('close', () => { console.log(path, headers?.[':status'], headers?.['x-size'], headers?.date?.length, size, last, storage.getStore(), ++n); done() })
        req.end(body)
      }))
      await ask('/plain'); await ask('/post', 'z'.repeat(50_000))
      for (const path of ['/push', '/file', '/part', '/none', '/fd']) await ask(path)
      await Promise.all(Array.from({ length: Number(process.argv[2] ?? 20) }, (_, i) => ask(i % 4 ? '/n' + i : '/file')))
      const { default: https } = await import('node:https')
      await new Promise((done) => https.get(url + '/old', { ca: CERTIFICATE, lookup: (h, o, cb) => o.all ? cb(null, [{ address: '127.0.0.1', family: 4 }]) : cb(null, '127.0.0.1', 4) }, (res) => { let t = ''; res.on('data', (d) => { t += d }).on('end', () => { console.log('http1', res.httpVersion, t); done() }) }))
      client.goaway(0, 0, Buffer.from('bye'))
      client.destroy(); await once(client, 'close')
      console.log(executionAsyncId())
      server.close(() => console.log('end', n, executionAsyncId(), client.socket?.destroyed))`,
  },
  'flow control, failures of every kind and what is rarely used': {
    file: 'rare.mjs',
    loads: ['2', '12'],
    text: `
      import http2 from 'node:http2'
      import http from 'node:http'
      import net from 'node:net'
      import { once } from 'node:events'
      let n = 0
      const server = http2.createServer({ paddingStrategy: http2.constants.PADDING_STRATEGY_ALIGNED })
      server.on('session', (session) => { session.altsvc('h2=":8000"', 'https://example.org:80'); session.setLocalWindowSize(1_000_000); session.on('goaway', (...a) => console.log('server goaway', a[0])).on('error', (e) => console.log('session error', e.code)).on('frameError', (...a) => console.log('frame error', ...a)) })
      server.on('stream', (stream, headers) => {
        stream.on('error', (e) => console.log('stream error', e.code))
        if (headers[':path'] === '/destroy') return stream.session.destroy(new Error('gone'))
        if (headers[':path'] === '/flow') { stream.respond(); let left = 60; const more = () => { while (left-- > 0) if (!stream.write(Buffer.alloc(20_000, left))) return stream.once('drain', more); stream.end() }; return more() }
        if (headers[':path'] === '/slowread') { stream.respond(); let size = 0; stream.on('readable', function read() { const part = stream.read(); if (part) { size += part.length; stream.pause() ; setTimeout(() => stream.resume(), 1) } }); stream.on('end', () => stream.end(String(size))); return }
        stream.respond({ ':status': 200 }); setTimeout(() => { if (!stream.destroyed) stream.end('ok ' + ++n) }, 3)
      })
      server.on('timeout', () => console.log('timeout'))
      server.listen(0, '127.0.0.1'); await once(server, 'listening')
      const url = 'http://127.0.0.1:' + server.address().port
      const open = (options, target = url) => { const c = http2.connect(target, options); c.on('error', (e) => console.log('client error', e.code, e.message)).on('altsvc', (alt, origin, id) => console.log('altsvc', alt, origin, id)).on('goaway', (code) => console.log('goaway', code)); return c }
      const ask = (c, path, body) => new Promise((done) => { const r = c.request({ ':path': path, ':method': body ? 'POST' : 'GET' }, { weight: 20, parent: 0, exclusive: false }); let size = 0; r.on('data', (d) => { size += d.length }).on('error', (e) => console.log('request error', e.code)).on('close', () => { console.log(path, size, r.rstCode, ++n); done() }); if (body) r.end(body); else r.end() })
      const c = open()
      await Promise.all(Array.from({ length: Number(process.argv[2]) }, (_, i) => ask(c, '/n' + i)))
      await ask(c, '/flow'); await ask(c, '/slowread', Buffer.alloc(400_000, 1))
      const up = c.request({ ':path': '/slowread', ':method': 'POST' }); let total = 0; up.on('response', () => {}); for (let i = 0; i < 30; i++) if (!up.write(Buffer.alloc(10_000, i))) await once(up, 'drain'); up.end(); up.setEncoding('utf8').on('data', (d) => { total = d }); await new Promise((d) => up.on('close', d)); console.log('up', total)
      console.log(c.remoteSettings, c.localSettings.maxFrameSize, http2.getPackedSettings({ maxFrameSize: 20000 }).toString('hex'), http2.getDefaultSettings().maxFrameSize)
      await ask(c, '/destroy'); console.log(c.destroyed, c.closed)
      const refused = open({}, 'http://127.0.0.1:1'); await new Promise((d) => refused.on('close', d))
      const plain = http.createServer((q, s) => s.end('http1')).listen(0, '127.0.0.1'); await once(plain, 'listening')
      const wrong = open({}, 'http://127.0.0.1:' + plain.address().port); wrong.request().on('error', (e) => console.log('wrong', e.code)); await new Promise((d) => wrong.on('close', d)); plain.closeAllConnections(); plain.close()
      const raw = net.connect(server.address().port, '127.0.0.1', () => raw.write('GET / HTTP/1.1\\r\\n\\r\\n')); let bytes = 0; raw.on('data', (d) => { bytes += d.length }).on('error', (e) => console.log(e.code)); await new Promise((d) => raw.on('close', d)); console.log('raw', bytes)
      const idle = open(); idle.setTimeout(10, () => { console.log('idle', idle.socket.bytesRead, idle.socket.bytesWritten); idle.close() }); await new Promise((d) => idle.on('close', d))
      const half = open(); const never = half.request({ ':path': '/never' }); never.on('error', (e) => console.log('never', e.code)); await once(half, 'connect'); half.socket.destroyed; setTimeout(() => half.destroy(new Error('enough')), 1); await new Promise((d) => half.on('close', d))
      const many = open({ maxOutstandingPings: 2 }); await once(many, 'connect'); for (let i = 0; i < 4; i++) console.log('ping', i, many.ping((e, ms) => console.log('pinged', i, e?.code, typeof ms))); await new Promise((d) => setTimeout(d, 20)); many.close(); await new Promise((d) => many.on('close', d))
      const bad = open(); await once(bad, 'connect'); try { bad.request({ ':path': '/x', connection: 'close' }) } catch (e) { console.log(e.code) } await ask(bad, '/big-header'); const long = bad.request({ ':path': '/l', 'x-long': 'a'.repeat(70_000) }); long.on('error', (e) => console.log('long', e.code)).on('frameError', (...a) => console.log('long frame', a[1])); await new Promise((d) => long.on('close', d)); bad.close(); if (!bad.destroyed) await new Promise((d) => bad.on('close', d))
      server.close(() => console.log('end', n))`,
  },
}
