import { disguise } from './disguise.js'
import type { Realms } from './realms.js'
import { replace } from './synchronous.js'

/** How something that changes is read: through the tape. */
export type Reading = <T>(label: string, real: () => T) => () => T

/** A moment or a day in `Temporal`, as far as its own clock needs them. */
interface Instant {
  readonly epochNanoseconds: bigint
  toZonedDateTimeISO(timeZone: unknown): Zoned
}

interface Zoned {
  toPlainDateTime(): unknown
  toPlainDate(): unknown
  toPlainTime(): unknown
}

export interface Temporal {
  readonly Now: object
  readonly Instant: new (nanoseconds: bigint) => Instant
}

/** From before `Date` is replaced. */
const realNow = Date.now

/** What asks the engine for the time below `Date`: `Intl`, where it is given none, and `Temporal` (Node 26 and later). */
export function install(realms: Realms, read: Reading): void {
  realms.add('Intl', (realm) => realm.Intl && installFormats(realm.Intl, read))
  realms.add('Temporal', (realm) => realm.Temporal && installTemporal(realm.Temporal, read))
}

function installFormats({ DateTimeFormat }: typeof Intl, read: Reading): void {
  const { prototype } = DateTimeFormat
  const now = read('Intl.DateTimeFormat', realNow)
  const { get } = Object.getOwnPropertyDescriptor(prototype, 'format')!
  // A format has one function for ever.
  const known = new WeakMap<object, unknown>()
  const own = function (this: unknown): unknown {
    const format = Reflect.apply(get!, this, []) as Intl.DateTimeFormat['format']
    let ours = known.get(format)
    if (!ours) known.set(format, (ours = disguise((date?: Date) => format(date ?? toGiven(date, now)), format)))
    return ours
  }
  Object.defineProperty(prototype, 'format', { get: disguise(own, get!), configurable: true, enumerable: false })
  const { formatToParts } = prototype
  replace(prototype, 'formatToParts', function (this: unknown, date?: Date): unknown {
    return Reflect.apply(formatToParts, this, [date ?? toGiven(date, now)])
  })
}

/** `null` is the first moment of 1970. */
function toGiven(date: null | undefined, now: () => number): Date {
  return (date === undefined ? now() : date) as unknown as Date
}

function installTemporal({ Now, Instant }: Temporal, read: Reading): void {
  const { instant: readInstant, timeZoneId } = Now as { instant(): Instant; timeZoneId(): string }
  const readNanoseconds = read('Temporal.Now', () => readInstant().epochNanoseconds)
  const readTimeZone = read('Temporal.Now.timeZoneId', timeZoneId)
  const instant = (): Instant => new Instant(readNanoseconds())
  const zone = (timeZone: unknown): Zoned =>
    instant().toZonedDateTimeISO(timeZone === undefined ? readTimeZone() : timeZone)
  const stand = {
    instant,
    timeZoneId: () => readTimeZone(),
    zonedDateTimeISO: (timeZone?: unknown) => zone(timeZone),
    plainDateTimeISO: (timeZone?: unknown) => zone(timeZone).toPlainDateTime(),
    plainDateISO: (timeZone?: unknown) => zone(timeZone).toPlainDate(),
    plainTimeISO: (timeZone?: unknown) => zone(timeZone).toPlainTime(),
  }
  for (const [name, method] of Object.entries(stand)) replace(Now, name, method)
}
