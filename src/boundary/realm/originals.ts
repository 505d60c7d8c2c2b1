import { createRequire } from 'node:module'
import { performance } from 'node:perf_hooks'

/** What the realm replaces, as it was when this module was loaded: for code of ours that must never meet a wrapper. */
export const originals = {
  Date: globalThis.Date,
  now: globalThis.Date.now,
  setTimeout: globalThis.setTimeout,
  setInterval: globalThis.setInterval,
  setImmediate: globalThis.setImmediate,
  clearTimeout: globalThis.clearTimeout,
  clearInterval: globalThis.clearInterval,
  clearImmediate: globalThis.clearImmediate,
  performanceNow: performance.now.bind(performance),
} as const

/** Loads a module of Node's as the mutable object that its named exports are synchronised from. */
export const loadBuiltin: (name: string) => Record<string, unknown> = createRequire(import.meta.url) as never
