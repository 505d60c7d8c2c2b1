import { inspect, types } from 'node:util'
import { originals } from './originals.js'

/** Called once. */
export type OnSettled = (rejected: boolean) => void

let followed = new WeakMap<Promise<unknown>, OnSettled[]>()
/** Promises that are followed. */
let pending = 0
let stopHook: Function | undefined

/** Says when a promise settles without touching it. `then` would mark it as handled: a rejection that the program leaves
 *  unhandled would no longer end it. So V8's own hook watches, for as long as anything is followed.
 *  @returns false where it can't be followed: it is settled, or not the engine's own kind */
export function followPromise(value: unknown, onSettled: OnSettled): boolean {
  if (!types.isPromise(value) || getState(value) !== 'pending') return false
  const others = followed.get(value)
  if (others) {
    others.push(onSettled)
    return true
  }
  followed.set(value, [onSettled])
  pending++
  stopHook ??= process.getBuiltinModule('node:v8').promiseHooks.onSettled(onAnySettled)
  return true
}

/** Forgets everything that is followed. */
export function stopFollowing(): void {
  followed = new WeakMap()
  pending = 0
  stopHook?.()
  stopHook = undefined
}

/** `settled` for promises that resolve to another promise too: those stay pending and come again. */
function onAnySettled(promise: Promise<unknown>): void {
  if (!followed.has(promise)) return
  originals.queueMicrotask(() => settle(promise))
}

function settle(promise: Promise<unknown>): void {
  const waiting = followed.get(promise)
  if (!waiting) return
  const state = getState(promise)
  if (state === 'pending') return
  followed.delete(promise)
  if (--pending <= 0) stopFollowing()
  for (const onSettled of waiting) onSettled(state === 'rejected')
}

/** `inspect` is the only way to ask that leaves no mark. It prints the reason of a rejection, and to read an error's
 *  `stack` changes where Node says it was thrown: so errors get a printer of ours for as long as the call takes. A
 *  subclass or decorated promise is not asked, for it could notice. */
function getState(promise: Promise<unknown>): 'pending' | 'fulfilled' | 'rejected' {
  if (Object.getPrototypeOf(promise) !== Promise.prototype) return 'fulfilled'
  if (Object.getOwnPropertyNames(promise).length > 0 || Object.hasOwn(promise, Symbol.toStringTag)) return 'fulfilled'
  if (Object.hasOwn(Error.prototype, inspect.custom) || !Object.isExtensible(Error.prototype)) return 'fulfilled'
  Object.defineProperty(Error.prototype, inspect.custom, { value: printNothing, configurable: true })
  try {
    const text = inspect(promise, { depth: 0, customInspect: true, maxStringLength: 0, maxArrayLength: 0 })
    const state = /^Promise \{\s+<(pending|rejected)>/.exec(text)?.[1]
    return (state as 'pending' | 'rejected' | undefined) ?? 'fulfilled'
  } finally {
    Reflect.deleteProperty(Error.prototype, inspect.custom)
  }
}

function printNothing(): string {
  return ''
}
