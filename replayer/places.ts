import { RetroscopeError } from '../src/errors.js'
import { isSameValue } from '../src/json/canonical.js'
import { findAt, formatPointer, parsePointer } from '../src/json/pointer.js'

/** What stands at a place: `found` tells an absent member from one that is undefined. */
export interface Found {
  readonly found: boolean
  readonly value: unknown
}

export const ABSENT: Found = { found: false, value: undefined }

/** How many places with an equal value are named. */
const MAX_EQUAL = 20
/** How many members are looked at for that: a payload may be huge. */
const MAX_VISITED = 200_000

/** Checks a pointer as people type it. @throws BAD_POINTER with what was meant */
export function toPlace(text: string): string {
  if (text !== '' && !text.startsWith('/')) {
    throw new RetroscopeError('BAD_POINTER', `${JSON.stringify(text)} is no pointer: pointers begin with a slash.`, {
      hint: `Did you mean /${text.replaceAll('.', '/')}?`,
    })
  }
  return formatPointer(parsePointer(text))
}

/** Looks a place up in a state, through own members of objects and arrays only. */
export function look(state: unknown, pointer: string): Found {
  const found = findAt(state, pointer)
  return found ? { found: true, value: found.value } : ABSENT
}

export function isSame(one: Found, other: Found): boolean {
  return one.found === other.found && isSameValue(one.value, other.value)
}

/** Pointers of what stands right below a place, for saying what exists. */
export function listMembers(state: unknown, pointer: string): string[] {
  const { value } = look(state, pointer)
  if (typeof value !== 'object' || value === null) return []
  return Object.keys(value).map((key) => `${pointer}${formatPointer([key])}`)
}

/** Places in `payload` where an equal value stands, in order; at most 20. */
export function findEqual(payload: unknown, value: unknown): string[] {
  const places: string[] = []
  const waiting: { readonly value: unknown; readonly tokens: readonly string[] }[] = [{ value: payload, tokens: [] }]
  const seen = new Set<object>()
  for (let visited = 0; visited < MAX_VISITED && places.length < MAX_EQUAL; visited++) {
    const next = waiting.pop()
    if (!next) break
    if (isSameValue(next.value, value)) places.push(formatPointer(next.tokens))
    if (typeof next.value !== 'object' || next.value === null || seen.has(next.value)) continue
    seen.add(next.value)
    const members = Object.entries(next.value).reverse()
    for (const [key, member] of members) waiting.push({ value: member, tokens: [...next.tokens, key] })
  }
  return places
}
