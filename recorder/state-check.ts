import type { Patch } from '../src/events.js'
import type { SubjectNo } from '../src/ids.js'
import { isSameValue } from '../src/json/canonical.js'
import { applyIndependently } from '../src/json/independent.js'
import { applyPatch } from '../src/json/patch.js'
import { createDecoder } from '../src/values/decoder.js'
import { createEncoder } from '../src/values/encoder.js'

/** Follows each container's deltas the way a reader will and compares with the state, both as they come back from the
 *  encoder; where it can be asked, code that is not ours has to agree. Costs the whole state per change: for debugging only (`RETROSCOPE_DEBUG`). */
export class StateCheck {
  readonly #encoder = createEncoder()
  readonly #decoder = createDecoder()
  readonly #states = new Map<SubjectNo, unknown>()

  set(container: SubjectNo, state: unknown): void {
    this.#states.set(container, this.#store(state))
  }

  /** Whether the patch leads from the last state to `after`. Either way `after` is where the next one begins. */
  apply(container: SubjectNo, patch: Patch, after: unknown): boolean {
    const before = this.#states.get(container)
    const expected = this.#store(after)
    this.#states.set(container, expected)
    try {
      const told = this.#store(patch) as Patch
      if (!isSameValue(applyPatch(before, told), expected)) return false
      const other = applyIndependently(before, told)
      return other === undefined || isSameValue(other.state, expected)
    } catch {
      return false
    }
  }

  #store(value: unknown): unknown {
    const bytes = this.#encoder.encode(value).slice()
    const dictionary = this.#encoder.takeDictionary()
    if (dictionary) this.#decoder.learn(dictionary)
    return this.#decoder.decode(bytes)
  }
}
