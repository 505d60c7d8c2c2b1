import { RetroscopeError } from '../errors.js'

const INDEX = /^(?:0|[1-9]\d*)$/

/** Segments of an RFC 6901 pointer. @throws BAD_POINTER unless it is empty or starts with `/`, or when a `~` is not
 *  followed by 0 or 1 */
export function parsePointer(pointer: string): string[] {
  if (pointer === '') return []
  if (!pointer.startsWith('/')) throw badPointer(pointer, 'it neither is empty nor starts with /')
  const segments = pointer.split('/')
  segments.shift()
  if (!pointer.includes('~')) return segments
  if (/~(?![01])/.test(pointer)) throw badPointer(pointer, 'a ~ must be written ~0, and a / inside a name ~1')
  return segments.map((segment) => segment.replaceAll('~1', '/').replaceAll('~0', '~'))
}

/** The pointer with these segments: `['a/b', 0]` is `/a~1b/0`. */
export function formatPointer(segments: readonly (string | number)[]): string {
  return segments.map((segment) => `/${escapeSegment(String(segment))}`).join('')
}

/** One segment as it stands in a pointer. */
export function escapeSegment(segment: string): string {
  if (!segment.includes('~') && !segment.includes('/')) return segment
  return segment.replaceAll('~', '~0').replaceAll('/', '~1')
}

/** Array index that a segment names: digits without leading zeros. −1 when it names none. */
export function toIndex(segment: string): number {
  return INDEX.test(segment) ? Number(segment) : -1
}

/** What a pointer points at; undefined when nothing is there. Own properties only, so that `/constructor` finds nothing
 *  that the document does not hold itself. @throws BAD_POINTER when the text is no pointer */
export function findAt(doc: unknown, pointer: string): { readonly value: unknown } | undefined {
  let value = doc
  for (const segment of parsePointer(pointer)) {
    if (typeof value !== 'object' || value === null) return undefined
    if (Array.isArray(value) && toIndex(segment) < 0) return undefined
    if (!Object.hasOwn(value, segment)) return undefined
    value = (value as Record<string, unknown>)[segment]
  }
  return { value }
}

/** What a pointer points at. @throws BAD_POINTER when the text is no pointer, or nothing is there */
export function getAt(doc: unknown, pointer: string): unknown {
  const found = findAt(doc, pointer)
  if (found === undefined) {
    throw new RetroscopeError('BAD_POINTER', `Nothing is at ${JSON.stringify(pointer)}.`, {
      hint: toHint(doc, pointer),
    })
  }
  return found.value
}

function toHint(doc: unknown, pointer: string): string {
  const segments = parsePointer(pointer)
  while (segments.pop() !== undefined) {
    const parent = findAt(doc, formatPointer(segments))?.value
    if (typeof parent !== 'object' || parent === null) continue
    const where = segments.length === 0 ? 'The root' : formatPointer(segments)
    if (Array.isArray(parent)) return `${where} is an array of ${parent.length}.`
    const keys = Object.keys(parent)
    const shown = keys.slice(0, 10).map((key) => escapeSegment(key))
    return keys.length === 0
      ? `${where} is empty.`
      : `${where} has ${shown.join(', ')}${keys.length > 10 ? ', …' : ''}.`
  }
  return 'The root has no parts.'
}

function badPointer(pointer: string, why: string): RetroscopeError {
  return new RetroscopeError('BAD_POINTER', `${JSON.stringify(pointer)} is no JSON Pointer: ${why}.`, {
    hint: 'Write it like /items/0/price; see RFC 6901.',
  })
}
