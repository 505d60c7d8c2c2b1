import { toStructure, ValueSkipper } from '../values/skipper.js'
import { PLAIN } from '../values/wire.js'
import type { KnownPath, PathTable } from './path-table.js'

/** Where an operation's record has its parts; −1 for none. */
interface OperationShape {
  readonly size: number
  readonly op: number
  readonly path: number
  readonly from: number
  readonly value: number
}

/** Operations by what they do to which paths. */
const OTHER = 0
const REPLACE = 1
const TEST = 2
const MOVE = 3

/** Reads which paths an encoded delta writes, and where the values stand, without decoding it: a tenth of the cost. One
 *  for all deltas of a thread, until its dictionary grows. */
export class PatchScan {
  readonly #skipper: ValueSkipper
  /** Structures of bodies that start with `op` and `patch`, and those of operations. */
  readonly #bodies: readonly boolean[]
  readonly #operations: readonly (OperationShape | undefined)[]
  /** Number of paths that it writes; of each, whether elements of an array may have moved, and where its value stands. */
  count = 0
  readonly paths: KnownPath[] = []
  readonly shifts: boolean[] = []
  readonly starts: number[] = []
  readonly ends: number[] = []
  /** Nothing but values that are replaced: of two at the same path the later one alone counts. */
  replacesOnly = false

  constructor(structures: readonly (readonly string[])[]) {
    this.#skipper = new ValueSkipper(structures)
    this.#bodies = structures.map(([first, second]) => first === 'op' && second === 'patch')
    this.#operations = structures.map(toShape)
  }

  /** Reads the body in [start, end). @returns false when it is no delta, or one that has to be decoded */
  read(bytes: Uint8Array, start: number, end: number, table: PathTable): boolean {
    if (end - start < 10 || bytes[start] !== PLAIN) return false
    let at = toPatchStart(bytes, start + 1, this.#bodies)
    if (at < 0) return false
    const head = bytes[at++]!
    let count = head & 15
    if (head === 0xdc) {
      count = (bytes[at]! << 8) | bytes[at + 1]!
      at += 2
    } else if ((head & 0xf0) !== 0x90) return false
    this.count = 0
    this.replacesOnly = true
    for (; count > 0; count--) {
      at = this.#readOperation(bytes, at, end, table)
      if (at < 0) return false
    }
    return true
  }

  /** @returns where the next one begins; −1 when it has to be decoded */
  #readOperation(bytes: Uint8Array, start: number, end: number, table: PathTable): number {
    const token = bytes[start]!
    if (token < 0x40 || token >= 0x80) return -1
    const shape = this.#operations[toStructure(bytes, start)]
    if (shape === undefined) return -1
    let at = start + (token < 0x60 ? 1 : 2)
    let op = OTHER
    for (let part = 0; part < shape.size; part++) {
      const from = at
      at = this.#skipper.skip(bytes, at, end)
      if (at < 0) return -1
      if (part === shape.op) {
        op = toOperation(bytes, from)
        if (op !== REPLACE) this.replacesOnly = false
      } else if (part === shape.path) {
        if (op !== TEST && !this.#add(bytes, from, at, table, op !== REPLACE)) return -1
      } else if (part === shape.from) {
        if (op === MOVE && !this.#add(bytes, from, at, table, true)) return -1
      } else if (part === shape.value && op === REPLACE) {
        this.starts[this.count - 1] = from
        this.ends[this.count - 1] = at
      }
    }
    return at
  }

  #add(bytes: Uint8Array, start: number, end: number, table: PathTable, shifts: boolean): boolean {
    const token = bytes[start]!
    const isShort = token >= 0xa0 && token < 0xc0
    if (!isShort && (token < 0xd9 || token > 0xdb)) return false
    const textAt = start + 1 + (isShort ? 0 : 1 << (token - 0xd9))
    const at = this.count++
    this.paths[at] = table.getEncoded(bytes, textAt, end, at)
    this.shifts[at] = shifts
    this.starts[at] = 0
    this.ends[at] = 0
    return true
  }
}

/** Only where `op` comes first, `path` next, and nothing that is not known: other records have to be decoded. */
function toShape(keys: readonly string[]): OperationShape | undefined {
  const shape = {
    size: keys.length,
    op: keys.indexOf('op'),
    path: keys.indexOf('path'),
    from: keys.indexOf('from'),
    value: keys.indexOf('value'),
  }
  const known = keys.every((key) => key === 'op' || key === 'path' || key === 'from' || key === 'value')
  return known && shape.op === 0 && shape.path === 1 ? shape : undefined
}

function toOperation(bytes: Uint8Array, at: number): number {
  // Of the six only `replace` has seven letters; the others are told apart by their first.
  if (bytes[at] === 0xa7 && bytes[at + 1] === 0x72) return REPLACE
  if (bytes[at + 1] === 0x74) return TEST
  return bytes[at + 1] === 0x6d ? MOVE : OTHER
}

/** Where the patch begins in a record whose `op` is `delta`; −1: it is another. */
function toPatchStart(bytes: Uint8Array, start: number, bodies: readonly boolean[]): number {
  const token = bytes[start]!
  if (token < 0x40 || token >= 0x80 || bodies[toStructure(bytes, start)] !== true) return -1
  const at = start + (token < 0x60 ? 1 : 2)
  if (bytes[at] !== 0xa5 || bytes[at + 1] !== 0x64 || bytes[at + 5] !== 0x61) return -1
  return at + 6
}
