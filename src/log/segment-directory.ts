import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { toKindCode } from '../spool/format.js'
import { ChunkCursor, copyEvent } from './chunk.js'
import type { KeptEvent } from './kept-events.js'
import type { WritableKeyValue } from './key-value.js'
import { toLastU64 } from './keys.js'
import { openLevelStore } from './level-store.js'
import { resume, toEmptyState, toTableRange } from './resume.js'
import type { HeldSegment, SegmentPlace } from './retention.js'
import { SegmentReader } from './segment-reader.js'
import { createSegment, dropSegment, listSegments, toSegmentDir } from './segments.js'
import { TABLE } from './tables.js'
import { LogWriter } from './writer.js'

/** The segments of a recording directory, for its one collector. */
export class SegmentDirectory implements SegmentPlace {
  readonly #recording: string
  readonly #numbers: number[]
  #current: WritableKeyValue | undefined

  constructor(recording: string) {
    this.#recording = recording
    this.#numbers = listSegments(recording)
  }

  /** A writer that goes on where the last commit ended, or at `endSeq` where the log has lost what led there.
   *  @param isWhole whether all that followed of the thread of that path is still to come
   *  @throws DAMAGED when the log cannot be continued */
  async open(startedAtUs: number, endSeq: number, isWhole: (path: string) => boolean): Promise<LogWriter> {
    const writer = await this.#resume(startedAtUs)
    if (writer.endSeq >= endSeq) return writer
    // So that the segment before the loss can be read, also where nothing is left of it.
    await writer.commit()
    writer.startBehindLoss(endSeq, await this.create(), isWhole)
    await writer.commit()
    return writer
  }

  async #resume(startedAtUs: number): Promise<LogWriter> {
    const store = await this.#openLast()
    const state = await resume(store)
    const before = this.#numbers.at(-2)
    if (state || before === undefined) return new LogWriter(store, state ?? toEmptyState(startedAtUs))
    // The collector died between making the segment and its first commit.
    const earlier = await openLevelStore(toSegmentDir(this.#recording, before))
    const writer = new LogWriter(store, (await resume(earlier)) ?? toEmptyState(startedAtUs))
    await earlier.close()
    writer.startSegment(store)
    return writer
  }

  /** What a retention has to know of the segments there are. Reads the process events of all. */
  async loadHeld(): Promise<HeldSegment[]> {
    const held: HeldSegment[] = []
    for (const number of this.#numbers) {
      const dir = toSegmentDir(this.#recording, number)
      const last = number === this.#numbers.at(-1)
      const store = last ? this.#current! : await openLevelStore(dir)
      const segment = await SegmentReader.open(store)
      if (segment) held.push({ ...(await loadCritical(segment)), bytes: toBytes(dir) })
      if (!last) await store.close()
    }
    return held
  }

  async create(written?: Promise<void>): Promise<WritableKeyValue> {
    await written
    const number = createSegment(this.#recording)
    this.#numbers.push(number)
    const previous = this.#current
    this.#current = await openLevelStore(toSegmentDir(this.#recording, number), { create: true })
    await previous?.close()
    return this.#current
  }

  drop(written: Promise<void>): Promise<void> {
    const number = this.#numbers.shift()!
    return written.then(() => dropSegment(this.#recording, number))
  }

  async close(): Promise<void> {
    await this.#current?.close()
    this.#current = undefined
  }

  async #openLast(): Promise<WritableKeyValue> {
    const last = this.#numbers.at(-1)
    if (last === undefined) return this.create()
    this.#current = await openLevelStore(toSegmentDir(this.#recording, last), { create: true })
    return this.#current
  }
}

const CRITICAL = (1 << toKindCode('process')) | (1 << toKindCode('gap'))

async function loadCritical(segment: SegmentReader): Promise<Omit<HeldSegment, 'bytes'>> {
  const { firstSeq, endSeq } = segment.log
  const critical: KeptEvent[] = []
  let startUs = 0
  for await (const { value, key } of segment.store.range(toTableRange(TABLE.kept))) {
    if (value) critical.push({ seq: toLastU64(key), chunk: value })
  }
  for await (const chunk of segment.headers(firstSeq, endSeq - 1, false)) {
    startUs ||= chunk.header?.minTimeUs ?? 0
    if (chunk.header && (chunk.header.kinds & CRITICAL) === 0) continue
    const { bytes } = await segment.loadChunk(chunk.firstSeq)
    const cursor = bytes && new ChunkCursor(bytes, chunk.firstSeq)
    while (cursor?.next()) {
      if ((1 << cursor.frame.kindCode) & CRITICAL) critical.push({ seq: cursor.seq, chunk: copyEvent(cursor) })
    }
  }
  return { firstSeq, startUs, critical }
}

function toBytes(dir: string): number {
  return readdirSync(dir).reduce(
    (sum, name) => sum + (statSync(join(dir, name), { throwIfNoEntry: false })?.size ?? 0),
    0,
  )
}
