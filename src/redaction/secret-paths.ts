import { parsePointer } from '../json/pointer.js'
import { shapeOf } from '../json/shape.js'
import { toBareName } from './secrets.js'

/** How far each pattern has been followed: `[pattern, segments of it that are matched]`. */
type State = readonly [pattern: readonly string[], at: number]

/** Pointers with `*` and `**`, and names that are secret at any depth of a payload. */
export class SecretPaths {
  readonly #start: readonly State[]
  readonly #names: ReadonlySet<string>

  /** @throws BAD_POINTER when a pattern is no pointer */
  constructor(patterns: readonly string[], names: readonly string[]) {
    this.#start = patterns.map((pattern) => [parsePointer(pattern), 0])
    this.#names = new Set(names)
  }

  /** Whether what stands at the first `length` segments is secret. */
  matches(segments: readonly string[], length: number): boolean {
    let states = this.#start
    for (let at = 0; at < length; at++) {
      const next = this.#step(states, segments[at]!)
      if (next === undefined) return true
      states = next
    }
    return false
  }

  /** A copy of `value` with tokens in the secret places; the very same where there can't be any. `below`: where in the
   *  payload the value stands. */
  withhold(value: unknown, toToken: (secret: unknown) => string, below: readonly string[] = []): unknown {
    let states: readonly State[] | undefined = this.#start
    for (const segment of below) {
      states = this.#step(states, segment)
      if (states === undefined) return toToken(value)
    }
    return this.#copy(value, states, toToken, new Map())
  }

  #copy(
    value: unknown,
    states: readonly State[],
    toToken: (secret: unknown) => string,
    copies: Map<object, Map<string, unknown>>,
  ): unknown {
    if (typeof value !== 'object' || value === null || (states.length === 0 && this.#names.size === 0)) return value
    // What keeps its content elsewhere has no paths.
    if (shapeOf(value) === 'atom') return value
    const known = copies.get(value) ?? new Map<string, unknown>()
    copies.set(value, known)
    const place = states.map(([pattern, at]) => `${this.#start.findIndex(([other]) => other === pattern)}.${at}`).join()
    if (known.has(place)) return known.get(place)
    const copy: object = Array.isArray(value) ? [] : Object.create(Object.getPrototypeOf(value) as object | null)
    known.set(place, copy)
    for (const key of Object.keys(value)) {
      const field: unknown = Reflect.get(value, key)
      const next = this.#step(states, key)
      const clean = next === undefined ? toToken(field) : this.#copy(field, next, toToken, copies)
      Object.defineProperty(copy, key, { value: clean, writable: true, enumerable: true, configurable: true })
    }
    return copy
  }

  /** Follows one segment. undefined: what stands there is secret. */
  #step(states: readonly State[], segment: string): readonly State[] | undefined {
    if (this.#names.has(toBareName(segment))) return undefined
    const next: State[] = []
    for (const [pattern, at] of states) if (follow(pattern, at, segment, next)) return undefined
    return next
  }
}

/** Adds where a pattern stands behind `segment`. @returns whether it is matched as a whole */
function follow(pattern: readonly string[], at: number, segment: string, next: State[]): boolean {
  const expected = pattern[at]
  if (expected === '**') {
    next.push([pattern, at])
    return follow(pattern, at + 1, segment, next)
  }
  if (expected !== '*' && expected !== segment) return false
  if (at + 1 === pattern.length) return true
  next.push([pattern, at + 1])
  return false
}
