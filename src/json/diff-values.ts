import type { Patch } from '../events.js'
import { getClassName } from '../values/class-names.js'
import { isSameValue, toInner } from './canonical.js'
import { diffBy } from './diff.js'

/** The RFC 6902 patch between two states that share no references: equal parts are found by content, so that inserts,
 *  removals and moves of rows stay single operations. O(size of both). States with cycles are replaced whole. */
export function diffValues(before: unknown, after: unknown): Patch {
  try {
    const interner = new Interner()
    interner.toId(before)
    interner.toId(after)
    return diffBy(before, after, (value) => interner.identity(value))
  } catch {
    return isSameValue(before, after) ? [] : [{ op: 'replace', path: '', value: after }]
  }
}

/** Stands for all objects of the same content. An object of its own, so that no value of a state equals it. */
interface Token {
  readonly id: number
}

/** Gives equal values equal numbers (hash-consing), in the sense of `isSameValue`. */
class Interner {
  readonly #tokens = new Map<object, Token>()
  readonly #contents = new Map<string, Token>()
  readonly #leaves = new Map<unknown, number>()
  #next = 0

  /** What stands for an interned object; primitives stand for themselves. */
  identity(value: unknown): unknown {
    if (typeof value !== 'object' || value === null) return value
    return this.#tokens.get(value) ?? value
  }

  /** @throws RangeError when the value has a cycle, or is nested too deeply */
  toId(value: unknown): number {
    if (typeof value !== 'object' || value === null) return this.#leaf(value)
    const known = this.#tokens.get(value)
    if (known === OPEN) throw new RangeError('a cycle')
    if (known !== undefined) return known.id
    this.#tokens.set(value, OPEN)
    const content = this.#content(value)
    let token = this.#contents.get(content)
    if (token === undefined) this.#contents.set(content, (token = { id: this.#next++ }))
    this.#tokens.set(value, token)
    return token.id
  }

  #leaf(value: unknown): number {
    const leaf = Object.is(value, -0) ? NEGATIVE_ZERO : value
    let id = this.#leaves.get(leaf)
    if (id === undefined) this.#leaves.set(leaf, (id = this.#next++))
    return id
  }

  #content(value: object): string {
    const parts: (string | number)[] = [JSON.stringify(getClassName(Object.getPrototypeOf(value) as object | null))]
    if (ArrayBuffer.isView(value)) {
      return `${parts[0]}:${Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64')}`
    }
    const inner = toInner(value)
    if (inner !== undefined) parts.push('(', ...inner.map((part) => this.toId(part)), ')')
    if (Array.isArray(value)) parts.push('[', value.length)
    const fields = value as Readonly<Record<string, unknown>>
    const keys = Object.keys(fields)
    for (const key of Array.isArray(value) ? keys : keys.sort()) parts.push(this.#leaf(key), this.toId(fields[key]))
    return parts.join(' ')
  }
}

const OPEN: Token = { id: -1 }
const NEGATIVE_ZERO = Symbol('-0')
