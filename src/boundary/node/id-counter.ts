import type { Internals } from './internals.js'

/** Node's count of asynchronous ids. What native code and watched promises take of it, a replay does not. */
export class IdCounter {
  readonly #fields: Float64Array
  readonly #at: number

  constructor(internals: Internals) {
    const { async_id_fields: fields, constants } = internals.binding('async_wrap') as unknown as {
      async_id_fields: Float64Array
      constants: Record<string, number>
    }
    this.#fields = fields
    this.#at = constants['kAsyncIdCounter']!
  }

  get value(): number {
    return this.#fields[this.#at]!
  }

  set value(value: number) {
    this.#fields[this.#at] = value
  }
}
