import { performance } from 'node:perf_hooks'
import { getSession } from './context.js'
import { originals } from './originals.js'
import { dress, type Patches } from './patches.js'

/** The clock of a session: Date, performance.now, process.hrtime. A session meets what its recording says, others theirs. */
export function installClock(patches: Patches): void {
  installDate(patches)
  const prototype = Object.getPrototypeOf(performance) as { now: () => number }
  const performanceNow = prototype.now
  const now = dress(function now(this: unknown): number {
    const session = getSession()
    const real = () => Reflect.apply(performanceNow, this, [])
    return session === undefined ? real() : session.value('performance.now', real)
  }, performanceNow)
  patches.replace(prototype, 'now', now)
  installTimeOrigin(patches, prototype)
  installHrtime(patches)
  installFormats(patches)
}

function installTimeOrigin(patches: Patches, prototype: object): void {
  const read = Object.getOwnPropertyDescriptor(prototype, 'timeOrigin')?.get
  if (read === undefined) return
  patches.replaceWithGetter(prototype, 'timeOrigin', function (this: unknown) {
    const session = getSession()
    const real = () => Reflect.apply(read, this, []) as number
    return session === undefined ? real() : session.value('performance.timeOrigin', real)
  })
}

function installHrtime(patches: Patches): void {
  const { hrtime } = process
  const { bigint } = hrtime
  const read = dress((previous?: [number, number]): [number, number] => {
    const session = getSession()
    if (session === undefined) return hrtime(previous)
    return session.value('process.hrtime', () => hrtime(previous))
  }, hrtime)
  const readBigint = dress((): bigint => {
    const session = getSession()
    // As text: the same bytes whatever an encoder does with integers of more than 64 bits.
    return session === undefined ? bigint() : BigInt(session.value('process.hrtime.bigint', () => String(bigint())))
  }, bigint)
  patches.replace(process, 'hrtime', Object.assign(read, { bigint: readBigint }))
}

function installDate(patches: Patches): void {
  const Real = globalThis.Date
  const realNow = Real.now
  const readClock = (call: string): number => {
    const session = getSession()
    return session === undefined ? realNow() : session.value(call, realNow)
  }
  const now = dress(() => readClock('Date.now'), realNow)

  function SessionDate(...args: unknown[]): unknown {
    if (new.target === undefined) return new Real(readClock('Date()')).toString()
    const target = new.target === (SessionDate as unknown) ? Real : new.target
    return Reflect.construct(Real, args.length === 0 ? [readClock('new Date')] : args, target)
  }
  dress(SessionDate, Real)
  Object.defineProperty(SessionDate, 'prototype', { value: Real.prototype, writable: false })
  Object.defineProperty(SessionDate, 'now', { value: now, writable: true, configurable: true })

  // In place on the real one too: code that kept the constructor reads the same clock.
  patches.replace(Real, 'now', now)
  patches.replace(Real.prototype, 'constructor', SessionDate)
  patches.replace(globalThis, 'Date', SessionDate)
}

/** `format()` without a date formats the time of the moment, which it reads below Date. */
function installFormats(patches: Patches): void {
  const { prototype } = Intl.DateTimeFormat
  const getFormat = Object.getOwnPropertyDescriptor(prototype, 'format')?.get
  const { formatToParts } = prototype
  const now = (date: unknown) => {
    const session = date === undefined ? getSession() : undefined
    return (session === undefined ? date : session.value('Intl.DateTimeFormat', originals.now)) as Date
  }
  if (getFormat) {
    patches.replaceWithGetter(prototype, 'format', function (this: unknown) {
      const format = Reflect.apply(getFormat, this, []) as Intl.DateTimeFormat['format']
      return getSession() === undefined ? format : (date?: Date) => format(now(date))
    })
  }
  const toParts = dress(function (this: unknown, date?: Date) {
    return Reflect.apply(formatToParts, this, [now(date)]) as unknown
  }, formatToParts)
  patches.replace(prototype, 'formatToParts', toParts)
}
