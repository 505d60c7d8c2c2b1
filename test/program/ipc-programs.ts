/** Programs whose processes speak with one another over Node's own channel. Each prints what is otherwise in each run. */

/** A conversation with a child, to its end: `json` or `advanced` is its first argument. */
export const TALK = {
  'talk.cjs': `
    const { fork } = require('node:child_process')
    const serialization = process.argv[2]
    const child = fork('./talk-child.cjs', ['own'], { serialization, stdio: ['ignore', 'pipe', 'inherit', 'ipc'] })
    child.stdout.on('data', (text) => process.stdout.write('> ' + text))
    console.log('connected', child.connected, typeof child.channel.fd)
    child.on('message', (message) => {
      console.log('from child', message, Date.now())
      if (message.n >= 8) return child.send({ stop: true }, (error) => console.log('told to stop', error))
      const at = serialization === 'advanced' ? new Map([[1, new Date(message.n)]]) : 0
      const more = child.send({ n: message.n, big: 'x'.repeat(message.n * 40_000), at }, (error) => console.log('sent', error))
      console.log('more', more)
    })
    child.on('disconnect', () => console.log('disconnected', child.connected))
    child.on('exit', (code, signal) => console.log('exit', code, signal))
    child.on('close', () => child.send('late', (error) => console.log(error.code)))`,
  'talk-child.cjs': `
    const { executionAsyncId } = require('node:async_hooks')
    console.log('child', process.connected, process.argv[2], process.env.NODE_CHANNEL_FD, typeof process.channel.fd)
    process.on('message', (message) => {
      console.log('got', JSON.stringify(message).length, message.at, Math.random(), executionAsyncId())
      if (!message.stop) return process.send({ n: message.n + 1, r: Math.random() }, (error) => console.log('sent up', error, executionAsyncId()))
      process.channel.unref()
      process.channel.ref()
      setTimeout(() => process.disconnect(), 2)
    })
    process.on('disconnect', () => console.log('bye', process.connected))
    process.on('exit', (code) => console.log('exiting', code, Date.now()))
    process.send({ n: 0, pid: process.pid })`,
}

/** A listening server, its connections and a datagram socket are handed to a child. */
export const HANDLES = {
  'hand.cjs': `
    const { fork } = require('node:child_process')
    const net = require('node:net')
    const dgram = require('node:dgram')
    const child = fork('./hand-child.cjs', { stdio: ['ignore', 'pipe', 'inherit', 'ipc'] })
    child.stdout.on('data', (text) => process.stdout.write('> ' + text))
    const server = net.createServer((socket) => socket.end('by the parent'))
    const direct = net.createServer({ pauseOnConnect: true }, (socket) => {
      console.log('passing', socket.remotePort)
      child.send('socket', socket)
      direct.getConnections((error, count) => console.log('connections', error, count > 0))
    })
    const udp = dgram.createSocket('udp4')
    // Eight connections are answered, and the child has heard something.
    let left = 9
    function end() {
      if (--left > 0) return
      child.send('end')
      for (const one of [server, direct, udp]) one.close(() => console.log('closed'))
    }
    function ask(port, n) {
      let text = ''
      const socket = net.connect(port, '127.0.0.1').on('data', (part) => { text += part }).on('close', () => {
        console.log('answered', text)
        end()
      })
      socket.write('question ' + n)
    }
    function tell(port) {
      const sender = dgram.createSocket('udp4')
      // Either of the two processes may be the one that receives it.
      const timer = setInterval(() => sender.send('datagram', port, '127.0.0.1'), 2)
      child.on('message', (message) => {
        console.log('from child', message)
        clearInterval(timer)
        sender.close()
        end()
      })
    }
    server.listen(0, '127.0.0.1', () => {
      child.send('server', server, (error) => console.log('server sent', error))
      direct.listen(0, '127.0.0.1', () => udp.bind(0, '127.0.0.1', () => {
        child.send('udp', udp)
        for (let n = 0; n < 8; n++) ask((n % 2 ? server : direct).address().port, n)
        tell(udp.address().port)
      }))
    })
    child.on('exit', (code, signal) => console.log('exit', code, signal))`,
  'hand-child.cjs': `
    const { executionAsyncId, triggerAsyncId } = require('node:async_hooks')
    let server
    let udp
    process.on('message', (message, handle) => {
      console.log('got', message, handle?.constructor.name, executionAsyncId(), triggerAsyncId())
      if (message === 'server') server = handle.on('connection', (socket) => {
        console.log('connection', executionAsyncId(), triggerAsyncId(), socket.remotePort)
        socket.end('by the child at ' + Date.now())
      })
      if (message === 'socket') handle.resume().once('data', (data) => handle.end('passed on: ' + data + ' ' + handle.remotePort))
      if (message === 'udp') udp = handle.once('message', (data, from) => {
        console.log(String(data), from.port)
        process.send({ data: String(data) })
      })
      if (message !== 'end') return
      server.close()
      udp.close()
      process.disconnect()
    })`,
}

/** Children that are killed, exit in a callback, are disconnected, write more than a pipe holds, have children of their
 *  own; and one that Node did not fork. */
export const ENDS = {
  'ends.cjs': `
    const { fork, spawn } = require('node:child_process')
    function start(role, options) {
      const child = fork('./ends-child.cjs', [role], { stdio: ['ignore', 'pipe', 'inherit', 'ipc'], ...options })
      child.stdout.on('data', (text) => process.stdout.write(role + '> ' + text))
      child.on('exit', (code, signal) => console.log(role, 'exit', code, signal))
      return child.on('disconnect', () => console.log(role, 'disconnected'))
    }
    let n = 0
    const killed = start('killed').on('message', () => { if (++n === 5) console.log('kill', killed.kill('SIGKILL')) })
    start('exits').send('exit', () => console.log('sent exit'))
    const left = start('left').on('message', () => left.disconnect())
    const big = start('big', { serialization: 'advanced' })
    console.log(big.send({ data: Buffer.alloc(600_000, 'ab') }, (error) => console.log('big sent', error)))
    big.on('message', ({ data, at }) => {
      console.log('big back', data.length, data.constructor.name, at)
      big.disconnect()
    })
    const nested = start('nested').on('message', (message) => {
      console.log('nested', message)
      if (message === 'done') nested.disconnect()
    })
    const text = "process.on('message', (raw) => { process.send({ raw }); process.disconnect() })"
    const raw = spawn(process.execPath, ['-e', text], { stdio: ['ipc', 'inherit', 'inherit'], env: {} })
    raw.send('plain')
    raw.on('message', (message) => console.log(message)).on('exit', (code) => console.log('raw', code))`,
  'ends-child.cjs': `
    const role = process.argv[2]
    if (role === 'killed') setInterval(() => process.send({ at: Date.now() }), 1)
    if (role === 'exits') process.on('message', () => {
      console.log('exiting')
      process.exit(3)
    })
    if (role === 'left') {
      process.send('here')
      process.on('disconnect', () => {
        console.log('gone', process.connected)
        process.send('too late', (error) => console.log(error.code))
      })
    }
    if (role === 'big') process.on('message', ({ data }) => {
      console.log('got', data.length, process.send({ data, at: new Date(0) }, (error) => console.log('sent', error)))
    })
    if (role === 'nested') {
      const { Worker } = require('node:worker_threads')
      const inner = require('node:child_process').fork(__filename, ['inner'])
      inner.on('message', (message) => process.send(message)).on('exit', (code) => {
        process.send('inner ' + code)
        const worker = new Worker("require('node:worker_threads').parentPort.postMessage(Date.now())", { eval: true })
        worker.on('message', (message) => process.send({ worker: message })).on('exit', () => process.send('done'))
      })
      process.on('message', () => {})
    }
    if (role === 'inner') process.send({ inner: Math.random() }, () => process.disconnect())`,
}

/** An HTTP server of two workers, which ends when it has answered 120 requests. Its first argument: `rr`, or `none` for
 *  workers that accept connections themselves. It says on stderr where it listens. */
export const CLUSTER = {
  'cluster.cjs': `
    const cluster = require('node:cluster')
    const http = require('node:http')
    if (process.argv[2] === 'none') cluster.schedulingPolicy = cluster.SCHED_NONE
    if (cluster.isPrimary) {
      cluster.setupPrimary({ serialization: process.argv[2] === 'none' ? 'advanced' : 'json' })
      for (const name of ['Ann', 'Bob']) cluster.fork({ NAME: name })
      const served = {}
      let listening = 0
      cluster.on('online', ({ id }) => console.log('online', id))
      cluster.on('listening', ({ id }, { port }) => {
        console.log('listening', id)
        if (++listening === 2) console.error('port ' + port)
      })
      cluster.on('message', ({ id }, n) => {
        served[id] = n
        if ((served[1] ?? 0) + (served[2] ?? 0) < 120) return
        console.log('served', served)
        for (const worker of Object.values(cluster.workers)) worker.send('stop')
        setTimeout(() => cluster.disconnect(() => console.log('disconnected')), 2)
      })
      cluster.on('exit', ({ id, exitedAfterDisconnect }, code, signal) => console.log('exit', id, code, signal, exitedAfterDisconnect))
    } else {
      const { id } = cluster.worker
      let n = 0
      http.createServer((request, response) => {
        process.send(++n)
        setTimeout(() => response.end(JSON.stringify({ id, n, url: request.url, at: Date.now(), r: Math.random() })), Math.random() * 3)
      }).listen(0, '127.0.0.1')
      process.on('message', (message) => console.log(id, message, process.env.NAME, process.env.NODE_UNIQUE_ID))
      process.on('exit', (code) => console.log('worker', id, 'exits', code, n))
    }`,
}
