import type { Patch, PatchOperation } from '../events.js'
import { isDense } from '../values/plain.js'
import { diffArray } from './array-diff.js'
import { isSameValue } from './canonical.js'
import { escapeSegment } from './pointer.js'
import { isPlainContainer } from './shape.js'

const { hasOwn } = Object

type Fields = Readonly<Record<string, unknown>>

/** Nested deeper, or a cycle: the whole state is replaced. */
const MAX_DEPTH = 500
/** Up to this length an array is looked at for extra properties and holes before it is compared by elements. */
const DENSITY_CHECK = 1_000

/** Says which values are one and the same. Objects answer with an identity that unequal objects never share. */
export type Identity = (value: unknown) => unknown

/** The RFC 6902 patch that leads from one immutable state to the next. Skips whatever is the same reference, so it costs
 *  what changed; one insert into 10,000 rows is one operation, a moved row one `move`. Typed values (Map, Date, class
 *  instances …) are replaced as wholes. Values in the patch are those of `after`, not copies: write them down at once.
 *  Never throws: what cannot be compared is replaced. */
export function diff(before: unknown, after: unknown): Patch {
  return diffBy(before, after, (value) => value)
}

/** `diff` with another idea of what is the same. */
export function diffBy(before: unknown, after: unknown, identity: Identity): Patch {
  if (Object.is(identity(before), identity(after))) return []
  try {
    const differ = new Differ(identity)
    differ.value('', before, after, 0)
    return differ.operations
  } catch {
    return [{ op: 'replace', path: '', value: after }]
  }
}

class TooDeep extends Error {}

/** Collects the operations of one comparison, in the order in which they apply. */
export class Differ {
  readonly operations: PatchOperation[] = []
  readonly identity: Identity

  constructor(identity: Identity) {
    this.identity = identity
  }

  value(path: string, before: unknown, after: unknown, depth: number): void {
    if (Object.is(this.identity(before), this.identity(after))) return
    if (depth > MAX_DEPTH) throw new TooDeep()
    const kind = isObject(before) && isObject(after) ? toCommonKind(before, after) : undefined
    if (kind === 'array') diffArray(this, path, before as unknown[], after as unknown[], depth)
    else if (kind === 'object') this.#object(path, before as Fields, after as Fields, depth)
    else if (isPlainContainer(before) || isPlainContainer(after) || !isSameValue(before, after)) {
      this.operations.push({ op: 'replace', path, value: after })
    }
  }

  #object(path: string, before: Fields, after: Fields, depth: number): void {
    const start = this.operations.length
    const keys = Object.keys(after)
    let kept = keys.length === 0
    let sameKeys = true
    for (const key of Object.keys(before)) {
      if (hasOwn(after, key)) continue
      sameKeys = false
      this.operations.push({ op: 'remove', path: `${path}/${escapeSegment(key)}` })
    }
    for (const key of keys) {
      const inner = `${path}/${escapeSegment(key)}`
      if (!hasOwn(before, key)) {
        sameKeys = false
        this.operations.push({ op: 'add', path: inner, value: after[key] })
        continue
      }
      const written = this.operations.length
      this.value(inner, before[key], after[key], depth + 1)
      const last = this.operations[written]
      kept ||= last === undefined || last.path !== inner
    }
    if (kept || sameKeys || this.operations.length - start < 2) return
    // Another object stands in this place: one operation says it shorter. With the same keys it is the old one, changed.
    this.operations.length = start
    this.operations.push({ op: 'replace', path, value: after })
  }
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}

/** How both may be entered together; undefined when one has to replace the other. */
function toCommonKind(before: object, after: object): 'array' | 'object' | undefined {
  if (!isPlainContainer(before) || !isPlainContainer(after)) return undefined
  if (Object.getPrototypeOf(before) !== Object.getPrototypeOf(after)) return undefined
  if (!Array.isArray(before) || !Array.isArray(after))
    return hasAccessor(before) || hasAccessor(after) ? undefined : 'object'
  return isOrdinary(before) && isOrdinary(after) ? 'array' : undefined
}

function isOrdinary(array: readonly unknown[]): boolean {
  return array.length > DENSITY_CHECK || isDense(array)
}

// biome-ignore lint/suspicious/noExplicitAny: the standard library types it so
const findGetter = (Object.prototype as any).__lookupGetter__ as (this: object, key: string) => unknown

/** The program's own getters aren't run to find out whether their results differ. */
function hasAccessor(object: object): boolean {
  for (const key in object) if (key !== '__proto__' && findGetter.call(object, key) !== undefined) return true
  return false
}
