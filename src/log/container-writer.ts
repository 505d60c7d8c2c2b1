import type { GapReason, StateBody } from '../events.js'
import type { FrameCursor } from '../spool/block.js'
import { createEncoder } from '../values/encoder.js'
import type { FrameSource, Put } from './chunk-writer.js'
import { DELTA_BLOCK_BYTES, DELTA_OPS } from './delta-block.js'
import { encodeKeyframe, encodeReference } from './keyframe.js'
import { PREFIX, toContainerKey, toMetaKey } from './keys.js'
import { ContainerReplica } from './replica.js'
import { encodeRow, TABLE } from './tables.js'
import type { ThreadLog } from './thread-log.js'

/** A commit leaves a block that is shorter than this open, to write it again with more in it. */
const OPEN_BYTES = 16 * 1024

const NOTHING = new Uint8Array(0)

/** Where a state event stands. */
interface StateEvent {
  readonly frame: FrameCursor
  readonly source: FrameSource
  readonly seq: number
}

/** Follows every container and writes its delta blocks, blooms and keyframes. */
export class ContainerWriter {
  readonly #put: Put
  readonly #all: ContainerReplica[]
  readonly #dirty = new Set<ContainerReplica>()

  constructor(put: Put, containers: readonly ContainerReplica[]) {
    this.#put = put
    this.#all = [...containers]
  }

  get count(): number {
    return this.#all.length
  }

  /** Takes a state event in; `body` is null where it cannot be decoded. */
  take(thread: ThreadLog, { frame, source, seq }: StateEvent, body: StateBody | null): void {
    const replica = thread.containers.get(frame.subject) ?? this.#open(thread, frame.subject)
    const op = replica.apply(body, frame.end - frame.payloadStart)
    if (op === DELTA_OPS.init || op === DELTA_OPS.keyframe) {
      this.#close(replica)
      this.#put(toContainerKey(PREFIX.keyframe, replica, seq), encodeReference())
    }
    replica.block.append(
      { seq, op, flags: frame.flags, previousSeq: replica.lastSeq },
      source.bytes,
      frame.payloadStart,
      frame.end,
    )
    replica.lastSeq = seq
    if (op === DELTA_OPS.delta && body?.op === 'delta') replica.block.paths.addPatch(body.patch)
    else if (op !== DELTA_OPS.final) replica.block.paths.addRoot()
    this.#dirty.add(replica)
    if (replica.keyframeDue) {
      this.#putKeyframe(replica, seq)
      this.#close(replica)
    } else if (replica.block.bytes >= DELTA_BLOCK_BYTES) this.#close(replica)
  }

  /** From here on the container is unknown, until its next whole state. */
  break(replica: ContainerReplica, seq: number, reason: GapReason): void {
    replica.forget()
    const op = reason === 'damaged' ? DELTA_OPS.damaged : DELTA_OPS.incomplete
    replica.block.append({ seq, op, flags: 0, previousSeq: replica.lastSeq }, NOTHING, 0, 0)
    replica.block.paths.addRoot()
    replica.lastSeq = seq
    this.#dirty.add(replica)
  }

  /** Writes what was taken in since the last time. */
  commit(): void {
    for (const replica of this.#dirty) {
      if (replica.block.bytes >= OPEN_BYTES) this.#close(replica)
      else if (replica.block.count > 0) this.#putBlock(replica)
      const { thread, subject, lastSeq } = replica
      this.#put(toMetaKey(TABLE.container, thread, subject), encodeRow({ thread, subject, lastSeq }))
    }
    this.#dirty.clear()
  }

  /** Begins a segment whose first event follows `seq`: with the state of every container, or that it is unknown. */
  startSegment(seq: number): void {
    for (const replica of this.#all) {
      replica.block.clear()
      this.#dirty.add(replica)
      if (replica.known) this.#putKeyframe(replica, seq)
      else if (replica.lastSeq >= 0) this.break(replica, seq, 'damaged')
    }
  }

  #open(thread: ThreadLog, subject: number): ContainerReplica {
    const replica = new ContainerReplica(thread.row.no, subject)
    thread.containers.set(subject, replica)
    this.#all.push(replica)
    return replica
  }

  #putKeyframe(replica: ContainerReplica, seq: number): void {
    const bytes = encodeKeyframe(replica.state, createEncoder())
    this.#put(toContainerKey(PREFIX.keyframe, replica, seq), bytes)
    replica.keyframed(bytes.length)
  }

  #putBlock({ thread, subject, block }: ContainerReplica): void {
    this.#put(toContainerKey(PREFIX.delta, { thread, subject }, block.firstSeq), block.toBytes())
    this.#put(toContainerKey(PREFIX.deltaIndex, { thread, subject }, block.firstSeq), block.toIndexBytes())
  }

  #close(replica: ContainerReplica): void {
    if (replica.block.count > 0) this.#putBlock(replica)
    replica.block.clear()
  }
}
