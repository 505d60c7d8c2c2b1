import type { StateBody } from '../events.js'
import { Replica } from '../json/patch.js'
import { DELTA_OPS, DeltaBlockBuilder } from './delta-block.js'
import { isKeyframeDue } from './keyframe.js'

/** What the writer knows of one container: its state after the last event, and its open delta block. */
export class ContainerReplica {
  readonly thread: number
  readonly subject: number
  readonly block = new DeltaBlockBuilder()
  /** undefined: something is missing since the last whole state. */
  #document: Replica | undefined
  lastSeq = -1
  deltas = 0
  deltaBytes = 0
  keyframeBytes = 0
  dirty = false

  constructor(thread: number, subject: number) {
    this.thread = thread
    this.subject = subject
  }

  get known(): boolean {
    return this.#document !== undefined
  }

  /** The state after its last event, to be read only. */
  get state(): unknown {
    return this.#document?.snapshot()
  }

  restore(state: unknown, deltas: number, deltaBytes: number, keyframeBytes: number): void {
    this.#document = new Replica(state)
    this.deltas = deltas
    this.deltaBytes = deltaBytes
    this.keyframeBytes = keyframeBytes
  }

  /** Takes in a decoded event; null where it cannot be decoded. @returns the op to store */
  apply(body: StateBody | null, bytes: number): number {
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

  forget(): void {
    this.#document = undefined
  }

  get keyframeDue(): boolean {
    return this.known && isKeyframeDue(this.deltas, this.deltaBytes, this.keyframeBytes)
  }

  keyframed(bytes: number): void {
    this.deltas = 0
    this.deltaBytes = 0
    this.keyframeBytes = bytes
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
