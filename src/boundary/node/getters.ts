import type { Handle, HandleClass, RecordTools, ReplayTools } from './handles.js'
import type { Holder } from './internals.js'

function findGetter(prototype: Holder, name: string): ((this: Handle) => unknown) | undefined {
  for (let one: Holder | null = prototype; one; one = Object.getPrototypeOf(one) as Holder | null) {
    const descriptor = Object.getOwnPropertyDescriptor(one, name)
    if (descriptor) return descriptor.get
  }
  return undefined
}

const always = (): boolean => true

/** What the native side answers from the handle's state when JavaScript reads it.
 *  @param isFed of which handles it is on the tape */
export function recordGetter(
  { tape, numbering }: RecordTools,
  type: HandleClass,
  label: string,
  name: string,
  isFed: (handle: object) => boolean = always,
): void {
  const original = findGetter(type.prototype, name)
  if (!original) return
  const code = tape.code(`${label}.${name}`)
  Object.defineProperty(type.prototype, name, {
    configurable: true,
    get(this: Handle) {
      const value = original.call(this)
      if (tape.bypass || !isFed(this)) return value
      tape.begin(code)
      tape.argument(numbering.of(this, tape.turn))
      tape.result()
      tape.value(value)
      tape.end()
      return value
    },
  })
}

/** The same from the tape.
 *  @param find what handles answer that are not on it */
export function replayGetter(
  { tape, numbering }: ReplayTools,
  type: HandleClass,
  label: string,
  name: string,
  isFed: (handle: object) => boolean = always,
  find: (handle: object) => unknown = () => undefined,
): void {
  if (!findGetter(type.prototype, name)) return
  const code = tape.code(`${label}.${name}`)
  Object.defineProperty(type.prototype, name, {
    configurable: true,
    get(this: Handle) {
      if (tape.bypass || !isFed(this)) return find(this)
      tape.begin(code)
      tape.argument(numbering.of(this))
      tape.result()
      const value = tape.value()
      tape.end()
      return value
    },
  })
}
