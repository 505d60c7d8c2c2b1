import type { StateBody } from '../events.js'
import { Replica } from '../json/patch.js'
import type { ValueDecoder } from '../values/codec.js'
import { DELTA_OPS, DeltaBlockBuilder } from './delta-block.js'
import { isKeyframeDue, KeyframeEncoder } from './keyframe.js'
import type { PatchScan } from './patch-scan.js'
import { type KnownPath, PathTable } from './path-table.js'

/** What the writer knows of one container: its open delta block, and its state. Deltas are applied when the state is
 *  asked for: of values that were replaced again meanwhile only the last is ever decoded. */
export class ContainerReplica {
  readonly thread: number
  readonly subject: number
  readonly paths = new PathTable()
  readonly block = new DeltaBlockBuilder(this.paths)
  readonly keyframes = new KeyframeEncoder()
  readonly #decoder: ValueDecoder
  /** undefined: something is missing since the last whole state. */
  #document: Replica | undefined
  /** How far the open block's entries were applied. */
  #appliedTo = 0
  /** Paths that the others replace, in the order of their first time; and whether they do nothing else. */
  #replaced: KnownPath[] = []
  #replacesOnly = true
  #round = 1
  lastSeq = -1
  deltas = 0
  deltaBytes = 0
  keyframeBytes = 0
  /** It changed since the last commit. */
  dirty = false

  constructor(thread: number, subject: number, decoder: ValueDecoder) {
    this.thread = thread
    this.subject = subject
    this.#decoder = decoder
  }

  get known(): boolean {
    this.settle()
    return this.#document !== undefined
  }

  /** The state after its last event, to be read only. */
  get state(): unknown {
    this.settle()
    return this.#document?.snapshot()
  }

  restore(state: unknown, deltas: number, deltaBytes: number, keyframeBytes: number): void {
    this.#document = new Replica(state)
    this.deltas = deltas
    this.deltaBytes = deltaBytes
    this.keyframeBytes = keyframeBytes
  }

  /** Takes in a decoded event, null where it cannot be decoded, whose entry follows. @returns the op to store */
  apply(body: StateBody | null, bytes: number): number {
    this.settle()
    switch (body?.op) {
      case 'init':
      case 'keyframe':
        this.restore(body.state, 0, 0, bytes)
        return DELTA_OPS[body.op]
      case 'delta':
        return this.#patch(body, bytes)
      case 'final':
        return DELTA_OPS.final
      default:
        this.forget()
        return DELTA_OPS.damaged
    }
  }

  /** The entry of what `apply` took in stands in the block. */
  applied(): void {
    this.#appliedTo = this.block.bytes
  }

  /** Takes in a delta that was read but not decoded, whose entry is the block's last. @param moved how far its bytes
   *  stand from where they were read */
  pend(scan: PatchScan, moved: number, bytes: number): void {
    if (!this.#document) return
    this.deltas++
    this.deltaBytes += bytes
    if (!scan.replacesOnly) this.#replacesOnly = false
    if (!this.#replacesOnly) return
    for (let n = 0; n < scan.count; n++) {
      const path = scan.paths[n]!
      if (path.round !== this.#round) {
        path.round = this.#round
        this.#replaced.push(path)
      }
      path.valueStart = scan.starts[n]! + moved
      path.valueEnd = scan.ends[n]! + moved
    }
  }

  forget(): void {
    this.#document = undefined
  }

  /** The block was begun anew; what it held has to be settled. */
  cleared(): void {
    this.block.clear()
    this.#appliedTo = 0
  }

  /** Applies what was taken in. A delta that does not apply makes its entry, which stands in the open block, `damaged`. */
  settle(): void {
    if (this.#document && this.#appliedTo < this.block.bytes) {
      const before = this.#document.snapshot()
      if (!this.#applyLast()) this.#applyEach(before)
    }
    this.#appliedTo = this.block.bytes
    this.#replaced = []
    this.#replacesOnly = true
    this.#round++
    if (this.paths.full) this.paths.clear()
  }

  get keyframeDue(): boolean {
    return this.#document !== undefined && isKeyframeDue(this.deltas, this.deltaBytes, this.keyframeBytes)
  }

  keyframed(bytes: number): void {
    this.deltas = 0
    this.deltaBytes = 0
    this.keyframeBytes = bytes
  }

  /** Applies the last value of each path. @returns false when that says nothing of each delta by itself */
  #applyLast(): boolean {
    if (!this.#replacesOnly || this.#replaced.some((path) => this.#isBelowAnother(path))) return false
    const bytes = this.block.view()
    try {
      for (const { text, valueStart, valueEnd } of this.#replaced) {
        const value = this.#decoder.decodePart(bytes, valueStart, valueEnd)
        this.#document!.apply([{ op: 'replace', path: text, value }])
      }
      return true
    } catch {
      return false
    }
  }

  #isBelowAnother({ parents }: KnownPath): boolean {
    return parents.some((parent) => this.paths.find(parent)?.round === this.#round)
  }

  #applyEach(before: unknown): void {
    const document = new Replica(before)
    this.#document = document
    const bytes = this.block.view()
    this.block.each(this.#appliedTo, (at, start, end) => {
      try {
        const body = this.#decoder.decode(bytes, start, end) as Extract<StateBody, { op: 'delta' }>
        document.apply(body.patch)
        return true
      } catch {
        this.forget()
        this.block.setOp(at, DELTA_OPS.damaged)
        return false
      }
    })
  }

  #patch(body: Extract<StateBody, { op: 'delta' }>, bytes: number): number {
    if (!this.#document) return DELTA_OPS.delta
    try {
      this.#document.apply(body.patch)
    } catch {
      this.forget()
      return DELTA_OPS.damaged
    }
    this.deltas++
    this.deltaBytes += bytes
    return DELTA_OPS.delta
  }
}
