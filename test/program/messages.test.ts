import { join } from 'node:path'
import t from 'tap'
import { openRecording } from '../../replayer/open.js'
import { testExact } from './exact.js'
import { recordInputs, replayInputs } from './rig.js'

testExact(t, 'ports, channels of all, clones and what moves with them', {
  file: 'ports.mjs',
  text: `
      import { MessageChannel, BroadcastChannel, receiveMessageOnPort, Worker, moveMessagePortToContext, markAsUntransferable, setEnvironmentData, getEnvironmentData } from 'node:worker_threads'
      import vm from 'node:vm'
      import { once } from 'node:events'
      const log = (...a) => console.log(...a)
      const { port1, port2 } = new MessageChannel()
      port1.postMessage({ a: 1 }); port1.postMessage('two')
      log(receiveMessageOnPort(port2), receiveMessageOnPort(port2), receiveMessageOnPort(port2))
      const inner = new MessageChannel()
      const buffer = new ArrayBuffer(8)
      port1.postMessage({ p: inner.port1, list: [inner.port1], buffer, map: new Map([['p', 1]]) }, [inner.port1, buffer]); log(buffer.byteLength)
      const got = receiveMessageOnPort(port2); log(got)
      got.message.p.on('message', (m) => { log('inner', m); got.message.p.close() }); inner.port2.postMessage('x')
      await once(got.message.p, 'close')
      const bc1 = new BroadcastChannel('x'), bc2 = new BroadcastChannel('x'), bc3 = new BroadcastChannel('x')
      bc2.onmessage = (e) => { log('bc2', e.data); bc2.close() }; bc3.onmessage = (e) => { log('bc3', e.data); bc3.close() }
      bc1.postMessage({ hi: 1 }); bc1.unref()
      const ab = new ArrayBuffer(4); markAsUntransferable(ab); try { port1.postMessage(ab, [ab]) } catch (e) { log(e.name, e.message, e.code) }
      try { port1.postMessage(() => {}) } catch (e) { log(e.name, e.message) }
      try { structuredClone(() => {}) } catch (e) { log(e.name, e.message) }
      log(structuredClone({ d: new Date(0), m: new Map([[1, { a: 2 }]]), e: new Error('x') .message}))
      const s = new MessageChannel(); const cl = structuredClone(s.port1, { transfer: [s.port1] }); cl.on('message', (m) => { log('cl', m); cl.close() }); s.port2.postMessage(3)
      port2.on('message', (m) => { log('p2', m); if (m === 'end') port2.close() }); port1.postMessage(new Set([1])); port1.postMessage('end')
      port1.on('close', () => log('closed'))`,
})

testExact(t, 'keys in messages', {
  file: 'keys.mjs',
  text: `
      import crypto from 'node:crypto'
      import { Worker } from 'node:worker_threads'
      const rsa = crypto.generateKeyPairSync('rsa', { modulusLength: 1024 }), secret = crypto.createSecretKey(crypto.randomBytes(16))
      const { port1, port2 } = new MessageChannel()
      port2.on('message', ({ keys }) => { console.log(keys.map((k) => [k.type, k.asymmetricKeyType, k.constructor.name]), keys[0].equals(rsa.publicKey), crypto.sign('sha256', Buffer.from('x'), keys[1]).length, keys[2].export()); port2.close() })
      port1.postMessage({ keys: [rsa.publicKey, rsa.privateKey, secret] })`,
})

const SHARED: Readonly<Record<string, string>> = {
  'within instances, maps and sets': `new (class Held { deep = [new Map([['m', { s: new Set([new Int32Array(new SharedArrayBuffer(8))]) }]])] })()`,
  'of WebAssembly': 'new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true })',
}

for (const [name, text] of Object.entries(SHARED)) {
  t.test(`[B5] memory shared between threads is named on both sides: ${name}`, async (t) => {
    const dir = t.testdir({
      'main.cjs': `
        const { Worker } = require('node:worker_threads')
        const worker = new Worker("require('node:worker_threads').parentPort.once('message', () => {})", { eval: true })
        worker.postMessage(new Map([[1, { bytes: new Uint8Array(3), error: new Error('none'), at: new Date() }]]))
        worker.postMessage(${text})`,
    })
    const recorded = await recordInputs([process.execPath, 'main.cjs'], { cwd: dir })
    t.match(recorded.own.join('\n'), /not fed: memory shared between threads \(thread 0\)/)
    const recording = await openRecording(join(dir, 'program.retro'))
    const { fidelityNotes } = await recording.info()
    await recording.close()
    t.match(fidelityNotes.join('\n'), /thread 0 used memory shared between threads/)
  })
}

testExact(t, 'a message that leads back into itself many times, tokens of a registry, a module that nobody catches', {
  file: 'graph.mjs',
  text: `
    import { MessageChannel } from 'node:worker_threads'
    const { port1, port2 } = new MessageChannel()
    const root = { children: [] }
    for (let i = 0; i < 1500; i++) root.children.push({ parent: root, i, more: { up: root } })
    root.same = root.children[3]
    port2.on('message', (message) => {
      const { children, same } = message
      console.log(children.length, same === children[3], children[5].parent === message)
      port2.close()
    })
    port1.postMessage(root)
    const registry = new FinalizationRegistry(() => {})
    const token = {}
    registry.register({}, 1, token)
    console.log(registry.unregister(token), registry.unregister(token))
    process.on('unhandledRejection', (error) => console.log('unhandled', error.name))
    WebAssembly.compile(new Uint8Array([1, 2, 3]))`,
})

t.test(
  '[B9] what is compared of a message costs no more than the message, however often its parts are met',
  async (t) => {
    const dir = t.testdir({
      'graph.mjs': `
      import { MessageChannel } from 'node:worker_threads'
      const { port1, port2 } = new MessageChannel()
      const root = { children: [] }
      for (let i = 0; i < 1500; i++) root.children.push({ parent: root, i, more: { up: root } })
      port2.on('message', () => port2.close())
      port1.postMessage(root)`,
    })
    await recordInputs([process.execPath, 'graph.mjs'], { cwd: dir })
    const recording = await openRecording(join(dir, 'program.retro'))
    const { bytes } = await recording.info()
    await recording.close()
    t.ok(bytes !== null && bytes < 300_000, `${bytes} bytes`)
    t.match((await replayInputs(dir)).verdict, { kind: 'exact' })
  },
)
