import { EVENT_KINDS, type EventBodies, type ProcessBody } from '../events.js'
import { BlockWriter, FrameCursor } from '../spool/block.js'
import { BLOCK_HEADER_BYTES, FRAME_FLAGS, toKindCode } from '../spool/format.js'
import { ChunkWriter, type FrameSource } from './chunk-writer.js'
import { ContainerWriter } from './container-writer.js'
import { type KeptEvent, toKeptChunk } from './kept-events.js'
import type { WritableKeyValue } from './key-value.js'
import { PREFIX, toMetaKey, toThreadKey } from './keys.js'
import { ChannelEnd, type Pairs } from './pairs.js'
import { PutBuffer } from './put-buffer.js'
import { SourceWriter } from './sources.js'
import { encodeRow, type GapRow, type LogRow, type ProcessRow, TABLE, toProcessRow } from './tables.js'
import { ThreadLog } from './thread-log.js'

/** A commit leaves what is shorter than this open, to write it again with more in it. */
const OPEN_BYTES = 16 * 1024

const KIND = Object.fromEntries(EVENT_KINDS.map((kind) => [kind, toKindCode(kind)])) as Record<
  (typeof EVENT_KINDS)[number],
  number
>

/** What the log held when its writer was made: nothing, or what `resume` read. */
export interface WriterState {
  readonly log: LogRow
  readonly threads: readonly ThreadLog[]
  readonly processes: readonly ProcessRow[]
  readonly gaps: readonly GapRow[]
  readonly pairs: Pairs
}

/** Writes one segment after another: gives events their seqs and keeps chunks, tables, pairs and replicas. What was appended becomes
 *  durable with the next commit, all of it or nothing, together with how far each spool was read. */
export class LogWriter {
  #store: WritableKeyValue
  readonly #chunks: ChunkWriter
  #firstSeq: number
  readonly #startedAtUs: number
  readonly #threads: ThreadLog[]
  readonly #byPath = new Map<string, ThreadLog>()
  readonly #processes: ProcessRow[]
  readonly #gaps: GapRow[]
  readonly #containers: ContainerWriter
  readonly pairs: Pairs
  readonly #dirtyProcesses = new Set<ProcessRow>()
  #newGaps = 0
  #heldFrom: number
  readonly #puts = new PutBuffer()
  readonly #put = this.#puts.put
  readonly #sources = new SourceWriter(this.#put)
  #writing: Promise<void> = Promise.resolve()
  readonly #atOnce: boolean
  /** Bytes written to the segment, before compression. */
  segmentBytes = 0
  /** Told of each event that must outlive its segment. */
  onCritical: ((event: KeptEvent) => void) | undefined

  /** @param atOnce the stores write before their promise returns: a busy program does not come to its microtasks, so
   *  nothing must wait for one */
  constructor(store: WritableKeyValue, state: WriterState, atOnce = false) {
    this.#store = store
    this.#atOnce = atOnce
    this.#chunks = new ChunkWriter(state.log.endSeq, state.log.maxTimeUs)
    this.#firstSeq = state.log.firstSeq
    this.#heldFrom = state.log.heldFrom
    this.#startedAtUs = state.log.startedAtUs
    this.#threads = [...state.threads]
    this.#processes = [...state.processes]
    this.#gaps = [...state.gaps]
    this.#newGaps = this.#gaps.length
    this.pairs = state.pairs
    for (const thread of this.#threads) {
      this.#byPath.set(thread.row.path, thread)
    }
    const containers = this.#threads.flatMap((thread) => [...thread.containers.values()])
    this.#containers = new ContainerWriter(this.#put, containers)
  }

  get endSeq(): number {
    return this.#chunks.seq
  }

  get firstSeq(): number {
    return this.#firstSeq
  }

  /** Bytes that the next commit would write, about. */
  get waitingBytes(): number {
    return this.#puts.bytes + this.#chunks.bytes
  }

  get threads(): readonly ThreadLog[] {
    return this.#threads
  }

  /** The thread of that path; a new one gets its number with its first event. */
  thread(path: string): ThreadLog {
    const known = this.#byPath.get(path)
    if (known) return known
    return new ThreadLog({
      no: -1,
      path,
      offset: 0,
      ordinal: 0,
      turns: 0,
      step: 0,
      firstSeq: this.endSeq,
      lastSeq: this.endSeq,
      events: 0,
      ended: null,
      dictionaries: 0,
      done: false,
    })
  }

  findThread(path: string): ThreadLog | undefined {
    return this.#byPath.get(path)
  }

  /** Takes a dictionary frame in. */
  learn(thread: ThreadLog, dictionary: Uint8Array): void {
    thread.dictionary = new Uint8Array(dictionary)
    thread.latestDictionary = thread.dictionary
    thread.dirty = true
    try {
      thread.learn(thread.dictionary)
    } catch {
      // What can't be decoded afterwards is met, and marked, event by event.
    }
  }

  /** Takes a source in that the thread loaded. */
  takeSource(thread: ThreadLog, payload: Uint8Array): void {
    const source = this.#sources.take(payload)
    if (!source) return
    thread.sources.push(source)
    thread.dirty = true
  }

  /** Takes the next event of a thread in, which gets the seq `endSeq` had. */
  append(thread: ThreadLog, frame: FrameCursor, source: FrameSource, late: boolean): void {
    const { row } = thread
    const seq = this.endSeq
    if (row.events === 0) this.#enter(thread, seq)
    const kind = frame.kindCode
    if (this.onCritical && (kind === KIND.process || kind === KIND.gap)) {
      this.onCritical({ seq, chunk: toKeptChunk(row, frame, source) })
    }
    this.#chunks.append(row, frame, source, kind === KIND.state, late)
    row.lastSeq = seq
    row.events++
    thread.lastTimeUs = source.anchorUs + frame.deltaUs
    if (frame.flags & FRAME_FLAGS.turn) {
      row.turns++
      row.step = 0
    } else if (frame.flags & FRAME_FLAGS.step) row.step++
    thread.dirty = true
    if (kind === KIND.message) this.#takeMessage(thread, frame, source)
    else if (kind === KIND.state) this.#takeState(thread, frame, source)
    else if (kind === KIND.process) this.#takeProcess(thread, frame, source)
    else if (kind === KIND.gap) this.#takeGap(thread, frame, source)
    row.ordinal++
    if (this.#chunks.full) this.#chunks.write(this.#put, true)
  }

  /** Ends the open chunk: the next event begins another. */
  closeChunk(): void {
    this.#chunks.write(this.#put, true)
  }

  #enter(thread: ThreadLog, seq: number): void {
    if (thread.row.no >= 0) return
    thread.row.no = this.#threads.length
    thread.row.firstSeq = seq
    this.#threads.push(thread)
    this.#byPath.set(thread.row.path, thread)
  }

  /** Takes in a gap that no spool tells of, as the thread's next event. Its body stands in the gap table alone: the
   *  thread's dictionary isn't ours to add to. */
  appendGap(thread: ThreadLog, timeUs: number, body: EventBodies['gap']): void {
    const block = new BlockWriter()
    block.frame(KIND.gap, 0, 0, 0, -1, -1, new Uint8Array(0))
    const buffer = block.seal(timeUs).slice()
    const frame = new FrameCursor(buffer, BLOCK_HEADER_BYTES, buffer.length)
    frame.next()
    this.#syntheticGap = body
    this.append(thread, frame, { buffer, bytes: buffer, anchorUs: timeUs }, false)
    this.#syntheticGap = undefined
  }

  #syntheticGap: EventBodies['gap'] | undefined

  /** The buffers of the frames appended so far may be used again. */
  flush(): void {
    this.#chunks.flush()
  }

  /** Whether anything waits for a commit. */
  get dirty(): boolean {
    return this.#chunks.bytes > 0 || this.#puts.size > 0 || this.#threads.some((thread) => thread.dirty)
  }

  get maxTimeUs(): number {
    return this.#chunks.maxTimeUs
  }

  /** The end whose sends this one receives. */
  findPeer(end: ChannelEnd): ChannelEnd | undefined {
    return this.pairs.findPeer(end, this.#pathOf)
  }

  /** Starts writing what was appended, after what an earlier call started. At most one write is under way; what it holds
   *  is durable when the promise is fulfilled. */
  commit(): Promise<void> {
    this.#chunks.write(this.#put, this.#chunks.bytes >= OPEN_BYTES)
    this.#containers.commit()
    this.#putTables()
    this.segmentBytes += this.#puts.bytes
    const batch = this.#puts.take()
    const store = this.#store
    const write = () => {
      const written = store.write(batch)
      this.#puts.release(batch)
      return written
    }
    const written = this.#atOnce ? write() : this.#writing.then(write)
    // Whoever waits for an earlier write hears of the failure there, and does not come to wait for this one.
    written.catch(() => {})
    this.#writing = written
    return written
  }

  /** Goes on in another store, which becomes the next segment with the next commit: it opens with all tables, dictionaries
   *  and states. What was appended before has to be committed. */
  startSegment(store: WritableKeyValue): void {
    this.#store = store
    this.#firstSeq = this.endSeq
    this.segmentBytes = 0
    this.#chunks.startSegment()
    this.#newGaps = 0
    for (const thread of this.#threads) {
      thread.dirty = true
      thread.dictionary ??= thread.latestDictionary
      for (const end of thread.ends.values()) end.dirty = true
    }
    for (const process of this.#processes) this.#dirtyProcesses.add(process)
    this.#containers.startSegment(this.endSeq - 1)
  }

  /** Goes on at `endSeq` in another store: the seqs from here up to it were given to events that the log has lost, and are
   *  given to no others. What was appended before has to be committed.
   *  @param isWhole whether all that followed of the thread of that path is still to come */
  startBehindLoss(endSeq: number, store: WritableKeyValue, isWhole: (path: string) => boolean): void {
    const from = this.endSeq
    const count = endSeq - from
    const detail = `seqs ${from} to ${endSeq - 1} were given, and the log has lost them`
    this.#gaps.push({ no: this.#gaps.length, thread: 0, from, to: endSeq - 1, reason: 'damaged', count, detail })
    for (const { row, containers } of this.#threads) {
      if (!isWhole(row.path)) for (const replica of containers.values()) this.#containers.forget(replica)
    }
    this.#chunks.skipTo(endSeq)
    this.startSegment(store)
  }

  /** Carries events of a segment that is about to go into this one. */
  keep(events: readonly KeptEvent[], heldFrom: number): void {
    this.#heldFrom = heldFrom
    for (const { seq, chunk } of events) this.#put(toMetaKey(TABLE.kept, seq), chunk)
  }

  #putTables(): void {
    for (const thread of this.#threads) if (thread.dirty) this.#putThread(thread)
    for (const process of this.#dirtyProcesses) {
      this.#put(toMetaKey(TABLE.process, process.no), encodeRow(process))
    }
    this.#dirtyProcesses.clear()
    for (; this.#newGaps < this.#gaps.length; this.#newGaps++) {
      const gap = this.#gaps[this.#newGaps]!
      this.#put(toMetaKey(TABLE.gap, gap.no), encodeRow(gap))
    }
    const log: LogRow = {
      startedAtUs: this.#startedAtUs,
      firstSeq: this.#firstSeq,
      endSeq: this.endSeq,
      heldFrom: this.#heldFrom,
      threads: this.#threads.length,
      processes: this.#processes.length,
      gaps: this.#gaps.length,
      containers: this.#containers.count,
      maxTimeUs: this.#chunks.maxTimeUs,
    }
    this.#put(toMetaKey(TABLE.log), encodeRow(log))
  }

  #putThread(thread: ThreadLog): void {
    thread.dirty = false
    const { row } = thread
    if (thread.dictionary) {
      // The newest holds all that the earlier ones held; the last but one stays for the case that the last is damaged.
      if (row.dictionaries >= 2) this.#puts.del(toThreadKey(PREFIX.dictionary, row.no, row.dictionaries - 2))
      this.#put(toThreadKey(PREFIX.dictionary, row.no, row.dictionaries), thread.dictionary)
      thread.dictionary = undefined
      row.dictionaries++
    }
    for (const source of thread.sources.splice(0)) this.#sources.list(row.no, source)
    this.#put(toMetaKey(TABLE.thread, row.no), encodeRow(row))
    for (const end of thread.ends.values()) {
      if (!end.dirty) continue
      end.dirty = false
      this.#put(toMetaKey(TABLE.pairs, row.no, end.subject), encodeRow(end.toRow()))
    }
  }

  #takeMessage(thread: ThreadLog, frame: FrameCursor, source: FrameSource): void {
    const end = thread.ends.get(frame.subject)
    if (!end) return
    this.#chunks.noteChannel(end.hash)
    if (!thread.peek.read(source.buffer, frame.payloadStart, frame.end, thread.decoder)) return
    const { op, n } = thread.peek
    if (op === 'send') end.addSend(n, thread.row.ordinal)
    else if (op === 'receive' && (frame.flags & FRAME_FLAGS.unpaired) === 0) {
      const peer = this.findPeer(end)
      const ordinal = peer?.findSend(n)
      if (ordinal !== undefined) this.#chunks.link(peer!.thread, ordinal)
      else if (!end.record.outside) end.noteUnsent(n, peer)
    }
  }

  #takeState(thread: ThreadLog, frame: FrameCursor, source: FrameSource): void {
    const seq = this.endSeq - 1
    const process = thread.processes.get(frame.subject)
    if (process && !process.container) {
      process.container = true
      this.#dirtyProcesses.add(process)
    }
    this.#containers.take(thread, { frame, source, seq })
  }

  #takeProcess(thread: ThreadLog, frame: FrameCursor, source: FrameSource): void {
    const seq = this.endSeq - 1
    const body = decodeBody<ProcessBody>(thread, frame, source)
    if (body?.op === 'spawn') this.#spawn(thread, frame.subject, seq, body)
    else if (body?.op === 'exit' || body?.op === 'crash') this.#end(thread, frame.subject, seq, body.op)
    else if (body?.op === 'register') {
      const process = thread.processes.get(frame.subject)
      if (!process) return
      process.name = body.name
      this.#dirtyProcesses.add(process)
    } else if (body?.op === 'childExit' && body.signal !== undefined) {
      const child = this.#byPath.get(body.path)
      if (!child || child.row.ended !== null) return
      child.row.ended = 'killed'
      child.dirty = true
    }
  }

  #spawn(thread: ThreadLog, subject: number, seq: number, body: Extract<ProcessBody, { op: 'spawn' }>): void {
    const process = toProcessRow(this.#processes.length, { thread: thread.row.no, subject, seq }, body)
    this.#processes.push(process)
    this.#dirtyProcesses.add(process)
    thread.processes.set(subject, process)
    const before = thread.ends.get(subject)
    if (before) this.pairs.close(before)
    thread.ends.delete(subject)
    if (!process.channel) return
    const end = new ChannelEnd(thread.row.no, subject, process.name, process.channel)
    thread.ends.set(subject, end)
    this.pairs.open(end)
    const peer = this.findPeer(end)
    if (peer && peer !== end) end.releasedBefore = peer.orphanedBefore
  }

  #end(thread: ThreadLog, subject: number, seq: number, op: 'exit' | 'crash'): void {
    const process = thread.processes.get(subject)
    if (process) {
      process.endedAt ??= seq
      this.#dirtyProcesses.add(process)
    }
    if (subject === 0 && thread.row.ended !== 'crash') thread.row.ended = op
  }

  #takeGap(thread: ThreadLog, frame: FrameCursor, source: FrameSource): void {
    const seq = this.endSeq - 1
    const body = this.#syntheticGap ?? decodeBody<EventBodies['gap']>(thread, frame, source)
    const reason = body?.reason ?? 'damaged'
    const count = body?.count ?? null
    const detail = body?.detail
    this.#gaps.push({
      no: this.#gaps.length,
      thread: thread.row.no,
      from: seq,
      to: seq,
      reason,
      count,
      ...(detail === undefined ? {} : { detail }),
    })
    const container = thread.containers.get(frame.subject)
    if (container) this.#containers.break(container, seq, reason)
    else if (frame.subject === 0 && reason !== 'sampled') {
      for (const replica of thread.containers.values()) this.#containers.break(replica, seq, reason)
    }
  }

  readonly #pathOf = (thread: number): string => this.#threads[thread]?.row.path ?? ''
}

function decodeBody<T>({ decoder }: ThreadLog, frame: FrameCursor, { buffer }: FrameSource): T | null {
  try {
    const body = decoder.decode(buffer, frame.payloadStart, frame.end)
    return typeof body === 'object' && body !== null ? (body as T) : null
  } catch {
    return null
  }
}
