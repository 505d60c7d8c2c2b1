import fs from 'node:fs'
import { performance } from 'node:perf_hooks'

/** What the recorder itself calls, as it was when this module was loaded: programs, test runners and sessions replace
 *  clocks, timers and file functions, and must neither see our calls nor change what they do. */
export const originals = {
  writeSync: fs.writeSync,
  fstatSync: fs.fstatSync,
  ftruncateSync: fs.ftruncateSync,
  openSync: fs.openSync,
  closeSync: fs.closeSync,
  setImmediate: globalThis.setImmediate,
  clearImmediate: globalThis.clearImmediate,
  setTimeout: globalThis.setTimeout,
  clearTimeout: globalThis.clearTimeout,
  queueMicrotask: globalThis.queueMicrotask,
  now: performance.now.bind(performance),
} as const

const ORIGIN_US = Math.round(performance.timeOrigin * 1000)

/** Wall clock in µs since the Unix epoch, set once per OS process and monotonic from there: steps of the system's clock
 *  do not reorder events. About 0.05 µs. */
export function getTimeUs(): number {
  return ORIGIN_US + Math.round(originals.now() * 1000)
}
