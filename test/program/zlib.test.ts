import t from 'tap'
import { run } from '../helpers/command.js'
import { testExact } from './exact.js'
import { recordInputs, replayInputs } from './rig.js'

testExact(t, 'compressed data that is damaged, cut short or too much', {
  file: 'program.mjs',
  text: `import { createGunzip, gunzip, gunzipSync, gzipSync, inflate, brotliDecompress } from 'node:zlib'
    const packed = gzipSync(Buffer.from('once upon a time '.repeat(20_000)))
    const say = (what) => (error, bytes) => console.log(what, error?.code, bytes?.length)
    for (let n = 0; n < 5; n++) {
      gunzip(packed.subarray(0, packed.length - n), say('cut by ' + n))
      inflate(Buffer.from([n, 1, 2, 3]), say('damaged ' + n))
      brotliDecompress(Buffer.from('no brotli'), say('brotli ' + n))
      gunzip(packed, { maxOutputLength: 100 }, say('too much ' + n))
    }
    try { gunzipSync(Buffer.from('neither')) } catch (error) { console.log('at once', error.code) }
    const gunzipped = createGunzip()
    const failed = new Promise((done) => gunzipped.on('error', done))
    gunzipped.resume().write(packed)
    gunzipped.write(Buffer.from('rubbish behind'))
    gunzipped.end(packed.subarray(0, 30))
    console.log('stream', (await failed).code)`,
})

t.test('[B1] an engine looks as without the tool', async (t) => {
  const text = `
    const { createGzip, createGunzip } = require('node:zlib')
    const look = (when, { _handle: engine }) => {
      const { enumerable, writable, value } = Object.getOwnPropertyDescriptor(engine, 'onerror') ?? {}
      console.log(when, Object.keys(engine), enumerable, writable, value, Object.hasOwn(Object.getPrototypeOf(engine), 'onerror'))
    }
    const [packer, other] = [createGzip(), createGunzip()]
    look('made', packer)
    packer.write('once upon a time')
    other.on('error', (error) => console.log(error.code)).write('rubbish')
    look('written', packer)
    console.log(packer._handle.onerror === other._handle.onerror)
    packer.resume().flush(() => look('flushed', packer))`
  const dir = t.testdir({ 'engine.cjs': text })
  const bare = await run([process.execPath, 'engine.cjs'], { cwd: dir })
  const recorded = await recordInputs([process.execPath, 'engine.cjs'], { cwd: dir })
  const sort = (text: string) => text.split('\n').sort()
  t.same(sort(recorded.stdout), sort(bare.stdout))
  const replayed = await replayInputs(dir)
  t.match(replayed.verdict, { kind: 'exact', code: 0 })
  t.equal(replayed.stdout, recorded.stdout)
})

testExact(t, 'very many engines that are let go', {
  file: 'many.mjs',
  // Enough for the program, which keeps none.
  options: ['--max-old-space-size=12'],
  text: `import { once } from 'node:events'
    import { createDeflateRaw } from 'node:zlib'
    let bytes = 0
    for (let n = 0; n < 2_000; n++) {
      const engine = createDeflateRaw()
      engine.ballast = Array(1_000).fill(n)
      engine.on('data', (part) => { bytes += part.length }).end('once upon a time')
      await once(engine, 'close')
    }
    console.log(bytes)`,
})
