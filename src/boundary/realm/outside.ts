import { getSession } from './context.js'
import { captureStack, isNodeCall } from './frames.js'
import { loadBuiltin } from './originals.js'
import { dress, type Patches } from './patches.js'

type Call = (...args: unknown[]) => unknown

/** Modules whose every function reaches outside. */
const WHOLE = ['fs', 'fs/promises', 'child_process', 'dns', 'dns/promises'] as const

/** Functions that reach outside, or whose answer no turn brings. */
const SINGLE: Readonly<Record<string, readonly string[]>> = {
  net: ['connect', 'createConnection', 'createServer'],
  tls: ['connect', 'createServer'],
  dgram: ['createSocket'],
  http: ['request', 'get', 'createServer'],
  https: ['request', 'get', 'createServer'],
  crypto: [
    'generateKeyPairSync',
    'generateKeyPair',
    'generateKeySync',
    'generateKey',
    'generatePrimeSync',
    'generatePrime',
    'createECDH',
    'createDiffieHellman',
    'scrypt',
    'pbkdf2',
    'hkdf',
    'sign',
    'verify',
    'publicEncrypt',
  ],
  zlib: [
    'gzip',
    'gunzip',
    'deflate',
    'inflate',
    'deflateRaw',
    'inflateRaw',
    'unzip',
    'brotliCompress',
    'brotliDecompress',
  ],
}

/** Where a session leaves its closed world: the call goes through untouched, is named with the line that made it, and
 *  the session is `observed` from there. Under replay nothing gets here, since an observed session isn't replayed. */
export function installOutside(patches: Patches): void {
  for (const name of WHOLE) {
    const module = loadBuiltin(`node:${name}`)
    for (const key of Object.keys(module))
      if (isPlainFunction(key, module[key])) wrapCall(patches, module, key, `${name}.${key}`)
  }
  for (const [name, keys] of Object.entries(SINGLE)) {
    const module = loadBuiltin(`node:${name}`)
    for (const key of keys) if (typeof module[key] === 'function') wrapCall(patches, module, key, `${name}.${key}`)
  }
  const { Socket } = loadBuiltin('node:net') as { Socket: { prototype: Record<string, unknown> } }
  wrapCall(patches, Socket.prototype, 'connect', 'net.Socket.connect')
  wrapClass(patches, loadBuiltin('node:worker_threads'), 'Worker', 'new Worker')
  const globals = globalThis as unknown as Record<string, unknown>
  if (typeof globals['fetch'] === 'function') wrapCall(patches, globals, 'fetch', 'fetch')
  for (const name of ['WebSocket', 'EventSource']) wrapClass(patches, globals, name, `new ${name}`)
  installSubtle(patches)
  for (const name of ['kill', 'abort', 'chdir']) wrapCall(patches, process as never, name, `process.${name}`)
}

function isPlainFunction(key: string, value: unknown): boolean {
  return typeof value === 'function' && /^[a-z]/.test(key)
}

function noteOutside(call: string): void {
  const session = getSession()
  if (session === undefined || (session.live && session.observed)) return
  const stack = captureStack()
  if (!isNodeCall(stack)) session.observe(call, stack)
}

function wrapCall(patches: Patches, holder: Record<string, unknown>, key: string, call: string): void {
  const real = holder[key] as Call
  const wrapper = dress(function (this: unknown, ...args: unknown[]) {
    if (getSession() !== undefined) noteOutside(call)
    return Reflect.apply(real, this, args)
  }, real)
  patches.replace(holder, key, wrapper)
}

function wrapClass(patches: Patches, holder: Record<string, unknown>, key: string, call: string): void {
  const real = holder[key]
  if (typeof real !== 'function') return
  const wrapper = new Proxy(real as new (...args: unknown[]) => object, {
    construct(target, args, newTarget): object {
      noteOutside(call)
      return Reflect.construct(target, args, newTarget)
    },
  })
  patches.replace(holder, key, wrapper)
}

function installSubtle(patches: Patches): void {
  const { subtle } = globalThis.crypto
  const prototype = Object.getPrototypeOf(subtle) as Record<string, unknown>
  for (const key of Object.getOwnPropertyNames(prototype)) {
    const found = Object.getOwnPropertyDescriptor(prototype, key)
    if (key !== 'constructor' && typeof found?.value === 'function')
      wrapCall(patches, prototype, key, `crypto.subtle.${key}`)
  }
}
