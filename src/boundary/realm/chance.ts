import { webcrypto } from 'node:crypto'
import { getSession } from './context.js'
import { loadBuiltin } from './originals.js'
import { dress, type Patches } from './patches.js'
import type { RealmSession } from './realm-session.js'

type Call = (...args: never[]) => unknown
type Callback = (error: Error | null, result: unknown) => void

/** Chance in a session: Math.random and the random sources of node:crypto and Web Crypto. Bytes are kept as bytes, so
 *  both halves are one line: the value is filled into whatever the caller gave. */
export function installChance(patches: Patches): void {
  const { random } = Math
  patches.replace(
    Math,
    'random',
    dress(() => {
      const session = getSession()
      return session === undefined ? random() : session.value('Math.random', random)
    }, random),
  )
  installNodeCrypto(patches)
  installWebCrypto(patches)
}

function installNodeCrypto(patches: Patches): void {
  const crypto = loadBuiltin('node:crypto')
  const wrap = (name: string, inside: (session: RealmSession, real: Call, args: unknown[]) => unknown): void => {
    const real = crypto[name] as Call | undefined
    if (typeof real !== 'function') return
    const wrapper = dress((...args: unknown[]) => {
      const session = getSession()
      return session === undefined ? Reflect.apply(real, crypto, args) : inside(session, real, args)
    }, real)
    patches.replace(crypto, name, wrapper)
  }
  wrap('randomUUID', (session, real, args) =>
    session.value('crypto.randomUUID', () => Reflect.apply(real, crypto, args)),
  )
  wrap('randomBytes', (session, real, [size, callback]) => {
    const bytes = session.value('crypto.randomBytes', () => Reflect.apply(real, crypto, [size]) as Uint8Array)
    return answer(session, callback, toBuffer(bytes))
  })
  wrap('randomInt', (session, real, args) => {
    const callback = typeof args.at(-1) === 'function' ? args.at(-1) : undefined
    const bounds = callback === undefined ? args : args.slice(0, -1)
    return answer(
      session,
      callback,
      session.value('crypto.randomInt', () => Reflect.apply(real, crypto, bounds)),
    )
  })
  const fillSync = crypto['randomFillSync'] as Call
  wrap('randomFillSync', (session, _real, args) => fill(session, 'crypto.randomFillSync', fillSync, crypto, args))
  wrap('randomFill', (session, _real, args) => {
    const callback = args.at(-1)
    return answer(session, callback, fill(session, 'crypto.randomFill', fillSync, crypto, args.slice(0, -1)))
  })
  wrap('getRandomValues', (session, real, args) => fill(session, 'crypto.getRandomValues', real, crypto, args))
}

function installWebCrypto(patches: Patches): void {
  const prototype = Object.getPrototypeOf(webcrypto) as { getRandomValues: Call; randomUUID: Call }
  const { getRandomValues, randomUUID } = prototype
  patches.replace(
    prototype,
    'getRandomValues',
    dress(function (this: unknown, ...args: unknown[]) {
      const session = getSession()
      if (session === undefined) return Reflect.apply(getRandomValues, this, args)
      return fill(session, 'crypto.getRandomValues', getRandomValues, this, args)
    }, getRandomValues),
  )
  patches.replace(
    prototype,
    'randomUUID',
    dress(function (this: unknown, ...args: unknown[]) {
      const real = () => Reflect.apply(randomUUID, this, args)
      const session = getSession()
      return session === undefined ? real() : session.value('crypto.randomUUID', real)
    }, randomUUID),
  )
}

/** The thread pool would answer outside every turn; in a session the answer comes as a delivery of its own. */
function answer(session: RealmSession, callback: unknown, result: unknown): unknown {
  if (typeof callback !== 'function') return result
  session.timers.set('setImmediate', 0, () => (callback as Callback)(null, result))
  return undefined
}

function fill(session: RealmSession, call: string, real: Call, self: unknown, args: unknown[]): unknown {
  const [target, offset, size] = args as [ArrayBufferView | ArrayBuffer, number?, number?]
  const whole = ArrayBuffer.isView(target)
    ? new Uint8Array(target.buffer, target.byteOffset, target.byteLength)
    : new Uint8Array(target)
  // Element size counts: Node takes offset and size in elements of the view.
  const unit = (target as { BYTES_PER_ELEMENT?: number }).BYTES_PER_ELEMENT ?? 1
  const start = (offset ?? 0) * unit
  const end = size === undefined ? whole.length : start + size * unit
  const bytes = session.value(call, () => {
    Reflect.apply(real, self, args)
    return whole.slice(start, end)
  })
  whole.set(bytes.subarray(0, Math.max(0, end - start)), start)
  return target
}

function toBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
