import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { testExact } from './exact.js'
import { recordInputs, replayInputs } from './rig.js'

testExact(t, 'keys, primes and random numbers', {
  file: 'keys.mjs',
  text: `
      import crypto from 'node:crypto'
      import { promisify } from 'node:util'
      const log = (...a) => console.log(...a)
      for (const [type, options] of [['rsa', { modulusLength: 1024 }], ['rsa-pss', { modulusLength: 1024 }], ['ec', { namedCurve: 'P-256' }], ['ed25519'], ['ed448'], ['x25519'], ['x448'], ['dsa', { modulusLength: 1024, divisorLength: 160 }], ['dh', { group: 'modp14' }]]) {
        const { publicKey, privateKey } = crypto.generateKeyPairSync(type, options ?? {})
        log(type, privateKey.export({ type: 'pkcs8', format: 'pem' }).length, crypto.createHash('sha1').update(publicKey.export({ type: 'spki', format: 'der' })).digest('hex'), privateKey.asymmetricKeyDetails)
      }
      const pem = crypto.generateKeyPairSync('ec', { namedCurve: 'P-256', publicKeyEncoding: { type: 'spki', format: 'pem' }, privateKeyEncoding: { type: 'pkcs8', format: 'pem' } })
      log(pem)
      const jobs = []
      for (const [type, options] of [['rsa', { modulusLength: 1024 }], ['ec', { namedCurve: 'P-256' }], ['ed25519', {}], ['x25519', {}]]) {
        jobs.push(promisify(crypto.generateKeyPair)(type, options).then(({ publicKey }) => log(type, publicKey.export({ type: 'spki', format: 'pem' }))))
      }
      await Promise.all(jobs)
      log(crypto.generateKeySync('aes', { length: 128 }).export(), crypto.generateKeySync('hmac', { length: 64 }).export())
      log(await new Promise((d) => crypto.generateKey('aes', { length: 256 }, (e, k) => d(k.export()))))
      log(crypto.generatePrimeSync(64, { bigint: true }), Buffer.from(crypto.generatePrimeSync(32)))
      log(await new Promise((d) => crypto.generatePrime(64, { bigint: true }, (e, k) => d(k))))
      log(crypto.checkPrimeSync(13n), await promisify(crypto.checkPrime)(15n))
      log(crypto.randomInt(1e9), await promisify(crypto.randomInt)(1e9), crypto.randomUUID(), crypto.randomUUID({ disableEntropyCache: true }))
      log(crypto.randomFillSync(Buffer.alloc(8)), await promisify(crypto.randomFill)(new Uint32Array(4)), crypto.getRandomValues(new Uint8Array(4)))`,
})

testExact(t, 'signatures, exchanges, ciphers and derived keys', {
  file: 'crypto.mjs',
  text: `
      import crypto from 'node:crypto'
      import { promisify } from 'node:util'
      const log = (...a) => console.log(...a)
      const rsa = crypto.generateKeyPairSync('rsa', { modulusLength: 1024 })
      const ec = crypto.generateKeyPairSync('ec', { namedCurve: 'P-256' })
      const ed = crypto.generateKeyPairSync('ed25519')
      const data = Buffer.from('data')
      const PSS = { padding: crypto.constants.RSA_PKCS1_PSS_PADDING }
      for (const [key, alg] of [[{ key: rsa.privateKey, ...PSS }, 'sha256'], [rsa.privateKey, 'sha256'], [ec.privateKey, 'sha256'], [ed.privateKey, null]]) {
        const one = crypto.sign(alg, data, key)
        log(one.length, one.toString('hex').slice(0, 20))
        const two = await promisify(crypto.sign)(alg, data, key)
        log(two.length, two.toString('hex').slice(0, 20), crypto.verify(alg, data, { ...(key.key ? PSS : {}), key: crypto.createPublicKey(key.key ?? key) }, two))
        log(await promisify(crypto.verify)(alg, data, { ...(key.key ? PSS : {}), key: crypto.createPublicKey(key.key ?? key) }, one))
        if (alg) {
          const sig = crypto.createSign(alg).update('da').update('ta').sign(key, 'hex')
          log(sig.slice(0, 20), crypto.createVerify(alg).update(data).verify({ ...(key.key ? PSS : {}), key: crypto.createPublicKey(key.key ?? key) }, sig, 'hex'))
        }
      }
      const a = crypto.createECDH('secp256k1'), b = crypto.createECDH('secp256k1')
      a.generateKeys(); b.generateKeys()
      log(a.getPublicKey('hex'), a.computeSecret(b.getPublicKey()).equals(b.computeSecret(a.getPublicKey())), a.computeSecret(b.getPublicKey('hex'), 'hex', 'hex'))
      const dh = crypto.getDiffieHellman('modp14'), dh2 = crypto.getDiffieHellman('modp14')
      dh.generateKeys(); dh2.generateKeys()
      log(dh.getPublicKey('hex').slice(0, 16), dh.computeSecret(dh2.getPublicKey()).toString('hex').slice(0, 16))
      const own = crypto.createDiffieHellman(512); own.generateKeys(); log(own.getPrime('hex'), own.getPrivateKey('hex'), own.verifyError)
      const x = crypto.generateKeyPairSync('x25519'), y = crypto.generateKeyPairSync('x25519')
      log(crypto.diffieHellman({ privateKey: x.privateKey, publicKey: y.publicKey }).toString('hex'))
      const enc = crypto.publicEncrypt(rsa.publicKey, data); log(enc.toString('hex').slice(0, 20), crypto.privateDecrypt(rsa.privateKey, enc).toString())
      const enc2 = crypto.privateEncrypt(rsa.privateKey, data); log(enc2.toString('hex').slice(0, 20), crypto.publicDecrypt(rsa.publicKey, enc2).toString())
      const c = crypto.createCipheriv('aes-256-gcm', crypto.randomBytes(32), crypto.randomBytes(12)); log(c.update('hello', 'utf8', 'hex') + c.final('hex'), c.getAuthTag())
      for (const f of [() => crypto.hkdfSync('sha256', 'k', 's', 'i', 16), () => promisify(crypto.hkdf)('sha256', 'k', 's', 'i', 16), () => promisify(crypto.scrypt)('p', 's', 16), () => promisify(crypto.pbkdf2)('p', 's', 10, 16, 'sha1')]) log(Buffer.from(await f()).toString('hex'))
      const pem = rsa.privateKey.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-128-cbc', passphrase: 'x' }); log(crypto.createHash('sha1').update(pem).digest('hex'))
      log(crypto.createPrivateKey({ key: pem, passphrase: 'x' }).equals(rsa.privateKey))
      const spkac = crypto.Certificate.exportChallenge; log(typeof spkac)
      log(crypto.secureHeapUsed(), crypto.getFips(), crypto.getCiphers().length)
      log(structuredClone(rsa.publicKey).equals(rsa.publicKey))`,
})

testExact(t, 'WebCrypto', {
  file: 'web.mjs',
  text: `
      const { subtle } = globalThis.crypto
      import { KeyObject } from 'node:crypto'
      const log = (...a) => console.log(...a)
      const hex = (b) => Buffer.from(b).toString('hex').slice(0, 40)
      const data = Buffer.from('data')
      let n = 0
      const ec = await subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign', 'verify'])
      const s = await subtle.sign({ name: 'ECDSA', hash: 'SHA-256' }, ec.privateKey, data); log(hex(s), await subtle.verify({ name: 'ECDSA', hash: 'SHA-256' }, ec.publicKey, s, data))
      for (const name of ['RSA-PSS', 'RSASSA-PKCS1-v1_5']) {
        const rsa = await subtle.generateKey({ name, modulusLength: 1024, publicExponent: new Uint8Array([1, 0, 1]), hash: 'SHA-256' }, true, ['sign', 'verify'])
        const sig = await subtle.sign({ name, saltLength: 32 }, rsa.privateKey, data); log(name, hex(sig), await subtle.verify({ name, saltLength: 32 }, rsa.publicKey, sig, data))
      }
      const oaep = await subtle.generateKey({ name: 'RSA-OAEP', modulusLength: 1024, publicExponent: new Uint8Array([1, 0, 1]), hash: 'SHA-1' }, true, ['encrypt', 'decrypt', 'wrapKey', 'unwrapKey'])
      const e = await subtle.encrypt({ name: 'RSA-OAEP' }, oaep.publicKey, data); log(hex(e), hex(await subtle.decrypt({ name: 'RSA-OAEP' }, oaep.privateKey, e)))
      const aes = await subtle.generateKey({ name: 'AES-GCM', length: 256 }, true, ['encrypt', 'decrypt'])
      const iv = crypto.getRandomValues(new Uint8Array(12))
      const jobs = [1, 2, 3, 4].map(async (i) => { const c = await subtle.encrypt({ name: 'AES-GCM', iv }, aes, Buffer.alloc(i * 10000)); log('enc', i, ++n, hex(c)); const d = await subtle.decrypt({ name: 'AES-GCM', iv }, aes, c); log('dec', i, ++n, d.byteLength) })
      await Promise.all(jobs)
      log(hex(await subtle.wrapKey('raw', aes, oaep.publicKey, { name: 'RSA-OAEP' })))
      const hmac = await subtle.generateKey({ name: 'HMAC', hash: 'SHA-256' }, true, ['sign', 'verify']); log(hex(await subtle.sign('HMAC', hmac, data)), hex(await subtle.exportKey('raw', hmac)))
      const x = await subtle.generateKey({ name: 'X25519' }, true, ['deriveBits']); const y = await subtle.generateKey({ name: 'ECDH', namedCurve: 'P-384' }, true, ['deriveBits', 'deriveKey'])
      log(hex(await subtle.deriveBits({ name: 'X25519', public: x.publicKey }, x.privateKey, 128)), hex(await subtle.deriveBits({ name: 'ECDH', public: y.publicKey }, y.privateKey, 128)))
      const ed = await subtle.generateKey({ name: 'Ed25519' }, true, ['sign', 'verify']); const es = await subtle.sign('Ed25519', ed.privateKey, data); log(hex(es), await subtle.verify('Ed25519', ed.publicKey, es, data))
      const pw = await subtle.importKey('raw', data, 'PBKDF2', false, ['deriveBits', 'deriveKey']); log(hex(await subtle.deriveBits({ name: 'PBKDF2', salt: data, iterations: 10, hash: 'SHA-256' }, pw, 128)))
      const hk = await subtle.importKey('raw', data, 'HKDF', false, ['deriveBits']); log(hex(await subtle.deriveBits({ name: 'HKDF', salt: data, info: data, hash: 'SHA-256' }, hk, 128)))
      log(await subtle.exportKey('jwk', ec.privateKey), await subtle.exportKey('jwk', aes), hex(await subtle.exportKey('spki', ec.publicKey)), hex(await subtle.exportKey('pkcs8', ec.privateKey)))
      log((await Promise.all(['SHA-1', 'SHA-256', 'SHA-512'].map((h) => subtle.digest(h, data)))).map(hex))
      const dk = await subtle.deriveKey({ name: 'PBKDF2', salt: data, iterations: 10, hash: 'SHA-256' }, pw, { name: 'AES-KW', length: 128 }, true, ['wrapKey', 'unwrapKey'])
      log(hex(await subtle.wrapKey('raw', hmac, dk, 'AES-KW')))
      log(KeyObject.from(aes).export().length, structuredClone(aes).type)
      try { await subtle.decrypt({ name: 'AES-GCM', iv }, aes, data) } catch (error) { log(error.name, error.message) }`,
})

testExact(t, 'what newer versions of Node sign, encapsulate and hash with', {
  file: 'newer.mjs',
  text: `
      import crypto from 'node:crypto'
      const { subtle } = crypto, log = (...a) => console.log(...a)
      for (const t of ['ml-dsa-44', 'ml-kem-512', 'slh-dsa-sha2-128f']) try { const k = crypto.generateKeyPairSync(t); log(t, k.publicKey.export({ type: 'spki', format: 'der' }).length); if (t !== 'ml-kem-512') { const s = crypto.sign(null, Buffer.from('x'), k.privateKey); log(s.subarray(0, 10), crypto.verify(null, Buffer.from('x'), k.publicKey, s)) } else if (crypto.encapsulate) { const r = crypto.encapsulate(k.publicKey); log(r.sharedKey, crypto.decapsulate(k.privateKey, r.ciphertext)) } } catch (e) { log(t, e.code) }
      if (crypto.argon2Sync) log(crypto.argon2Sync('argon2id', { message: 'p', nonce: Buffer.alloc(16), parallelism: 1, tagLength: 16, memory: 64, passes: 1 }), await new Promise((d) => crypto.argon2('argon2id', { message: 'p', nonce: Buffer.alloc(16), parallelism: 1, tagLength: 16, memory: 64, passes: 1 }, (e, r) => d(r))))
      try { const k = await subtle.generateKey({ name: 'ML-KEM-768' }, true, ['encapsulateBits', 'decapsulateBits']); const r = await subtle.encapsulateBits({ name: 'ML-KEM-768' }, k.publicKey); log(Buffer.from(r.sharedKey).toString('hex'), Buffer.from(await subtle.decapsulateBits({ name: 'ML-KEM-768' }, k.privateKey, r.ciphertext)).toString('hex')) } catch (e) { log(e.name, e.message) }
      try { const k = await subtle.generateKey({ name: 'ML-DSA-44' }, true, ['sign', 'verify']); log(Buffer.from(await subtle.sign('ML-DSA-44', k.privateKey, Buffer.from('x'))).toString('hex').slice(0, 20)) } catch (e) { log(e.name, e.message) }
      try { const k = await subtle.generateKey({ name: 'ChaCha20-Poly1305' }, true, ['encrypt']); log(k, Buffer.from(await subtle.exportKey('raw-secret', k))) } catch (e) { log(e.name, e.message) }`,
})

t.test('[B4] what is signed and what is encrypted is compared', async (t) => {
  const text = `
    const crypto = require('node:crypto')
    const { privateKey, publicKey } = crypto.generateKeyPairSync('rsa', { modulusLength: 1024 })
    const words = [['one', 'two', 'three']]
    for (const [a, b, c] of words) {
      crypto.createSign('sha256').update(a).sign(privateKey)
      crypto.sign('sha256', Buffer.from(b), { key: privateKey, padding: crypto.constants.RSA_PKCS1_PSS_PADDING })
      crypto.publicEncrypt(publicKey, Buffer.from(c))
    }`
  const dir = t.testdir({ 'sign.cjs': text })
  await recordInputs([process.execPath, 'sign.cjs'], { cwd: dir })
  t.match((await replayInputs(dir)).verdict, { kind: 'exact' })
  for (const [from, to, call] of [
    ['one', 'own', /Sign\.update/],
    ['two', 'too', /SignJob/],
    ['three', 'throw', /publicEncrypt/],
  ] as const) {
    writeFileSync(join(dir, 'sign.cjs'), text.replace(from, to))
    const { verdict } = await replayInputs(dir, ['--sources', 'local'])
    if (verdict.kind !== 'diverged') return t.fail(verdict.kind)
    t.match(verdict.divergence.replayed, call)
    t.match(verdict.divergence.stack.join('\n'), /sign\.cjs/)
  }
})
