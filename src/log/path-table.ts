import { toHash } from './bloom.js'

/** Seeds that keep three questions apart in one bloom: was exactly this written, was something below it written, were the
 *  elements of this array moved. */
export const EXACT = 1
export const BELOW = 2
export const SHIFTED = 3

/** Last segments that may name an element of an array. */
export const INDEX = /^(?:\d+|-)$/

/** Paths of one container that are kept known; a state that is keyed by id writes new ones for ever. */
const MAX_PATHS = 1_000

/** A path that deltas wrote, with what every one of them would have to work out anew. */
export class KnownPath {
  readonly text: string
  readonly bytes: Uint8Array
  readonly parents: readonly string[]
  /** What a bloom holds of it. */
  readonly hashes: readonly number[]
  /** What it holds in addition where elements of an array may have moved; undefined where that cannot be. */
  readonly shifted: number | undefined
  /** Number of the set that has it. */
  set = 0
  /** Number of the round in which it was replaced last, and where the value stands. */
  round = 0
  valueStart = 0
  valueEnd = 0

  constructor(text: string) {
    this.text = text
    this.bytes = new TextEncoder().encode(text)
    const parents: string[] = []
    for (let at = text.lastIndexOf('/'); at >= 0; at = at === 0 ? -1 : text.lastIndexOf('/', at - 1)) {
      parents.push(text.slice(0, at))
    }
    this.parents = parents
    this.hashes = [toHash(text, EXACT), ...parents.map((parent) => toHash(parent, BELOW))]
    const parent = parents[0]
    if (parent !== undefined && INDEX.test(text.slice(parent.length + 1))) this.shifted = toHash(parent, SHIFTED)
  }
}

/** The paths that a container's deltas write, found by their bytes without decoding them. */
export class PathTable {
  readonly #byBytes = new Map<number, KnownPath>()
  readonly #byText = new Map<string, KnownPath>()
  /** What the n-th operation of a delta wrote last: it often does so again. */
  #latest: KnownPath[] = []

  get full(): boolean {
    return this.#byText.size >= MAX_PATHS
  }

  clear(): void {
    this.#byBytes.clear()
    this.#byText.clear()
    this.#latest = []
  }

  find(text: string): KnownPath | undefined {
    return this.#byText.get(text)
  }

  get(text: string): KnownPath {
    const known = this.#byText.get(text)
    if (known) return known
    const path = new KnownPath(text)
    this.#byText.set(text, path)
    return path
  }

  /** The path whose UTF-8 stands in [start, end), which a delta's n-th operation writes. */
  getEncoded(bytes: Uint8Array, start: number, end: number, n: number): KnownPath {
    const latest = this.#latest[n]
    if (latest && isSame(latest.bytes, bytes, start, end)) return latest
    const path = this.#findEncoded(bytes, start, end)
    if (n <= this.#latest.length) this.#latest[n] = path
    return path
  }

  #findEncoded(bytes: Uint8Array, start: number, end: number): KnownPath {
    let hash = 0x811c9dc5
    for (let at = start; at < end; at++) hash = Math.imul(hash ^ bytes[at]!, 0x01000193)
    // Small integers are the cheap keys of a Map.
    hash &= 0x3fffffff
    const known = this.#byBytes.get(hash)
    if (known && isSame(known.bytes, bytes, start, end)) return known
    const path = this.get(Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString())
    this.#byBytes.set(hash, path)
    return path
  }
}

function isSame(known: Uint8Array, bytes: Uint8Array, start: number, end: number): boolean {
  if (known.length !== end - start) return false
  // From the end: paths of one state begin alike.
  for (let at = known.length - 1; at >= 0; at--) if (known[at] !== bytes[start + at]) return false
  return true
}
