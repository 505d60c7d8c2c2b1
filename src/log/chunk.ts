import { FrameCursor } from '../spool/block.js'
import { FRAME_FLAGS, FRAME_HEADER_BYTES } from '../spool/format.js'
import { ByteBuffer, readU32, readU64 } from './byte-buffer.js'

/** Frames are collected until this much waits; FINDINGS §1: 16 KB and 256 KB show no clear gain. */
export const CHUNK_BYTES = 64 * 1024

const CHUNK_HEADER_BYTES = 16
const RUN_HEADER_BYTES = 32
const LINK_BYTES = 12

/** Where a run of frames of one thread and one block starts. */
export interface RunStart {
  readonly thread: number
  /** Ordinal of its first frame. */
  readonly ordinal: number
  /** Turns that the thread had opened before it, and the step that it was in. */
  readonly turns: number
  readonly step: number
  /** The block's wall clock, which the frames' Δµs count from. */
  readonly anchorUs: number
}

/** Builds one chunk: `u32 events | u32 run bytes | u32 links | u32 reserved`, runs, links. A run is
 *  `u32 thread | u32 first ordinal | u32 turns | u32 step | u64 anchor | u32 events | u32 bytes` and frames as they stood
 *  in the spool, which are copied many at a time; those of state events without their body. A link is
 *  `u32 event (its number within the chunk) | u32 thread | u32 ordinal`: a cause in another thread. */
export class ChunkBuilder {
  readonly #runs = new ByteBuffer(CHUNK_BYTES + 4096)
  readonly #links: number[] = []
  #runAt = -1
  #runCount = 0
  count = 0

  get bytes(): number {
    return this.#runs.length
  }

  startRun(run: RunStart): void {
    this.#endRun()
    if (this.#runs.length === 0) for (let at = 0; at < CHUNK_HEADER_BYTES; at += 4) this.#runs.u32(0)
    this.#runAt = this.#runs.length
    this.#runs.u32(run.thread)
    this.#runs.u32(run.ordinal)
    this.#runs.u32(run.turns)
    this.#runs.u32(run.step)
    this.#runs.u64(run.anchorUs)
    this.#runs.u32(0)
    this.#runs.u32(0)
  }

  /** Takes whole frames, as many as `count` says. */
  append(buffer: Uint8Array, start: number, end: number, count: number): void {
    this.#runs.append(buffer, start, end)
    this.#runCount += count
    this.count += count
  }

  /** Takes one frame's header, cause and origin; its body stands elsewhere. */
  appendHead(buffer: Uint8Array, start: number, payloadStart: number): void {
    const at = this.#runs.length
    this.append(buffer, start, payloadStart, 1)
    this.#runs.patchU32(at, payloadStart - start - FRAME_HEADER_BYTES)
  }

  /** Marks the frame that was appended last, `size` bytes long, as late. */
  markLate(flags: number, size: number): void {
    this.#runs.patchU8(this.#runs.length - size + 5, flags | FRAME_FLAGS.late)
  }

  link(index: number, thread: number, ordinal: number): void {
    this.#links.push(index, thread, ordinal)
  }

  /** The chunk as it stands, until more is appended. */
  view(): Uint8Array {
    this.#sealRun()
    const chunk = this.#runs
    const end = chunk.length
    chunk.patchU32(0, this.count)
    chunk.patchU32(4, end - CHUNK_HEADER_BYTES)
    chunk.patchU32(8, this.#links.length / 3)
    for (const number of this.#links) chunk.u32(number)
    const view = chunk.view()
    chunk.truncate(end)
    return view
  }

  clear(): void {
    this.#runs.clear()
    this.#links.length = 0
    this.#runAt = -1
    this.#runCount = 0
    this.count = 0
  }

  #endRun(): void {
    this.#sealRun()
    this.#runCount = 0
  }

  #sealRun(): void {
    if (this.#runAt < 0) return
    this.#runs.patchU32(this.#runAt + 24, this.#runCount)
    this.#runs.patchU32(this.#runAt + 28, this.#runs.length - this.#runAt - RUN_HEADER_BYTES)
  }
}

/** Walks a chunk's events without decoding them and without an object per event. */
export class ChunkCursor {
  readonly bytes: Uint8Array
  readonly #runsEnd: number
  readonly #linksEnd: number
  #nextRun = CHUNK_HEADER_BYTES
  #link: number
  #frames: FrameCursor | undefined
  #left = 0
  #anchorUs = 0
  #turns = 0
  readonly count: number
  seq: number
  thread = 0
  ordinal = 0
  step = 0

  constructor(bytes: Uint8Array, firstSeq: number) {
    this.bytes = bytes
    this.count = readU32(bytes, 0)
    this.#runsEnd = Math.min(bytes.length, CHUNK_HEADER_BYTES + readU32(bytes, 4))
    this.#link = this.#runsEnd
    this.#linksEnd = Math.min(bytes.length, this.#runsEnd + readU32(bytes, 8) * LINK_BYTES)
    this.firstSeq = firstSeq
    this.seq = firstSeq - 1
  }

  readonly firstSeq: number

  /** Moves to the next event. @returns false behind the last one */
  next(): boolean {
    while (this.#left === 0 || !this.#frames!.next()) {
      if (this.#nextRun + RUN_HEADER_BYTES > this.#runsEnd) return false
      this.#openRun()
    }
    this.#left--
    this.seq++
    this.ordinal++
    const flags = this.#frames!.flags
    if (flags & FRAME_FLAGS.turn) {
      this.#turns++
      this.step = 0
    } else if (flags & FRAME_FLAGS.step) this.step++
    return true
  }

  /** Moves to the event of that seq, forwards only. @returns false when the chunk doesn't have it */
  seek(seq: number): boolean {
    while (this.#left === 0 || this.seq + this.#left < seq) {
      this.seq += this.#left
      this.#left = 0
      if (this.#nextRun + RUN_HEADER_BYTES > this.#runsEnd) return false
      this.#openRun()
    }
    while (this.seq < seq) if (!this.next()) return false
    return this.seq === seq
  }

  get frame(): FrameCursor {
    return this.#frames!
  }

  /** Time in µs since the Unix epoch. */
  get timeUs(): number {
    return this.#anchorUs + this.#frames!.deltaUs
  }

  get turn(): number {
    return Math.max(0, this.#turns - 1)
  }

  /** A cause in another thread, or found at ingest. */
  get linked(): { readonly thread: number; readonly ordinal: number } | undefined {
    const index = this.seq - this.firstSeq
    let at = this.#link
    while (at < this.#linksEnd && readU32(this.bytes, at) < index) at += LINK_BYTES
    this.#link = at
    if (at >= this.#linksEnd || readU32(this.bytes, at) !== index) return undefined
    return { thread: readU32(this.bytes, at + 4), ordinal: readU32(this.bytes, at + 8) }
  }

  #openRun(): void {
    const at = this.#nextRun
    const start = at + RUN_HEADER_BYTES
    const end = Math.min(this.#runsEnd, start + readU32(this.bytes, at + 28))
    this.thread = readU32(this.bytes, at)
    this.ordinal = readU32(this.bytes, at + 4) - 1
    this.#turns = readU32(this.bytes, at + 8)
    this.step = readU32(this.bytes, at + 12)
    this.#anchorUs = readU64(this.bytes, at + 16)
    this.#left = readU32(this.bytes, at + 24)
    this.#frames = new FrameCursor(this.bytes, start, end)
    this.#nextRun = end
  }
}

/** A chunk of the one event that the cursor stands at; links are left out. */
export function copyEvent(cursor: ChunkCursor): Uint8Array {
  const { frame, thread, ordinal, turn, step } = cursor
  const turns = frame.flags & FRAME_FLAGS.turn ? turn : turn + 1
  const chunk = new ChunkBuilder()
  const before = frame.flags & FRAME_FLAGS.step ? step - 1 : step
  chunk.startRun({ thread, ordinal, turns, step: before, anchorUs: cursor.timeUs - frame.deltaUs })
  chunk.append(cursor.bytes, frame.start, frame.end, 1)
  return chunk.view().slice()
}
