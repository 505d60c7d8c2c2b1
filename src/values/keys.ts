import type { Redactor } from './codec.js'
import { LIMITS } from './limits.js'

const REMEMBERED = 8_192
const LONGEST_REMEMBERED = 256

/** What a property name means to the encoder. */
export const KEY = { plain: 0, special: 1, secret: 2 } as const
export type KeyClass = (typeof KEY)[keyof typeof KEY]

/** Classifies property names and remembers the answers. */
export class Keys {
  readonly #redact: Redactor | undefined
  readonly #known = new Map<string, KeyClass>()

  constructor(redact: Redactor | undefined) {
    this.#redact = redact
  }

  classify(key: string): KeyClass {
    let found = this.#known.get(key)
    if (found === undefined) {
      found = this.#toKeyClass(key)
      if (key.length <= LONGEST_REMEMBERED) {
        if (this.#known.size >= REMEMBERED) this.#known.clear()
        this.#known.set(key, found)
      }
    }
    return found
  }

  #toKeyClass(key: string): KeyClass {
    if (key.length > LIMITS.key) return KEY.special
    if (this.#redact?.isSecretKey(key)) return KEY.secret
    if (key === '$type' || key === '__proto__' || key === 'hasOwnProperty') return KEY.special
    if (!key.isWellFormed() || (this.#redact !== undefined && this.#redact.text(key) !== key)) return KEY.special
    return KEY.plain
  }
}
