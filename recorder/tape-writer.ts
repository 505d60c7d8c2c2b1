import { type Cloning, EntryWriter, type Numbering } from '../src/boundary/node/entries.js'
import { TAG } from '../src/boundary/node/entry-tags.js'
import { HEAD_CODE, type TapeHead } from '../src/boundary/node/head.js'
import type { Code, TapeWriter, TurnNo } from '../src/boundary/node/tape.js'
import type { EventKind } from '../src/events.js'
import type { SourceTeller } from './source-teller.js'

/** Where a tape's frames go: the driver, which gives them their ordinals among all other events. */
export interface TapeSink {
  /** Whether an event is being written. */
  readonly busy: boolean
  /** @returns the event's ordinal */
  input(kind: Extract<EventKind, 'delivery' | 'values'>, entries: Uint8Array, cause: number): number
  /** A source that the next frame is the first to need. */
  source(frame: Uint8Array): void
  flush(): void
  endTurn(): void
}

/** A turn that has more than this to say says it in several events. */
const FRAME_BYTES = 48 * 1024

/** A turn that lasts says now and then what it has consumed so far. */
const LOOK_AFTER = 256

/** Writes the tape of this thread: one `delivery` event for each turn, and what the turn consumed as `values` behind it. */
export class SpoolTape implements TapeWriter {
  bypass = false
  begun = 0
  shared = false
  onDelivery: () => void = () => {}
  onTangled: () => void = () => {}
  writing = 0
  onOverlap: () => void = () => {}
  turn: TurnNo = -1
  readonly #sink: TapeSink
  readonly #entries: EntryWriter
  readonly #names: string[] = []
  readonly #codes = new Map<string, Code>()
  /** For each native call on the stack in which the program may be called back: whether it was. */
  readonly #nested: boolean[] = []
  #delivering = false
  /** An entry stands in one frame: nothing is handed over while one is open. */
  #open = false
  #cause = -1
  #count = 0
  #stopped = false
  #through = false
  #wrote = false

  readonly #sources: SourceTeller

  constructor(sink: TapeSink, numberOf: Numbering, cloning: Cloning, sources: SourceTeller) {
    this.#sink = sink
    this.#sources = sources
    this.#entries = new EntryWriter(numberOf, cloning)
    this.#entries.onSource = (source) => sources.tell(source)
  }

  code(name: string): Code {
    const known = this.#codes.get(name)
    if (known !== undefined) return known
    const code = (HEAD_CODE + this.#names.push(name)) as Code
    this.#codes.set(name, code)
    return code
  }

  /** The tape's first entry. To be called when everything is patched. */
  writeHead(head: Omit<TapeHead, 'calls'>): void {
    this.begin(HEAD_CODE as Code)
    this.result()
    this.value({ ...head, calls: this.#names })
    this.end()
    this.flush()
  }

  begin(code: Code): void {
    if (this.#open) this.onTangled()
    this.begun++
    this.#open = true
    this.#entries.varint(code)
  }

  argument(value: unknown): void {
    this.#entries.argument(value)
  }

  digest(bytes: Uint8Array): void {
    this.#entries.digest(TAG.bytesDigest, bytes)
  }

  get nested(): boolean {
    return this.#nested.length > 0
  }

  enter(): void {
    this.#nested.push(false)
  }

  leave(): void {
    if (this.#nested.pop()) this.#entries.tag(TAG.unnest)
  }

  result(): void {
    this.#entries.tag(TAG.result)
  }

  value(value: unknown): void {
    this.#entries.value(value)
  }

  bytes(bytes: Uint8Array): void {
    this.#entries.blob(TAG.buffer, bytes)
  }

  end(): void {
    const entries = this.#entries
    entries.tag(TAG.end)
    this.#open = false
    if (this.#delivering) {
      this.#delivering = false
      this.turn = this.#hand('delivery', this.#cause)
    } else if (this.#isWhole() && this.#isDue()) {
      this.emit()
    }
  }

  output(): void {
    this.#wrote = this.shared
    if (this.writing > 0) this.onOverlap()
  }

  #isDue(): boolean {
    return (
      this.#wrote ||
      this.#through ||
      this.#entries.at + this.#sources.bytes > FRAME_BYTES ||
      (++this.#count & (LOOK_AFTER - 1)) === 0
    )
  }

  deliver(code: Code, cause: TurnNo): void {
    this.onDelivery()
    const depth = this.#nested.length
    if (depth > 0) {
      this.#nested[depth - 1] = true
      this.#entries.tag(TAG.nest)
    } else {
      this.emit()
      this.#delivering = true
      this.#cause = cause
    }
    this.#entries.varint(code)
  }

  endTurn(): void {
    this.emit()
    this.#sink.endTurn()
  }

  writeThrough(): void {
    this.#through = true
    this.flush()
  }

  flush(): void {
    this.emit()
    this.#sink.flush()
  }

  /** Hands over what the turn has consumed so far. An entry that is still open goes with the next. */
  emit(): void {
    this.#wrote = false
    if (this.#entries.at > 0 && this.#isWhole() && !this.#sink.busy) this.#hand('values', -1)
  }

  /** A thread that ends within a native call never leaves it. */
  #isWhole(): boolean {
    return (this.#through || this.#nested.length === 0) && !this.#open && !this.#delivering
  }

  /** The recorder stops: the program's calls pass through from here on. */
  stop(): void {
    this.emit()
    this.#stopped = true
    this.bypass = true
  }

  #hand(kind: 'delivery' | 'values', cause: number): number {
    const entries = this.#entries
    const bytes = entries.bytes.subarray(0, entries.at)
    entries.at = 0
    const frames = this.#sources.take()
    for (let index = 0; index < frames.length; index++) this.#sink.source(frames[index]!)
    return this.#stopped ? -1 : this.#sink.input(kind, bytes, cause)
  }
}
