import type { GapReason, Patch, StateBody } from '../events.js'
import type { FrameCursor } from '../spool/block.js'
import type { FrameSource, Put } from './chunk-writer.js'
import { DELTA_BLOCK_BYTES, DELTA_OPS } from './delta-block.js'
import { encodeReference } from './keyframe.js'
import { PREFIX, toContainerKey, toMetaKey } from './keys.js'
import type { PatchScan } from './patch-scan.js'
import type { PathSet } from './path-set.js'
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
  #dirty: ContainerReplica[] = []

  constructor(put: Put, containers: readonly ContainerReplica[]) {
    this.#put = put
    this.#all = [...containers]
  }

  get count(): number {
    return this.#all.length
  }

  /** Takes a state event in. */
  take(thread: ThreadLog, event: StateEvent): void {
    const { frame, source, seq } = event
    const replica = thread.containers.get(frame.subject) ?? this.#open(thread, frame.subject)
    if (thread.scan.read(source.bytes, frame.payloadStart, frame.end, replica.paths)) {
      this.#takeDelta(replica, thread.scan, event)
    } else this.#takeDecoded(replica, decode(thread, event), event)
    replica.lastSeq = seq
    this.#touch(replica)
    if (replica.keyframeDue) {
      if (replica.known) this.#putKeyframe(replica, seq)
      this.#close(replica)
    } else if (replica.block.bytes >= DELTA_BLOCK_BYTES) this.#close(replica)
  }

  #takeDelta(replica: ContainerReplica, scan: PatchScan, { frame, source, seq }: StateEvent): void {
    const { payloadStart: start, end } = frame
    const { block } = replica
    const entry = { seq, op: DELTA_OPS.delta, flags: frame.flags, previousSeq: replica.lastSeq }
    const at = block.append(entry, source.bytes, start, end)
    for (let n = 0; n < scan.count; n++) block.paths.add(scan.paths[n]!, scan.shifts[n]!)
    replica.pend(scan, at - start, end - start)
  }

  #takeDecoded(replica: ContainerReplica, body: StateBody | null, { frame, source, seq }: StateEvent): void {
    const { payloadStart: start, end, flags } = frame
    const op = replica.apply(body, end - start)
    if (op === DELTA_OPS.init || op === DELTA_OPS.keyframe) {
      this.#close(replica)
      this.#put(toContainerKey(PREFIX.keyframe, replica, seq), encodeReference())
    }
    const { block } = replica
    block.append({ seq, op, flags, previousSeq: replica.lastSeq }, source.bytes, start, end)
    replica.applied()
    if (op === DELTA_OPS.delta && body?.op === 'delta') addPatch(block.paths, body.patch)
    else if (op !== DELTA_OPS.final) block.paths.addRoot()
  }

  /** From here on the container is unknown, until its next whole state. */
  break(replica: ContainerReplica, seq: number, reason: GapReason): void {
    replica.settle()
    replica.forget()
    const op = reason === 'damaged' ? DELTA_OPS.damaged : DELTA_OPS.incomplete
    replica.block.append({ seq, op, flags: 0, previousSeq: replica.lastSeq }, NOTHING, 0, 0)
    replica.applied()
    replica.block.paths.addRoot()
    replica.lastSeq = seq
    this.#touch(replica)
  }

  /** Events of the container were lost that no entry can stand for. */
  forget(replica: ContainerReplica): void {
    replica.settle()
    replica.forget()
  }

  /** Writes what was taken in since the last time. */
  commit(): void {
    for (const replica of this.#dirty) {
      replica.dirty = false
      if (replica.block.bytes >= OPEN_BYTES) this.#close(replica)
      else if (replica.block.count > 0) this.#putBlock(replica)
      const { thread, subject, lastSeq } = replica
      this.#put(toMetaKey(TABLE.container, thread, subject), encodeRow({ thread, subject, lastSeq }))
    }
    this.#dirty = []
  }

  #touch(replica: ContainerReplica): void {
    if (replica.dirty) return
    replica.dirty = true
    this.#dirty.push(replica)
  }

  /** Begins a segment whose first event follows `seq`: with the state of every container, or that it is unknown. */
  startSegment(seq: number): void {
    for (const replica of this.#all) {
      const { known } = replica
      replica.cleared()
      this.#touch(replica)
      if (known) this.#putKeyframe(replica, seq)
      else if (replica.lastSeq >= 0) this.break(replica, seq, 'damaged')
    }
  }

  #open(thread: ThreadLog, subject: number): ContainerReplica {
    const replica = new ContainerReplica(thread.row.no, subject, thread.decoder)
    thread.containers.set(subject, replica)
    this.#all.push(replica)
    return replica
  }

  #putKeyframe(replica: ContainerReplica, seq: number): void {
    const bytes = replica.keyframes.encode(replica.state)
    this.#put(toContainerKey(PREFIX.keyframe, replica, seq), bytes)
    replica.keyframed(bytes.length)
  }

  #putBlock({ thread, subject, block }: ContainerReplica): void {
    this.#put(toContainerKey(PREFIX.delta, { thread, subject }, block.firstSeq), block.toBytes())
    this.#put(toContainerKey(PREFIX.deltaIndex, { thread, subject }, block.firstSeq), block.toIndexBytes())
  }

  #close(replica: ContainerReplica): void {
    replica.settle()
    if (replica.block.count > 0) this.#putBlock(replica)
    replica.cleared()
  }
}

/** null where it cannot be decoded. What is decoded may hold views on the bytes that it came from, and the spool's are
 *  used again. */
function decode({ decoder }: ThreadLog, { frame, source }: StateEvent): StateBody | null {
  try {
    const body = decoder.decode(Buffer.from(source.bytes.slice(frame.payloadStart, frame.end).buffer))
    return typeof body === 'object' && body !== null ? (body as StateBody) : null
  } catch {
    return null
  }
}

/** A patch that was never applied may be none. */
function addPatch(paths: PathSet, patch: Patch): void {
  try {
    paths.addPatch(patch)
  } catch {
    paths.addRoot()
  }
}
