import { CERTIFICATE, KEY } from './certificate.js'

/** Programs to record and run again. Each prints what would differ in a second run. */
export const PROGRAMS: Readonly<
  Record<string, { readonly file: string; readonly text: string; readonly code?: number }>
> = {
  'clocks and chance': {
    file: 'clocks.cjs',
    text: `
      console.log(Date.now(), new Date().toISOString(), Math.random(), performance.now(), process.hrtime.bigint())
      console.log(process.pid, process.memoryUsage().rss, require('os').freemem(), require('os').loadavg())
      console.log(require('crypto').randomUUID(), require('crypto').randomBytes(8).toString('hex'))
      require('crypto').randomBytes(8, (error, bytes) => console.log('bytes', bytes.toString('hex')))
      console.log(require('vm').runInContext('Date.now() + ":" + Math.random()', require('vm').createContext({})))`,
  },
  'timers, immediates, ticks and promises': {
    file: 'timers.mjs',
    text: `
      import { setTimeout as sleep, scheduler } from 'node:timers/promises'
      import { AsyncLocalStorage } from 'node:async_hooks'
      const storage = new AsyncLocalStorage()
      let n = 0
      for (let i = 0; i < 20; i++) {
        setTimeout(() => {
          console.log('timer', i, ++n)
          process.nextTick(() => console.log('tick', i))
          Promise.resolve().then(() => console.log('micro', i))
        }, Math.random() * 6)
        setImmediate(() => console.log('immediate', i, ++n))
        storage.run(i, async () => { await sleep(Math.random() * 5); console.log('slept', storage.getStore(), ++n) })
      }
      const interval = setInterval(() => { console.log('interval', ++n, Date.now()); if (n > 70) clearInterval(interval) }, 1)
      AbortSignal.timeout(7).addEventListener('abort', () => console.log('aborted', ++n))
      const { port1, port2 } = new MessageChannel()
      port2.on('message', (message) => { console.log('message', message, ++n); port2.close() })
      port1.postMessage({ hi: 1 })
      await scheduler.wait(3)
      console.log('waited', ++n)`,
  },
  'files, streams and the thread pool': {
    file: 'files.mjs',
    text: `
      import fs from 'node:fs'
      import fsp from 'node:fs/promises'
      import zlib from 'node:zlib'
      import { pipeline } from 'node:stream/promises'
      import { promisify } from 'node:util'
      import { scrypt, webcrypto } from 'node:crypto'
      const dir = process.env.DATA
      let n = 0
      const jobs = [0, 1, 2, 3].map(async (i) => {
        const text = await fsp.readFile(dir + '/' + i, 'utf8')
        console.log('read', i, text.length, ++n)
        await new Promise((done) => fs.stat(dir + '/' + i, (error, stat) => { console.log(stat.size, stat.mtimeMs, ++n); done() }))
      })
      jobs.push(new Promise((done) => fs.createReadStream(dir + '/big', { highWaterMark: 4096 })
        .on('data', (part) => console.log('part', part.length, part[0], ++n)).on('end', done)))
      jobs.push(promisify(zlib.gzip)(fs.readFileSync(dir + '/big')).then((bytes) => console.log('gzip', bytes.length, ++n)))
      jobs.push(promisify(scrypt)('pw', 'salt', 32).then((key) => console.log('scrypt', key.toString('hex'), ++n)))
      jobs.push(webcrypto.subtle.digest('SHA-256', Buffer.from('x')).then((hash) => console.log(hash.byteLength, ++n)))
      await Promise.all(jobs)
      await pipeline(fs.createReadStream(dir + '/1'), zlib.createGzip(), fs.createWriteStream(dir + '/out.gz'))
      const handle = await fsp.open(dir + '/2')
      console.log((await handle.read(Buffer.alloc(10), 0, 10, 0)).bytesRead, (await handle.stat()).size)
      await handle.close()
      console.log((await fsp.readdir(dir)).join())
      try { fs.statSync(dir + '/nope') } catch (error) { console.log(error.code, error.message) }
      try { await fsp.readFile(dir + '/nope') } catch (error) { console.log(error.code, error.message) }
      for (const name of ['out.gz']) fs.unlinkSync(dir + '/' + name)`,
  },
  'an HTTP server and its clients': {
    file: 'http.mjs',
    text: `
      import http from 'node:http'
      let n = 0
      const server = http.createServer((request, response) => {
        setTimeout(() => {
          response.setHeader('x-random', Math.random())
          response.write('hello ' + request.url + ' ')
          setTimeout(() => response.end(String(Date.now())), Math.random() * 4)
        }, Math.random() * 4)
      })
      await new Promise((done) => server.listen(0, '127.0.0.1', done))
      const { port } = server.address()
      const base = 'http://127.0.0.1:' + port
      const agent = new http.Agent({ keepAlive: true, maxSockets: 4 })
      const get = (path) => new Promise((done, fail) => http.get(base + path, { agent }, (response) => {
        let text = ''
        response.setEncoding('utf8').on('data', (part) => { text += part }).on('end', () => done(text))
      }).on('error', fail))
      await Promise.all(Array.from({ length: 12 }, async (_, i) => console.log('get', i, await get('/g' + i), ++n)))
      await Promise.all(Array.from({ length: 6 }, async (_, i) => {
        const response = await fetch(base + '/f' + i)
        console.log('fetch', i, response.status, response.headers.get('x-random'), await response.text(), ++n)
      }))
      try { await fetch('http://127.0.0.1:1/') } catch (error) { console.log(error.cause.code) }
      agent.destroy()
      server.close(() => console.log('closed', Date.now()))
      server.closeAllConnections()`,
  },
  'children and signals': {
    file: 'children.cjs',
    text: `
      const { spawn, execSync, execFile } = require('node:child_process')
      console.log(execSync('date +%N; echo $$').toString())
      const child = spawn('sh', ['-c', 'echo out $$; echo err >&2; cat; exit 3'])
      child.stdout.on('data', (text) => console.log('out', String(text)))
      child.stderr.on('data', (text) => console.log('err', String(text)))
      child.on('exit', (code) => console.log('exit', code)).on('close', () => console.log('close'))
      child.stdin.end('hello')
      execFile('date', ['+%N'], (error, out) => console.log('date', out))
      spawn('/nowhere').on('error', (error) => console.log(error.code))
      process.on('SIGUSR2', () => { console.log('signal', Date.now()); clearInterval(waiting) })
      const waiting = setInterval(() => {}, 1000)
      setTimeout(() => process.kill(process.pid, 'SIGUSR2'), 5)`,
  },
  'workers, their ports, their output and their ends': {
    file: 'many.mjs',
    text: `
      import { Worker, MessageChannel, BroadcastChannel, receiveMessageOnPort, setEnvironmentData, getEnvironmentData, isMainThread, threadId, SHARE_ENV } from 'node:worker_threads'
      import { once } from 'node:events'
      let n = 0
      const say = (...words) => console.log(...words, ++n)
      setEnvironmentData('some', { a: 1 })
      const start = (text, options) => new Worker(text, { eval: true, ...options })
      const P = "const { parentPort: p, workerData: d, threadId } = require('node:worker_threads');"
      const jobs = []
      const job = (name, body) => jobs.push(body().then((value) => say(name, value), (error) => say(name, 'failed', error.name, error.code, error.message)))

      job('ends', async () => {
        const w = start(P + "for (let i = 0; i < 4; i++) p.postMessage([i, Math.random(), process.hrtime.bigint()]); process.exit(5)")
        w.on('message', (m) => { say('last words', m); process.nextTick(() => say('tick')); Promise.resolve().then(() => say('micro')) })
        w.on('online', () => say('online', w.threadId, Object.keys(w.resourceLimits).length))
        return await once(w, 'exit')
      })
      job('throws', async () => {
        const w = start(P + "setTimeout(() => { const e = new RangeError('at ' + Date.now()); e.code = 'X'; throw e }, 2)", { env: { A: '1' } })
        w.on('exit', (code) => say('exit', code))
        return await once(w, 'message')
      })
      job('own options', async () => {
        const w = start(P + "p.postMessage([process.env, process.execArgv, process.argv.slice(2), require('node:worker_threads').getEnvironmentData('some')])",
          { env: { B: '2' }, execArgv: ['--no-warnings'], argv: [1, 'two'], name: 'named', resourceLimits: { maxOldGenerationSizeMb: 64 } })
        const [m] = await once(w, 'message')
        say('limits', w.resourceLimits)
        return JSON.stringify(m)
      })
      job('out of memory', async () => {
        const w = start("const all = []; for (;;) all.push(new Array(1000).fill(Math.random()))", { resourceLimits: { maxOldGenerationSizeMb: 8, maxYoungGenerationSizeMb: 2 } })
        w.on('exit', (code) => say('exit', code))
        return await once(w, 'never')
      })
      job('terminated', async () => {
        const w = start("setInterval(() => {}, 1000)")
        await once(w, 'online')
        return await w.terminate()
      })
      job('ports', async () => {
        const w = start(P + "p.once('message', ({ port }) => { const { port1, port2 } = new MessageChannel(); port1.on('message', (m) => { port1.postMessage('echo ' + m); port1.close() }); port.postMessage({ back: [port2], at: Date.now() }, [port2]); port.close() })")
        const { port1, port2 } = new MessageChannel()
        w.postMessage({ port: port2 }, [port2])
        port1.once('close', () => say('port1 closed'))
        const [m] = await once(port1, 'message')
        say('back', m.at, m.back[0].constructor.name)
        const answer = once(m.back[0], 'message')
        m.back[0].once('close', () => say('back closed'))
        m.back[0].postMessage('hi')
        return await answer
      })
      job('buffers', async () => {
        const w = start(P + "p.on('message', (b) => { new Uint8Array(b).fill(7); p.postMessage(b, [b]); p.close() })")
        const b = new ArrayBuffer(8)
        w.postMessage(b, [b])
        say('detached', b.byteLength)
        const [c] = await once(w, 'message')
        return c
      })
      job('stdio', async () => {
        const w = start("process.stdin.on('data', (d) => process.stdout.write('got ' + d)); process.stdin.on('end', () => console.error('done', Math.random()))", { stdin: true, stdout: true, stderr: true })
        w.stdout.on('data', (d) => say('out', String(d)))
        w.stderr.on('data', (d) => say('err', String(d)))
        w.stdin.write('a'); w.stdin.end('b')
        return await once(w, 'exit')
      })
      job('plain stdio', async () => {
        const w = start("console.log('from the worker', Math.random()); console.error('and', process.pid > 0)", { env: SHARE_ENV })
        return await once(w, 'exit')
      })
      job('not clonable', async () => { start('').postMessage(() => {}) })
      job('cannot tell', async () => { const w = start("throw { get a() { return Symbol() }, b: () => {} }"); return await once(w, 'message') })
      job('nested', async () => {
        const w = start(P + "const { Worker } = require('node:worker_threads'); const c = new Worker(d, { eval: true }); c.on('message', (m) => p.postMessage(['inner', m, c.threadId]))",
          { workerData: P + 'p.postMessage(process.uptime())' })
        return await once(w, 'message')
      })
      job('broadcast', async () => {
        const channel = new BroadcastChannel('them')
        const got = new Promise((done) => { channel.onmessage = (e) => { done(e.data); channel.close() } })
        start("const c = new BroadcastChannel('them'); c.postMessage({ r: Math.random() }); c.close()")
        return await got
      })
      job('bad', async () => new Worker('nowhere'))
      job('missing', async () => once(new Worker('./nowhere.js'), 'message'))
      job('bad flag', async () => start('', { execArgv: ['--nonsense'] }))
      {
        const { port1, port2 } = new MessageChannel()
        const { port1: inner } = new MessageChannel()
        port1.postMessage({ at: Date.now(), inner }, [inner])
        const got = receiveMessageOnPort(port2)
        say('polled', Object.keys(got.message), receiveMessageOnPort(port2), port1.hasRef(), port2.hasRef())
        port2.on('message', () => {})
        say('ref', port2.hasRef()); port2.close(); port1.once('close', () => say('closed one'))
      }
      await Promise.all(jobs)
      say('all', isMainThread, threadId, getEnvironmentData('some'))`,
  },
  'a worker whose last words are heard while it is buried': {
    file: 'last-words.cjs',
    code: 4,
    text: `
      const { Worker } = require('node:worker_threads')
      const text = "const p = require('node:worker_threads').parentPort; for (let i = 0; i < 5; i++) p.postMessage(Date.now()); process.exit(1)"
      const ends = [0, 1].map(() => new Worker(text, { eval: true }))
      let n = 0
      for (const [i, worker] of ends.entries()) {
        worker.on('message', (at) => {
          console.log(i, at, ++n)
          process.nextTick(() => console.log('tick', n))
          if (n === 8) process.exit(4)
        })
        worker.on('exit', () => { console.log('exit', i); process.nextTick(() => console.log('tick behind', i)) })
      }
      process.on('exit', (code) => console.log('exit', code, Date.now()))
      const stop = performance.now() + 400
      while (performance.now() < stop) for (let i = 0; i < 1e6; i++);
      setInterval(() => {}, 1000)`,
  },
  'errors that are caught late, and a loop that goes on': {
    file: 'late.cjs',
    text: `
      let n = 0
      process.on('uncaughtException', (error) => {
        console.log('caught', error.message, ++n, Date.now())
        process.nextTick(() => console.log('tick', n))
      })
      setImmediate(() => { Promise.resolve().then(() => console.log('micro')); throw new Error('immediate') })
      setImmediate(() => console.log('second immediate'))
      setTimeout(() => { throw new Error('timer') }, 1)
      setTimeout(() => { process.nextTick(() => console.log('tick')); throw new Error('other timer') }, 1)
      require('node:fs').readFile(__filename, () => { throw new Error('read') })
      let rounds = 0
      process.on('beforeExit', () => { console.log('before', ++rounds); if (rounds < 3) setTimeout(() => console.log(Date.now()), 2) })
      process.on('exit', (code) => console.log('exit', code))`,
  },
  'an error that nobody catches': {
    file: 'uncaught.cjs',
    code: 1,
    text: `
      process.on('exit', (code) => console.log('exiting', code, Date.now()))
      setTimeout(() => { console.log('about to', Math.random()); null.property }, 3)`,
  },
  'a rejection that nobody handles': {
    file: 'rejected.mjs',
    code: 1,
    text: `
      await new Promise((done) => setTimeout(done, 2))
      Promise.reject(new Error('nobody ' + Date.now()))`,
  },
  'process.exit within a callback': {
    file: 'exit.cjs',
    code: 7,
    text: `setTimeout(() => { console.log(Date.now()); process.exit(7) }, 2); setInterval(() => {}, 1000)`,
  },
  'directories read piece by piece': {
    file: 'directories.mjs',
    text: `
      import fs from 'node:fs'
      import fsp from 'node:fs/promises'
      const dir = process.env.DATA
      fs.mkdirSync(dir + '/inner')
      fs.writeFileSync(dir + '/inner/' + Date.now(), '')
      let n = 0
      for await (const entry of await fsp.opendir(dir, { bufferSize: 2 })) console.log(entry.name, entry.isDirectory(), ++n)
      const sync = fs.opendirSync(dir)
      for (let entry; (entry = sync.readSync()); ) console.log(entry.name, entry.isFile(), ++n)
      sync.closeSync()
      for await (const entry of await fsp.opendir(dir, { recursive: true })) console.log(entry.name, ++n)
      fs.opendir(dir + '/nope', (error) => console.log(error.code, error.message, ++n))
      try { fs.opendirSync(dir + '/nope') } catch (error) { console.log(error.code, ++n) }
      const other = fs.promises.opendir(dir).then((one) => one.close()).then(() => console.log('closed', ++n))
      await Promise.all([other, fsp.readdir(dir).then((names) => console.log(names.length, ++n))])`,
  },
  'files that are watched': {
    file: 'watched.mjs',
    text: `
      import fs from 'node:fs'
      import fsp from 'node:fs/promises'
      const dir = process.env.DATA
      const file = dir + '/0'
      let n = 0
      const watcher = fs.watch(dir, (type, name) => {
        console.log(type, name, ++n, Date.now())
        if (name === 'new') watcher.close()
      })
      watcher.on('close', () => console.log('closed', ++n))
      fs.writeFileSync(file, 'changed')
      fs.writeFileSync(dir + '/new', 'made')
      try { fs.watch(dir + '/nope') } catch (error) { console.log(error.code, error.message) }
      const change = setInterval(() => fs.appendFileSync(file, 'more'), 20)
      await new Promise((done) => fs.watchFile(file, { interval: 5 }, (now, before) => {
        console.log(now.size, before.size, now.mtimeMs, ++n)
        fs.unwatchFile(file)
        clearInterval(change)
        done()
      }))
      await new Promise((done) => fs.watchFile(dir + '/nope', { interval: 5, bigint: true }, (now) => {
        console.log(now.size, ++n)
        fs.unwatchFile(dir + '/nope')
        done()
      }))
      const stop = new AbortController()
      setTimeout(() => fs.writeFileSync(dir + '/last', ''), 3)
      try {
        for await (const change of fsp.watch(dir, { signal: stop.signal })) {
          console.log(change.eventType, change.filename, ++n)
          if (change.filename === 'last') stop.abort()
        }
      } catch (error) { console.log(error.name) }`,
  },
  'an HTTPS server and its clients': {
    file: 'https.mjs',
    text: `
      import https from 'node:https'
      const [key, cert] = [\`${KEY}\`, \`${CERTIFICATE}\`]
      let n = 0
      const server = https.createServer({ key, cert }, (request, response) => {
        setTimeout(() => {
          response.setHeader('x-random', Math.random())
          response.write('hello ' + request.url + ' ' + request.socket.servername + ' ')
          request.pipe(response, { end: false })
          request.on('end', () => setTimeout(() => response.end(String(Date.now())), Math.random() * 4))
        }, Math.random() * 4)
      })
      await new Promise((done) => server.listen(0, '127.0.0.1', done))
      const { port } = server.address()
      const agent = new https.Agent({ keepAlive: true, maxSockets: 4, ca: cert })
      const options = { host: '127.0.0.1', servername: 'other.test', port, agent, method: 'POST' }
      const send = (path, body) => new Promise((done, fail) => https.request({ ...options, path }, (response) => {
        let text = ''
        response.setEncoding('utf8').on('data', (part) => { text += part })
        response.on('end', () => done(text + response.headers['x-random']))
      }).on('error', fail).end(body))
      const one = async (_, i) => console.log('sent', i, await send('/' + i, 'body ' + i), ++n)
      await Promise.all(Array.from({ length: 12 }, one))
      console.log((await send('/large', 'x'.repeat(300000))).length, ++n)
      https.get({ host: '127.0.0.1', port }).on('error', (error) => {
        console.log(error.code, error.message, ++n)
        agent.destroy()
        server.close(() => console.log('closed', Date.now()))
        server.closeAllConnections()
      })`,
  },
  'TLS sockets by name and protocol': {
    file: 'tls.mjs',
    text: `
      import tls from 'node:tls'
      import { AsyncLocalStorage } from 'node:async_hooks'
      const [key, cert] = [\`${KEY}\`, \`${CERTIFICATE}\`]
      const storage = new AsyncLocalStorage()
      let n = 0
      const after = (...words) => () => {
        console.log(...words, ++n)
        process.nextTick(() => console.log('tick', ...words, ++n))
        Promise.resolve().then(() => console.log('micro', ...words, ++n))
      }
      const options = {
        key, cert, ALPNProtocols: ['second', 'first'], requestCert: true, rejectUnauthorized: false,
        SNICallback(name, done) {
          console.log('asked for', name, ++n)
          setTimeout(() => done(null, tls.createSecureContext({ key, cert })), 1)
        },
      }
      const server = tls.createServer(options, (socket) => {
        console.log('secure', socket.servername, socket.alpnProtocol, socket.authorized, socket.getProtocol(), ++n)
        socket.write('one ', after('one'))
        socket.write('two ')
        socket.pipe(socket)
      })
      server.on('newSession', (id, data, done) => { console.log('session', id.length, data.length, ++n); done() })
      server.on('tlsClientError', (error) => console.log('client error', error.code, ++n))
      await new Promise((done) => server.listen(0, '127.0.0.1', done))
      const { port } = server.address()
      const open = (i) => new Promise((done) => storage.run(i, () => {
        const own = i % 2 === 0 ? { key, cert } : {}
        const servername = i < 3 ? 'localhost' : 'other.test'
        const socket = tls.connect({ port, host: '127.0.0.1', servername, ca: cert, ALPNProtocols: ['first'], ...own }, () => {
          const peer = socket.getPeerCertificate(true)
          console.log(i, storage.getStore(), socket.authorized, socket.alpnProtocol, socket.getCipher().name, ++n)
          console.log(peer.subject.CN, peer.issuerCertificate === peer, socket.getPeerX509Certificate().subject)
          console.log(socket.getFinished().length, socket.exportKeyingMaterial(8, 'label').toString('hex'))
          for (let part = 0; part < 3; part++) socket.write('part ' + part + ' ', after('written', i, part))
          socket.end('end')
        })
        socket.on('session', (session) => console.log('client session', i, session.length, ++n))
        let text = ''
        socket.setEncoding('utf8').on('data', (part) => { text += part })
        socket.on('end', () => console.log('end', i, storage.getStore(), text, socket.bytesRead, ++n))
        socket.on('close', done).on('error', (error) => console.log(i, error.code))
      }))
      await Promise.all([0, 1, 2, 3, 4, 5].map(open))
      const wrong = tls.connect({ port, host: '127.0.0.1', servername: 'third.test', ca: cert, ALPNProtocols: ['third'] })
      wrong.on('error', (error) => {
        console.log(error.code, ++n)
        server.close(() => console.log('closed', ++n))
      })`,
  },
  'the asynchronous context of what was asked for': {
    file: 'context.mjs',
    text: `
      import { AsyncLocalStorage, createHook, executionAsyncId } from 'node:async_hooks'
      import dns from 'node:dns'
      import net from 'node:net'
      const storage = new AsyncLocalStorage()
      let made = 0
      createHook({ init() { made++ } }).enable()
      const log = (...words) => console.log(...words, storage.getStore(), executionAsyncId())
      storage.run('lookup', () => dns.lookup('localhost', () => log('found')))
      const server = net.createServer((socket) => socket.resume()).listen(0, '127.0.0.1', () => storage.run('socket', () => {
        const client = net.connect(server.address().port, '127.0.0.1', () => {
          log('connected')
          client.end('x'.repeat(3000000), () => { log('ended', made); server.close() })
        })
      }))`,
  },
  'datagrams and a name server': {
    file: 'datagrams.mjs',
    text: `
      import dgram from 'node:dgram'
      import dns from 'node:dns'
      import { AsyncLocalStorage } from 'node:async_hooks'
      const storage = new AsyncLocalStorage()
      let n = 0
      const open = (type) => new Promise((done) => { const one = dgram.createSocket(type); one.bind(0, () => done(one)) })
      const [a, b] = [await open('udp4'), await open('udp4')]
      console.log(a.address(), b.address(), a.getRecvBufferSize(), a.getSendQueueSize())
      b.on('message', (bytes, from) => { console.log(String(bytes), from, ++n); b.send('back ' + bytes, from.port, from.address) })
      await new Promise((done) => {
        let got = 0
        a.on('message', (bytes, from) => { console.log(String(bytes), from.size, ++n); if (++got === 5) done() })
        for (let i = 0; i < 5; i++) {
          const after = (error, size) => console.log('sent', error, size, storage.getStore(), ++n)
          storage.run(i, () => a.send(['part ', String(i)], b.address().port, '127.0.0.1', after))
        }
      })
      try { a.setMulticastInterface('256.1.1.1') } catch (error) { console.log(error.code) }
      a.close(() => console.log('closed', ++n))
      b.close()
      const server = await open('udp4')
      server.on('message', (query, from) => {
        if (query.includes('nowhere')) return server.send(Buffer.concat([query.subarray(0, 2), Buffer.from([0x81, 0x83]), query.subarray(4)]), from.port, from.address)
        const answer = Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 10, 0, 0, Math.floor(Math.random() * 200)])
        const head = Buffer.from([query[0], query[1], 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0])
        let end = 12
        while (query[end] !== 0) end += query[end] + 1
        server.send(Buffer.concat([head, query.subarray(12, end + 5), answer]), from.port, from.address)
      })
      const resolver = new dns.promises.Resolver({ timeout: 2000, tries: 1 })
      resolver.setServers(['127.0.0.1:' + server.address().port])
      console.log(resolver.getServers().length)
      await Promise.all(['one.test', 'two.test'].map(async (name) => console.log(name, await resolver.resolve4(name, { ttl: true }), ++n)))
      try { await resolver.resolve4('nowhere.test') } catch (error) { console.log(error.code, error.message) }
      const other = new dns.Resolver()
      other.setServers(resolver.getServers())
      storage.run('query', () => other.resolve4('three.test', (error, found) => {
        console.log(error, found, storage.getStore(), ++n)
        server.close()
      }))`,
  },
}
