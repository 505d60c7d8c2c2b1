import type { Patch, PatchOperation } from '../events.js'
import { parsePointer } from '../json/pointer.js'
import { mayHave, toBloom, toHash } from './bloom.js'
import { BELOW, EXACT, INDEX, type KnownPath, PathTable, SHIFTED } from './path-table.js'

/** The paths that a block of deltas wrote. */
export class PathSet {
  readonly #table: PathTable
  readonly #hashes = new Set<number>()
  #number = 1

  /** @param table of the one container whose blocks they are */
  constructor(table = new PathTable()) {
    this.#table = table
  }

  /** @param shifts whether elements of the array that it stands in may have moved */
  add(path: KnownPath, shifts: boolean): void {
    if (path.set !== this.#number) {
      path.set = this.#number
      for (const hash of path.hashes) this.#hashes.add(hash)
    }
    if (shifts && path.shifted !== undefined) this.#hashes.add(path.shifted)
  }

  addPatch(patch: Patch): void {
    for (const operation of patch) {
      if (operation.op === 'test') continue
      this.add(this.#table.get(operation.path), operation.op !== 'replace')
      if (operation.op === 'move') this.add(this.#table.get(operation.from), true)
    }
  }

  /** The whole state was replaced. */
  addRoot(): void {
    this.#hashes.add(ROOT)
  }

  toBloom(): Uint8Array {
    return toBloom(this.#hashes)
  }

  clear(): void {
    this.#hashes.clear()
    this.#number++
  }
}

const ROOT = toHash('', EXACT)

/** An element was added to or removed from what stands at `parent`; `appended`: the index it must then have got. */
export interface Shift {
  readonly parent: string
  readonly appended: number | null
}

/** Asks whether deltas wrote what stands at one pointer: the pointer itself, something above it or something below it. */
export class PathQuestion {
  readonly pointer: string
  readonly #ancestors: readonly string[]
  readonly #elements: readonly { readonly parent: string; readonly index: number }[]
  readonly #hashes: readonly number[]

  constructor(pointer: string) {
    this.pointer = pointer
    const ancestors: string[] = []
    const elements: { parent: string; index: number }[] = []
    for (let end = pointer.length; end > 0; ) {
      const at = pointer.lastIndexOf('/', end - 1)
      const parent = pointer.slice(0, at)
      const token = pointer.slice(at + 1, end)
      ancestors.push(parent)
      if (/^\d+$/.test(token)) elements.push({ parent, index: Number(token) })
      end = at
    }
    this.#ancestors = ancestors
    this.#elements = elements
    this.#hashes = [
      toHash(pointer, EXACT),
      toHash(pointer, BELOW),
      ...ancestors.map((ancestor) => toHash(ancestor, EXACT)),
      ...elements.map((element) => toHash(element.parent, SHIFTED)),
    ]
  }

  mayBeIn(bloom: Uint8Array): boolean {
    return this.#hashes.some((hash) => mayHave(bloom, hash))
  }

  /** What a patch did to it: wrote it, left it alone, or moved an element that it stands in if the parents are arrays. */
  judge(patch: Patch): 'no' | 'yes' | readonly Shift[] {
    const maybe: Shift[] = []
    for (const operation of patch) {
      if (operation.op === 'test') continue
      if (this.#isAt(operation.path) || (operation.op === 'move' && this.#isAt(operation.from))) return 'yes'
      if (operation.op !== 'replace') this.#judgeShift(operation, maybe)
    }
    return maybe.length ? maybe : 'no'
  }

  /** Whether the elements really moved, given the state before the patch: in an object nothing does. */
  isShifted(before: unknown, shift: Shift): boolean {
    let parent = before
    for (const segment of parsePointer(shift.parent)) {
      if (typeof parent !== 'object' || parent === null || !Object.hasOwn(parent, segment)) return false
      parent = (parent as Record<string, unknown>)[segment]
    }
    return Array.isArray(parent) && (shift.appended === null || parent.length === shift.appended)
  }

  #isAt(path: string): boolean {
    return path === this.pointer || path.startsWith(`${this.pointer}/`) || this.#ancestors.includes(path)
  }

  #judgeShift(operation: PatchOperation, maybe: Shift[]): void {
    const paths = operation.op === 'move' ? [operation.path, operation.from] : [operation.path]
    for (const path of paths) {
      const at = path.lastIndexOf('/')
      const token = path.slice(at + 1)
      if (!INDEX.test(token)) continue
      for (const { parent, index } of this.#elements) {
        if (at !== parent.length || !path.startsWith(parent)) continue
        if (token === '-') maybe.push({ parent, appended: index })
        else if (Number(token) <= index) maybe.push({ parent, appended: null })
      }
    }
  }
}
