import type { Seq } from '../../src/ids.js'
import type { Position } from '../../src/log/reader.js'
import type { Rows } from './rows.js'

/** Where derived events stand among recorded ones. Both together are numbered through, without holes: these numbers are called places here. */
export class Positions {
  /** Of each derived event, in order: the recorded event that it comes after. */
  readonly #after: Uint32Array
  /** Which part each is of, and its number there. */
  readonly #parts: Uint16Array
  readonly #numbers: Uint32Array
  /** Of each part: where its events stand in this order. */
  readonly #orders: readonly Uint32Array[]

  constructor(parts: readonly Rows[]) {
    const count = parts.reduce((sum, rows) => sum + rows.count, 0)
    this.#after = new Uint32Array(count)
    this.#parts = new Uint16Array(count)
    this.#numbers = new Uint32Array(count)
    this.#orders = parts.map((rows) => new Uint32Array(rows.count))
    const next = parts.map(() => 0)
    for (let at = 0; at < count; at++) {
      let part = -1
      for (const [index, rows] of parts.entries()) {
        if (next[index]! >= rows.count) continue
        if (part < 0 || rows.seqs[next[index]!]! < parts[part]!.seqs[next[part]!]!) part = index
      }
      const number = next[part]!++
      this.#after[at] = parts[part]!.seqs[number]!
      this.#parts[at] = part
      this.#numbers[at] = number
      this.#orders[part]![number] = at
    }
  }

  get count(): number {
    return this.#after.length
  }

  /** Position of a recorded event. */
  ofSeq(seq: number): number {
    return seq + lowerBound(this.#after, seq)
  }

  /** Position of a part's event. */
  ofDerived(part: number, number: number): number {
    const at = this.#orders[part]![number]!
    return this.#after[at]! + 1 + at
  }

  /** What stands at a place. */
  at(place: number): { readonly seq: number } | { readonly part: number; readonly number: number } {
    const at = this.#countBefore(place)
    if (this.#isAt(at, place)) return { part: this.#parts[at]!, number: this.#numbers[at]! }
    return { seq: place - at }
  }

  /** The last recorded event at or before a place. */
  lastSeq(place: number): number {
    return place - this.#countBefore(place + 1)
  }

  /** The first recorded event at or behind a place. */
  firstSeq(place: number): number {
    const at = this.#countBefore(place)
    return this.#isAt(at, place) ? this.#after[at]! + 1 : place - at
  }

  /** Number of a part's events that stand before a place. */
  countOf(part: number, place: number): number {
    const order = this.#orders[part]!
    return lowerBound(order, this.#countBefore(place))
  }

  /** What stands there, as people call it. */
  name(place: number): Position {
    const at = this.#countBefore(place)
    if (!this.#isAt(at, place)) return { seq: (place - at) as Seq }
    const seq = this.#after[at]! as Seq
    return { seq, derived: at - lowerBound(this.#after, seq) + 1 }
  }

  /** undefined where nothing is called so. */
  find({ seq, derived }: Position): number | undefined {
    if (derived === undefined) return this.ofSeq(seq)
    const at = lowerBound(this.#after, seq) + derived - 1
    return derived > 0 && this.#after[at] === seq ? seq + 1 + at : undefined
  }

  /** How many were derived after that event. */
  countAfter(seq: number): number {
    return lowerBound(this.#after, seq + 1) - lowerBound(this.#after, seq)
  }

  #isAt(at: number, place: number): boolean {
    return at < this.#after.length && this.#after[at]! + 1 + at === place
  }

  /** Number of derived events that stand before a place. */
  #countBefore(place: number): number {
    let [low, high] = [0, this.#after.length]
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#after[middle]! + 1 + middle < place) low = middle + 1
      else high = middle
    }
    return low
  }
}

/** Number of values that are smaller, in an ascending array. */
export function lowerBound(values: Uint32Array, value: number): number {
  let [low, high] = [0, values.length]
  while (low < high) {
    const middle = (low + high) >>> 1
    if (values[middle]! < value) low = middle + 1
    else high = middle
  }
  return low
}
