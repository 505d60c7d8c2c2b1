import t from 'tap'
import { testExact } from './exact.js'

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
