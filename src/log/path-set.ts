import type { Patch, PatchOperation } from '../events.js'
import { parsePointer } from '../json/pointer.js'
import { mayHave, toBloom, toHash } from './bloom.js'

/** Seeds that keep three questions apart in one bloom: was exactly this written, was something below it written, were the
 *  elements of this array moved. */
const EXACT = 1
const BELOW = 2
const SHIFTED = 3

const INDEX = /^(?:\d+|-)$/

/** The paths that a block of deltas wrote. */
export class PathSet {
  readonly #paths = new Set<string>()
  readonly #shifted = new Set<string>()

  addPatch(patch: Patch): void {
    for (const operation of patch) {
      if (operation.op === 'test') continue
      this.#add(operation.path, operation.op !== 'replace')
      if (operation.op === 'move') this.#add(operation.from, true)
    }
  }

  /** The whole state was replaced. */
  addRoot(): void {
    this.#paths.add('')
  }

  toBloom(): Uint8Array {
    const hashes = new Set<number>()
    for (const path of this.#paths) {
      hashes.add(toHash(path, EXACT))
      for (let at = path.lastIndexOf('/'); at >= 0; at = at === 0 ? -1 : path.lastIndexOf('/', at - 1)) {
        hashes.add(toHash(path.slice(0, at), BELOW))
      }
    }
    for (const path of this.#shifted) hashes.add(toHash(path, SHIFTED))
    return toBloom(hashes)
  }

  clear(): void {
    this.#paths.clear()
    this.#shifted.clear()
  }

  #add(path: string, shifts: boolean): void {
    this.#paths.add(path)
    if (!shifts) return
    const at = path.lastIndexOf('/')
    if (at >= 0 && INDEX.test(path.slice(at + 1))) this.#shifted.add(path.slice(0, at))
  }
}

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
