import { install as installCalendars, type Reading } from './calendars.js'
import { disguise } from './disguise.js'
import type { Internals } from './internals.js'
import { install as installKept } from './kept-clocks.js'
import type { Realms } from './realms.js'
import { type CallPlan, recordCall, replayCall } from './synchronous.js'
import type { TapeReader, TapeWriter } from './tape.js'

type Now = () => number

const KEPT_NOW = Date.now

/** `Date` of each realm and what else tells the time, `performance.now`, `hrtime`, and the clocks that Node keeps. */
function install(internals: Internals, realms: Realms, read: Reading): void {
  realms.add('Date', (realm) => installDate(realm, read))
  const performance = internals.builtin('internal/perf/utils') as { now: Now }
  performance.now = disguise(read('performance.now', performance.now), performance.now)
  installHttpDate(internals)
  installCalendars(realms, read)
  installKept(internals, read('DateNow', KEPT_NOW))
}

function installDate(realm: { Date: DateConstructor }, read: Reading): void {
  const Real = realm.Date
  const now = read('Date.now', Real.now)
  function Recorded(this: unknown): unknown {
    if (!new.target) return new Real(now()).toString()
    // biome-ignore lint/complexity/noArguments: passed on as they are
    const args = arguments
    return Reflect.construct(Real, args.length === 0 ? [now()] : args, new.target)
  }
  disguise(Recorded, Real)
  Object.defineProperty(Recorded, 'prototype', { value: Real.prototype, writable: false })
  Object.defineProperty(Recorded, 'now', {
    value: disguise(() => now(), Real.now),
    writable: true,
    configurable: true,
    enumerable: false,
  })
  for (const key of ['parse', 'UTC']) {
    Object.defineProperty(Recorded, key, Object.getOwnPropertyDescriptor(Real, key)!)
  }
  Object.defineProperty(Real.prototype, 'constructor', {
    value: Recorded,
    writable: true,
    configurable: true,
    enumerable: false,
  })
  Object.defineProperty(realm, 'Date', { value: Recorded, writable: true, configurable: true, enumerable: false })
}

/** Node keeps its own `Date` out of reach for the header of HTTP answers (lib/internal/http.js). */
function installHttpDate(internals: Internals): void {
  const http = internals.builtin('internal/http') as { utcDate: () => string }
  const timers = internals.builtin('internal/timers') as unknown as {
    setUnrefTimeout(callback: () => void, after: number): unknown
  }
  let cached: string | undefined
  const reset = (): void => {
    cached = undefined
  }
  http.utcDate = function utcDate() {
    if (cached === undefined) {
      const date = new Date()
      cached = date.toUTCString()
      timers.setUnrefTimeout(reset, 1000 - date.getMilliseconds())
    }
    return cached
  }
}

/** `process.hrtime` leaves its answer in three words that it shares with the native side. */
function toWords(binding: { hrtimeBuffer?: unknown }): Uint32Array {
  const shared = binding.hrtimeBuffer as Uint32Array | ArrayBuffer
  return new Uint32Array(shared instanceof Uint32Array ? shared.buffer : shared, 0, 3)
}

const HRTIMES = ['hrtime', 'hrtimeBigInt'] as const

export function record(internals: Internals, tape: TapeWriter, realms: Realms): void {
  install(internals, realms, (label, real) => {
    const code = tape.code(label)
    return function now() {
      const time = real()
      if (tape.bypass) return time
      tape.begin(code)
      tape.result()
      tape.value(time)
      tape.end()
      return time
    }
  })
  const binding = internals.binding('process_methods')
  const words = toWords(binding)
  const plan: CallPlan = {
    save: () => {
      for (let index = 0; index < words.length; index++) tape.value(words[index])
    },
  }
  for (const name of HRTIMES) recordCall(tape, binding, name, `process.${name}`, plan)
}

export function replay(internals: Internals, tape: TapeReader, realms: Realms): void {
  install(internals, realms, (label, real) => {
    const code = tape.code(label)
    return function now() {
      if (tape.bypass) return real()
      tape.begin(code)
      tape.result()
      const time = tape.value() as ReturnType<typeof real>
      tape.end()
      return time
    }
  })
  const binding = internals.binding('process_methods')
  const words = toWords(binding)
  const plan: CallPlan = {
    load: () => {
      for (let index = 0; index < 3; index++) words[index] = tape.value() as number
    },
  }
  for (const name of HRTIMES) replayCall(tape, binding, name, `process.${name}`, plan)
}
