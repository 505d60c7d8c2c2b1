import { promisify } from 'node:util'
import { getSession } from './context.js'
import { captureStack, isNodeCall } from './frames.js'
import { loadBuiltin } from './originals.js'
import { dress, type Patches } from './patches.js'
import type { RealmSession } from './realm-session.js'
import { SessionTimer, type TimerKind } from './session-timers.js'

type Call = (...args: unknown[]) => unknown
type Signal = { readonly signal?: AbortSignal; readonly ref?: boolean }

const SETTERS: readonly TimerKind[] = ['setTimeout', 'setInterval', 'setImmediate']
const CLEARERS = ['clearTimeout', 'clearInterval', 'clearImmediate'] as const

/** The timers of a session: what it sets fires in a turn of its own; under replay nothing is armed, and what fired is
 *  delivered.  */
export function installTimers(patches: Patches): void {
  const timers = loadBuiltin('node:timers')
  const promises = loadBuiltin('node:timers/promises')
  installPromises(patches, promises)
  for (const kind of SETTERS) installSetter(patches, timers, kind, promises)
  for (const name of CLEARERS) installClearer(patches, timers, name)
  installAbortTimeout(patches)
}

function installSetter(
  patches: Patches,
  timers: Record<string, unknown>,
  kind: TimerKind,
  promises: Record<string, unknown>,
): void {
  const real = timers[kind] as Call
  const set = (callback: unknown, ...rest: unknown[]): unknown => {
    const session = getSession()
    // What isn't a function is Node's to refuse.
    if (session === undefined || typeof callback !== 'function') return real(callback, ...rest)
    if (isNodesOwn(callback)) return real(callback)
    const [delay, args] = kind === 'setImmediate' ? [0, rest] : [rest[0], rest.slice(1)]
    return session.timers.set(kind, delay, callback as Call, args)
  }
  // Before `dress`, which leaves alone what it can't redefine: the promisified form is the session's too.
  if (promisify.custom in real) {
    Object.defineProperty(set, promisify.custom, { enumerable: true, value: promises[kind] })
  }
  const wrapper = dress(set, real)
  patches.replace(timers, kind, wrapper)
  patches.replace(globalThis, kind, wrapper)
}

/** After an exception that a listener took, Node sets an immediate of its own through the public function, so that ticks
 *  are processed (lib/internal/process/execution.js). */
function isNodesOwn(callback: unknown): boolean {
  return (callback as Call).name === 'noop' && isNodeCall(captureStack())
}

function installClearer(patches: Patches, timers: Record<string, unknown>, name: (typeof CLEARERS)[number]): void {
  const real = timers[name] as Call
  const wrapper = dress((timer: unknown) => {
    if (timer instanceof SessionTimer) return timer.clear()
    const session = getSession()
    const id = typeof timer === 'string' ? Number(timer) : timer
    if (session !== undefined && typeof id === 'number') return session.timers.clear(id)
    return real(timer)
  }, real)
  patches.replace(timers, name, wrapper)
  patches.replace(globalThis, name, wrapper)
}

/** `node:timers/promises`, built upon the session's own timers. */
function installPromises(patches: Patches, promises: Record<string, unknown>): void {
  const wrap = (
    holder: Record<string, unknown>,
    name: string,
    inside: (session: RealmSession, args: unknown[]) => unknown,
  ) => {
    const real = holder[name] as Call
    const wrapper = dress(function (this: unknown, ...args: unknown[]) {
      const session = getSession()
      return session === undefined ? Reflect.apply(real, this, args) : inside(session, args)
    }, real)
    patches.replace(holder, name, wrapper)
  }
  wrap(promises, 'setTimeout', (session, [delay, value, options]) => wait(session, 'setTimeout', delay, value, options))
  wrap(promises, 'setImmediate', (session, [value, options]) => wait(session, 'setImmediate', 0, value, options))
  wrap(promises, 'setInterval', (session, [delay, value, options]) => tick(session, delay, value, options as Signal))
  const scheduler = Object.getPrototypeOf(promises['scheduler']) as Record<string, unknown>
  wrap(scheduler, 'wait', (session, [delay, options]) => wait(session, 'setTimeout', delay, undefined, options))
  wrap(scheduler, 'yield', (session) => wait(session, 'setImmediate', 0, undefined, undefined))
}

function wait(
  session: RealmSession,
  kind: TimerKind,
  delay: unknown,
  value: unknown,
  options: unknown,
): Promise<unknown> {
  const { signal, ref } = (options ?? {}) as Signal
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(toAbortError(signal))
    const abort = () => {
      timer.clear()
      reject(toAbortError(signal))
    }
    const timer = session.timers.set(kind, delay, () => {
      signal?.removeEventListener('abort', abort)
      resolve(value)
    })
    if (ref === false) timer.unref()
    signal?.addEventListener('abort', abort, { once: true })
  })
}

async function* tick(session: RealmSession, delay: unknown, value: unknown, options?: Signal): AsyncGenerator<unknown> {
  const { signal, ref } = options ?? {}
  if (signal?.aborted) throw toAbortError(signal)
  let waiting = 0
  let wake: (() => void) | undefined
  const timer = session.timers.set('setInterval', delay, () => {
    waiting += 1
    wake?.()
  })
  if (ref === false) timer.unref()
  const abort = () => {
    timer.clear()
    wake?.()
  }
  signal?.addEventListener('abort', abort, { once: true })
  try {
    while (!signal?.aborted) {
      if (waiting === 0) await new Promise<void>((resolve) => (wake = resolve))
      for (; waiting > 0; waiting -= 1) yield value
    }
    throw toAbortError(signal)
  } finally {
    timer.clear()
    signal?.removeEventListener('abort', abort)
  }
}

function toAbortError(signal: AbortSignal | undefined): Error {
  const error = new Error('The operation was aborted', { cause: signal?.reason })
  return Object.assign(error, { name: 'AbortError', code: 'ABORT_ERR' })
}

/** Node arms it below the public timers. */
function installAbortTimeout(patches: Patches): void {
  const real = AbortSignal.timeout
  const timeout = dress((delay: number): AbortSignal => {
    const session = getSession()
    if (session === undefined) return real.call(AbortSignal, delay)
    const controller = new AbortController()
    const reason = () => new DOMException('The operation was aborted due to timeout', 'TimeoutError')
    session.timers.set('setTimeout', delay, () => controller.abort(reason())).unref()
    return controller.signal
  }, real)
  patches.replace(AbortSignal, 'timeout', timeout)
}
