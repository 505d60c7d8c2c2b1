import type { FrameCursor } from '../spool/block.js'
import { FRAME_FLAGS } from '../spool/format.js'
import { toBloom } from './bloom.js'
import { ByteBuffer } from './byte-buffer.js'
import { CHUNK_BYTES, ChunkBuilder } from './chunk.js'
import { encodeHeader, type Header, makeBitmap, mergeHeaders, setSlot, toSlot } from './header.js'
import { PREFIX, toSeqKey, toThreadKey, toTimeKey } from './keys.js'
import type { ThreadRow } from './tables.js'

/** Chunks that one coarse header stands for. */
const COARSE_CHUNKS = 256

/** A block of a spool whose frames are being taken in. */
export interface FrameSource {
  readonly buffer: Uint8Array
  /** The same bytes as a plain array, for copying: a view of a Buffer costs five times as much. */
  readonly bytes: Uint8Array
  readonly anchorUs: number
}

export type Put = (key: Uint8Array, value: Uint8Array) => void

interface InChunk {
  readonly row: ThreadRow
  readonly ordinal: number
  readonly turn: number
}

/** Collects frames into chunks and writes each with its header, its time key and its threads' first ordinals. */
export class ChunkWriter {
  readonly #chunk = new ChunkBuilder()
  #firstSeq: number
  #seq: number
  /** Highest time so far: time keys ascend with seqs, whatever clocks did. */
  #maxTimeUs: number
  #firstTimeUs = 0
  #min = Number.POSITIVE_INFINITY
  #max = 0
  #kinds = 0
  #processes = makeBitmap()
  #channels = new Set<number>()
  /** The one that was noted last. */
  #channel = -1
  #threads = new Map<number, InChunk>()
  #runThread = -1
  #source: FrameSource | undefined
  #start = 0
  #end = 0
  #pending = 0
  #coarse: Header | undefined
  #coarseFrom = 0
  #coarseChunks = 0

  constructor(seq: number, maxTimeUs: number) {
    this.#seq = seq
    this.#firstSeq = seq
    this.#maxTimeUs = maxTimeUs
  }

  /** Seq of the next event. */
  get seq(): number {
    return this.#seq
  }

  get maxTimeUs(): number {
    return this.#maxTimeUs
  }

  /** Bytes that wait in the open chunk. */
  get bytes(): number {
    return this.#chunk.bytes + this.#end - this.#start
  }

  get full(): boolean {
    return this.bytes >= CHUNK_BYTES
  }

  /** Takes the frame in. `row` counts as it did before it. @param headOnly its body stands elsewhere */
  append(row: ThreadRow, frame: FrameCursor, source: FrameSource, headOnly: boolean, late: boolean): void {
    if (this.#source !== source || this.#runThread !== row.no) this.#startRun(row, frame, source)
    if (headOnly || late) this.#appendAlone(frame, source, headOnly, late)
    else {
      if (frame.start !== this.#end || this.#pending === 0) {
        this.flush()
        this.#start = frame.start
      }
      this.#end = frame.end
      this.#pending++
    }
    this.#note(row, frame, source.anchorUs + frame.deltaUs)
  }

  noteChannel(hash: number): void {
    if (hash === this.#channel) return
    this.#channel = hash
    this.#channels.add(hash)
  }

  /** Gives the event that was appended last a cause that its frame can't say. */
  link(thread: number, ordinal: number): void {
    this.#chunk.link(this.#seq - 1 - this.#firstSeq, thread, ordinal)
  }

  /** Copies the frames that were appended: the buffer they stand in may be used for something else. */
  flush(): void {
    if (this.#pending > 0) this.#chunk.append(this.#source!.bytes, this.#start, this.#end, this.#pending)
    this.#pending = 0
    this.#start = 0
    this.#end = 0
  }

  /** What comes next belongs to another segment. The open chunk has to be closed. */
  startSegment(): void {
    this.#coarse = undefined
    this.#coarseChunks = 0
  }

  /** The next event gets this seq. The open chunk has to be closed. */
  skipTo(seq: number): void {
    this.#seq = seq
    this.#firstSeq = seq
  }

  /** Writes the open chunk, if it has events. @param close whether the next event begins another chunk */
  write(put: Put, close: boolean): void {
    this.flush()
    const count = this.#chunk.count
    if (count === 0) return
    const first = this.#firstSeq
    put(toSeqKey(PREFIX.chunk, first), this.#chunk.view())
    const header: Header = {
      minTimeUs: this.#min,
      maxTimeUs: this.#max,
      count,
      lastSeq: this.#seq - 1,
      kinds: this.#kinds,
      processes: this.#processes,
      channels: toBloom(this.#channels),
    }
    put(toSeqKey(PREFIX.header, first), encodeHeader(header))
    put(toTimeKey(this.#firstTimeUs, first), new Uint8Array(1))
    for (const entry of this.#threads.values()) putThread(put, entry, first)
    if (close) this.#close(put, header)
  }

  #close(put: Put, header: Header): void {
    this.#coarse = this.#coarse ? mergeHeaders(this.#coarse, header) : header
    if (this.#coarseChunks++ === 0) this.#coarseFrom = this.#firstSeq
    if (this.#coarseChunks === COARSE_CHUNKS) {
      put(toSeqKey(PREFIX.coarse, this.#coarseFrom), encodeHeader({ ...this.#coarse, channels: new Uint8Array(0) }))
      this.#coarse = undefined
      this.#coarseChunks = 0
    }
    this.#chunk.clear()
    this.#firstSeq = this.#seq
    this.#min = Number.POSITIVE_INFINITY
    this.#max = 0
    this.#kinds = 0
    this.#processes = makeBitmap()
    this.#channels = new Set()
    this.#channel = -1
    this.#threads = new Map()
    this.#source = undefined
    this.#runThread = -1
  }

  #startRun(row: ThreadRow, frame: FrameCursor, source: FrameSource): void {
    this.flush()
    this.#chunk.startRun({
      thread: row.no,
      ordinal: row.ordinal,
      turns: row.turns,
      step: row.step,
      anchorUs: source.anchorUs,
    })
    this.#runThread = row.no
    this.#source = source
    if (this.#threads.has(row.no)) return
    const turn = frame.flags & FRAME_FLAGS.turn ? row.turns : Math.max(0, row.turns - 1)
    this.#threads.set(row.no, { row, ordinal: row.ordinal, turn })
  }

  #appendAlone(frame: FrameCursor, source: FrameSource, headOnly: boolean, late: boolean): void {
    this.flush()
    const end = headOnly ? frame.payloadStart : frame.end
    if (headOnly) this.#chunk.appendHead(source.bytes, frame.start, end)
    else this.#chunk.append(source.bytes, frame.start, end, 1)
    if (late) this.#chunk.markLate(frame.flags, end - frame.start)
  }

  #note(row: ThreadRow, frame: FrameCursor, timeUs: number): void {
    if (timeUs < this.#min) this.#min = timeUs
    if (timeUs > this.#max) this.#max = timeUs
    if (timeUs > this.#maxTimeUs) this.#maxTimeUs = timeUs
    if (this.#seq === this.#firstSeq) this.#firstTimeUs = this.#maxTimeUs
    this.#kinds |= 1 << frame.kindCode
    setSlot(this.#processes, toSlot(row.no, frame.subject))
    this.#seq++
  }
}

function putThread(put: Put, { row, ordinal, turn }: InChunk, firstSeq: number): void {
  const value = new ByteBuffer(16)
  value.u64(firstSeq)
  value.u32(turn)
  value.u32(Math.max(0, row.turns - 1))
  put(toThreadKey(PREFIX.ordinal, row.no, ordinal), value.toBytes())
}
