import { closeSync, existsSync, fstatSync, ftruncateSync, openSync, writeSync } from 'node:fs'
/** What the recorder itself calls, as it was when this module was loaded: programs, test runners and sessions replace
 *  clocks, timers and file functions, and must neither see our calls nor change what they do. */
export const originals = {
  writeSync,
  fstatSync,
  ftruncateSync,
  openSync,
  closeSync,
  existsSync,
  setImmediate: globalThis.setImmediate,
  clearImmediate: globalThis.clearImmediate,
  setTimeout: globalThis.setTimeout,
  clearTimeout: globalThis.clearTimeout,
  queueMicrotask: globalThis.queueMicrotask,
}

/** When the program last closed a descriptor, which may have been ours, where that is seen. */
export const closes = { areSeen: false, lastUs: 0 }

/** Whole µs of a monotonic clock, and the wall clock where it stood at 0. Found when it is first asked for: a module of
 *  Node's that is loaded before the boundary is in place keeps the real clock for good. */
let readUs: (() => number) | undefined
let originUs = 0

/** The clock to use, where the program's own is recorded. */
export function setClock(real: { now(): number; readonly timeOrigin: number }): void {
  readUs = () => Math.round(real.now() * 1000)
  originUs = Math.round(real.timeOrigin * 1000)
}

/** Wall clock in µs since the Unix epoch, set once per OS process and monotonic from there: steps of the system's clock
 *  do not reorder events. About 0.04 µs, half of it the system's. */
export function getTimeUs(): number {
  if (readUs === undefined) findClock()
  return originUs + readUs!()
}

/** V8 calls `hrtime` without leaving compiled code, which `performance.now` costs some 0.05 µs per event. */
function findClock(): void {
  const { performance } = process.getBuiltinModule('node:perf_hooks')
  const { hrtime } = process
  readUs = () => {
    const time = hrtime()
    return time[0] * 1_000_000 + Math.floor(time[1] / 1000)
  }
  originUs = Math.round((performance.timeOrigin + performance.now()) * 1000) - readUs()
}

/** HMAC with SHA-256, as hexadecimal digits. Loads `node:crypto` where the boundary did not say otherwise. */
let hmac = (key: Uint8Array, text: string): string =>
  process.getBuiltinModule('node:crypto').createHmac('sha256', key).update(text).digest('hex')

/** The HMAC to use where a module of Node's that is loaded too early would miss the boundary. */
export function setHmac(real: typeof hmac): void {
  hmac = real
}

export function toHmac(key: Uint8Array, text: string): string {
  return hmac(key, text)
}

/** Has what the recorder calls itself pass by the boundary that would record it as the program's.
 *  @param around runs one call of ours @param write the same for the one that is called most, whose answer is in no array
 *  that is shared with the native side */
export function passBy(around: <T>(call: () => T) => T, write: (real: typeof writeSync) => typeof writeSync): void {
  for (const name of ['fstatSync', 'ftruncateSync', 'openSync', 'closeSync', 'existsSync'] as const) {
    const original = originals[name] as (...args: unknown[]) => unknown
    const passing = (...args: unknown[]): unknown => around(() => Reflect.apply(original, undefined, args))
    ;(originals as Record<string, unknown>)[name] = passing
  }
  originals.writeSync = write(originals.writeSync)
}
