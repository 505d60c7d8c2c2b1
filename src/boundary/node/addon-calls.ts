import { toCompared } from './addon-values.js'
import type { Tape } from './tape.js'

export const CONSTRUCT = 'new '

export type Callable = Function & ((...args: unknown[]) => unknown)

export function toCodes(tape: Tape) {
  const names = { open: 'process.dlopen', call: 'addon', called: 'addon calls back', settled: 'addon settles' } as const
  return {
    open: tape.code(names.open),
    call: tape.code(names.call),
    called: tape.code(names.called),
    settled: tape.code(names.settled),
  }
}

/** Numbers of what addons made, and of what they were given: counted alike in a replay. */
export class Ids {
  #last = 0
  readonly #ids = new WeakMap<object, number>()

  find(value: object): number {
    return this.#ids.get(value) ?? 0
  }

  next(): number {
    return ++this.#last
  }

  set(value: object, id: number): void {
    this.#ids.set(value, id)
  }
}

/** What a call was given, as it is compared. */
export function argue(tape: { argument(value: unknown): void }, known: Ids, value: unknown): void {
  tape.argument(toCompared(value, (one) => known.find(one)))
}
