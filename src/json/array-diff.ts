import type { PatchOperation } from '../events.js'
import type { Differ } from './diff.js'
import { isPlainContainer } from './shape.js'

/** One place of the array while it is rebuilt: an element of the old array, of the new one, or both. */
interface Slot {
  readonly before: number
  readonly after: number
}

/** Adds the operations that lead from one array to another: equal ends are trimmed, elements that keep their relative
 *  order stay (longest increasing subsequence), others move, what stands in between in both is compared in pairs. */
export function diffArray(
  differ: Differ,
  path: string,
  before: readonly unknown[],
  after: readonly unknown[],
  depth: number,
): void {
  const same = (i: number, j: number) => isSame(differ, before, i, after, j)
  const shorter = Math.min(before.length, after.length)
  let head = 0
  while (head < shorter && same(head, head)) head++
  let tail = 0
  while (tail < shorter - head && same(before.length - 1 - tail, after.length - 1 - tail)) tail++
  const end = after.length - tail
  if (before.length === after.length && end - head === 1) {
    differ.value(`${path}/${head}`, before[head], after[head], depth + 1)
    return
  }
  const plan = new Plan(differ, before, after, head, before.length - tail, end)
  plan.write(path, depth)
}

function isSame(differ: Differ, before: readonly unknown[], i: number, after: readonly unknown[], j: number): boolean {
  return Object.is(differ.identity(before[i]), differ.identity(after[j]))
}

const NONE = -1

class Plan {
  readonly #differ: Differ
  readonly #before: readonly unknown[]
  readonly #after: readonly unknown[]
  readonly #head: number
  readonly #beforeEnd: number
  /** Index in `after` that an element of `before` went to, offset by `head`; NONE when it went. And the reverse. */
  readonly #to: Int32Array
  readonly #from: Int32Array
  /** Stays where it is, relative to its neighbours. */
  readonly #stays: Uint8Array

  constructor(
    differ: Differ,
    before: readonly unknown[],
    after: readonly unknown[],
    head: number,
    beforeEnd: number,
    afterEnd: number,
  ) {
    this.#differ = differ
    this.#before = before
    this.#after = after
    this.#head = head
    this.#beforeEnd = beforeEnd
    this.#to = new Int32Array(beforeEnd - head).fill(NONE)
    this.#from = new Int32Array(afterEnd - head).fill(NONE)
    this.#stays = new Uint8Array(beforeEnd - head)
    if (this.#to.length > 0 && this.#from.length > 0) this.#match()
  }

  /** Pairs each element with the earliest unpaired one that is the same, then marks the longest run that keeps order. */
  #match(): void {
    const places = new Map<unknown, number[]>()
    for (let i = this.#beforeEnd - 1; i >= this.#head; i--) {
      const identity = this.#differ.identity(this.#before[i])
      const found = places.get(identity)
      if (found === undefined) places.set(identity, [i - this.#head])
      else found.push(i - this.#head)
    }
    for (let j = 0; j < this.#from.length; j++) {
      const value = this.#after[this.#head + j]
      const candidates = places.get(this.#differ.identity(value))
      const i = candidates?.[candidates.length - 1]
      if (i === undefined || (!Object.is(this.#before[this.#head + i], value) && value === 0)) continue
      candidates?.pop()
      this.#from[j] = i
      this.#to[i] = j
    }
    for (const j of longestIncreasing(this.#from)) this.#stays[this.#from[j] as number] = 1
  }

  write(path: string, depth: number): void {
    const slots = this.#toSlots()
    const live = new Ranks(slots.length)
    const place = new Int32Array(this.#from.length)
    const { operations } = this.#differ
    slots.forEach((slot, at) => {
      if (slot.before !== NONE) live.set(at, 1)
      if (slot.after !== NONE) place[slot.after] = at
    })
    for (let at = slots.length - 1; at >= 0; at--) {
      const { before, after } = slots[at] as Slot
      if (before === NONE || after !== NONE || this.#to[before] !== NONE) continue
      live.set(at, -1)
      operations.push({ op: 'remove', path: this.#at(path, live, at) })
    }
    const origin = new Int32Array(this.#to.length)
    slots.forEach((slot, at) => {
      if (slot.before !== NONE) origin[slot.before] = at
    })
    for (let j = 0; j < this.#from.length; j++) {
      const at = place[j] as number
      if ((slots[at] as Slot).before !== NONE) continue
      operations.push(this.#arrival(path, live, j, at, origin))
      live.set(at, 1)
    }
    for (const { before, after } of slots) {
      if (before === NONE || after === NONE || this.#stays[before] === 1) continue
      const index = this.#head + after
      this.#differ.value(`${path}/${index}`, this.#before[this.#head + before], this.#after[index], depth + 1)
    }
  }

  #at(path: string, live: Ranks, at: number): string {
    return `${path}/${this.#head + live.before(at)}`
  }

  #arrival(path: string, live: Ranks, j: number, at: number, origin: Int32Array): PatchOperation {
    const i = this.#from[j] as number
    if (i === NONE) return { op: 'add', path: this.#at(path, live, at), value: this.#after[this.#head + j] }
    const from = this.#at(path, live, origin[i] as number)
    live.set(origin[i] as number, -1)
    return { op: 'move', from, path: this.#at(path, live, at) }
  }

  /** All places in one order that suits both arrays: those that stay, and between them the others. */
  #toSlots(): Slot[] {
    const slots: Slot[] = []
    let j = 0
    let i = 0
    while (i < this.#to.length || j < this.#from.length) {
      const [oldRun, nextI] = this.#run(i)
      const newRun: number[] = []
      while (j < this.#from.length && !this.#isStaying(j)) newRun.push(j++)
      this.#pair(oldRun, newRun, slots)
      i = nextI
      if (i < this.#to.length) slots.push({ before: i++, after: j++ })
    }
    return slots
  }

  #isStaying(j: number): boolean {
    const i = this.#from[j] as number
    return i !== NONE && this.#stays[i] === 1
  }

  #run(start: number): [number[], number] {
    const run: number[] = []
    let i = start
    while (i < this.#to.length && this.#stays[i] === 0) run.push(i++)
    return [run, i]
  }

  /** Between two that stay: new elements without a past take the places of old ones without a future, in order. */
  #pair(oldRun: readonly number[], newRun: readonly number[], slots: Slot[]): void {
    const fallow = oldRun.filter((i) => this.#to[i] === NONE)
    const fresh = newRun.filter((j) => this.#from[j] === NONE)
    const pairs = this.#match2(fallow, fresh)
    let next = 0
    for (const i of oldRun) {
      const partner = pairs.get(i)
      if (partner === undefined) {
        slots.push({ before: i, after: NONE })
        continue
      }
      while (next < newRun.length && (newRun[next] as number) < partner)
        slots.push({ before: NONE, after: newRun[next++] as number })
      slots.push({ before: i, after: partner })
      next++
    }
    while (next < newRun.length) slots.push({ before: NONE, after: newRun[next++] as number })
  }

  #match2(fallow: readonly number[], fresh: readonly number[]): Map<number, number> {
    const pairs = new Map<number, number>()
    if (fallow.length === fresh.length) {
      fallow.forEach((i, n) => {
        pairs.set(i, fresh[n] as number)
      })
      return pairs
    }
    const names = new Map<unknown, number>()
    fresh.forEach((j, n) => {
      const name = toName(this.#after[this.#head + j])
      if (name !== undefined) names.set(name, n)
    })
    let least = 0
    for (const i of fallow) {
      const n = names.get(toName(this.#before[this.#head + i]))
      if (n === undefined || n < least) continue
      pairs.set(i, fresh[n] as number)
      least = n + 1
    }
    return pairs
  }
}

/** What rows call themselves. A hint for pairing only: a wrong one costs bytes, never truth. */
function toName(value: unknown): unknown {
  if (!isPlainContainer(value) || Array.isArray(value)) return undefined
  const { id, _id, key } = value as { id?: unknown; _id?: unknown; key?: unknown }
  const name = id ?? _id ?? key
  return typeof name === 'string' || typeof name === 'number' ? name : undefined
}

/** Positions of a longest increasing subsequence of the entries that aren't negative. O(n log n); Fredman 1975. */
function longestIncreasing(values: Int32Array): number[] {
  const tails: number[] = []
  const previous = new Int32Array(values.length).fill(NONE)
  for (let at = 0; at < values.length; at++) {
    const value = values[at] as number
    if (value < 0) continue
    let low = 0
    let high = tails.length
    while (low < high) {
      const middle = (low + high) >> 1
      if ((values[tails[middle] as number] as number) < value) low = middle + 1
      else high = middle
    }
    if (low > 0) previous[at] = tails[low - 1] as number
    tails[low] = at
  }
  const found: number[] = []
  for (let at = tails[tails.length - 1] ?? NONE; at !== NONE; at = previous[at] as number) found.push(at)
  return found
}

/** How many live slots stand before one: a Fenwick tree, O(log n) to ask and to change. */
class Ranks {
  readonly #tree: Int32Array

  constructor(size: number) {
    this.#tree = new Int32Array(size + 1)
  }

  set(at: number, change: 1 | -1): void {
    for (let i = at + 1; i < this.#tree.length; i += i & -i) this.#tree[i] = (this.#tree[i] as number) + change
  }

  before(at: number): number {
    let sum = 0
    for (let i = at; i > 0; i -= i & -i) sum += this.#tree[i] as number
    return sum
  }
}
