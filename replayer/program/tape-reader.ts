import { type Cloning, EntryReader, EntryWriter, type Numbering } from '../../src/boundary/node/entries.js'
import { TAG } from '../../src/boundary/node/entry-tags.js'
import { HEAD_CODE, type TapeHead } from '../../src/boundary/node/head.js'
import type { Code, TapeReader } from '../../src/boundary/node/tape.js'
import type { TapeFile, TapeFrame } from '../../src/boundary/node/tape-file.js'
import { toGiven } from './difference.js'
import type { MetDivergence } from './divergence.js'
import { toEntryText, toValueText } from './entry-text.js'
import type { HandleTable } from './handle-table.js'
import { Landmarks } from './landmarks.js'

export interface ReplayTapeOptions {
  readonly file: TapeFile
  readonly numberOf: Numbering
  readonly handles: HandleTable
  readonly cloning: Cloning
  /** The program has run to its recorded end and took one entry more. */
  readonly onExited: () => void
  /** The recording has no more, though the program did not end in it. Never returns. */
  readonly onEnd: () => never
  /** A turn begins with that frame: what ran before it is over. */
  readonly onTurn?: ((frame: TapeFrame) => void) | undefined
  /** The program is about to take the event that `stopAt` was given. */
  readonly onStop: () => void
  /** Ends the replay. Never returns. */
  readonly onDivergence: (divergence: MetDivergence) => never
  /** Number of the entry at which the program shall be stopped and shown. */
  readonly showAt?: number
  /** Called in each call of the program's from there on. */
  readonly onShown: (turn: number, args: readonly unknown[]) => void
}

interface Mismatch {
  readonly name: string
  readonly at: number
  readonly args: unknown[]
  readonly given?: MetDivergence['given']
}

/** Arguments that are texts or bytes. */
const GIVEN: ReadonlySet<number> = new Set([TAG.latin1, TAG.utf8, TAG.utf16, TAG.textDigest, TAG.bytesDigest])

/** Answers from a recorded tape and compares what the program asks. */
export class ReplayTape implements TapeReader {
  bypass = false
  readonly head: TapeHead
  entries = 0
  turns = 0
  /** Whether the program has run to its recorded end. */
  exited = false
  readonly #options: ReplayTapeOptions
  readonly #reader: EntryReader
  readonly #scratch: EntryWriter
  readonly #codes = new Map<string, Code>()
  readonly #names: string[] = []
  /** Local code by recorded code, and back. */
  readonly #local: (Code | undefined)[] = []
  readonly #deliverers = new Map<Code, () => void>()
  #frame: TapeFrame | undefined
  readonly #landmarks: Landmarks
  /** The frame of the last entry that was taken. */
  #last: TapeFrame | undefined
  #started = false
  #turn = 0
  #agreed: number | null = null
  #stop = Number.POSITIVE_INFINITY
  readonly #showAt: number
  /** The call of the moment does not fit: what it was given is collected until it can be shown. */
  #mismatch: Mismatch | undefined
  #call: Code = 0 as Code
  #entryAt = 0
  readonly #args: unknown[] = []

  constructor(options: ReplayTapeOptions) {
    this.#options = options
    this.#landmarks = new Landmarks(options.file)
    this.#showAt = options.showAt ?? Number.POSITIVE_INFINITY
    this.#reader = new EntryReader(new Uint8Array(), (number) => this.#find(number), options.cloning)
    this.#scratch = new EntryWriter(options.numberOf, options.cloning, 4096)
    this.head = this.#readHead()
  }

  code(name: string): Code {
    const known = this.#codes.get(name)
    if (known !== undefined) return known
    const code = this.#names.push(name) as Code
    this.#codes.set(name, code)
    const recorded = this.head.calls.indexOf(name)
    if (recorded >= 0) this.#local[HEAD_CODE + 1 + recorded] = code
    return code
  }

  begin(code: Code): void {
    this.entries++
    this.#args.length = 0
    this.#call = code
    const kind = this.peek()
    if (kind === 'end' && !this.exited) this.#options.onEnd()
    this.#entryAt = this.#reader.at
    if (kind === 'call' && this.next === code) {
      this.#take(this.#frame!)
      this.#reader.varint()
      return
    }
    this.#mismatch = { name: this.#names[code - 1]!, at: this.#entryAt, args: [] }
  }

  argument(value: unknown): void {
    const scratch = this.#scratch
    scratch.at = 0
    scratch.argument(value)
    this.#compare(value)
  }

  digest(bytes: Uint8Array): void {
    const scratch = this.#scratch
    scratch.at = 0
    scratch.digest(TAG.bytesDigest, bytes)
    this.#compare(bytes)
  }

  skipArguments(): void {
    const reader = this.#reader
    while (!this.#mismatch && reader.tag !== TAG.result && reader.tag !== TAG.nest && reader.tag !== TAG.end)
      reader.value()
  }

  offers(code: Code, args: readonly unknown[]): boolean {
    if (this.peek() !== 'call') return false
    const reader = this.#reader
    const { at } = reader
    const same = this.#local[reader.varint()] === code && args.every((one) => reader.value() === one)
    reader.at = at
    return same
  }

  result(): void {
    if (this.#mismatch) this.#tell()
    if (this.entries >= this.#showAt) this.#options.onShown(this.#frame?.turn ?? 0, this.#args)
    const reader = this.#reader
    const call = this.#call
    const entryAt = this.#entryAt
    while (reader.tag === TAG.nest) {
      reader.at++
      this.#deliverNow()
    }
    if (reader.tag === TAG.unnest) reader.at++
    if (reader.tag === TAG.result) {
      reader.at++
      return
    }
    this.#mismatch = { name: this.#names[call - 1]!, at: entryAt, args: [...this.#args] }
    this.#tell()
  }

  value(): unknown {
    return this.#reader.value()
  }

  end(): void {
    if (this.#reader.tag !== TAG.end) this.diverge('it takes less than was recorded')
    this.#reader.at++
    if (this.exited) this.#options.onExited()
  }

  on(code: Code, deliver: () => void): void {
    this.#deliverers.set(code, deliver)
  }

  peek(): 'call' | 'delivery' | 'end' {
    const reader = this.#reader
    while (reader.at >= reader.end) {
      const frame = this.#readFrame()
      if (!frame) return 'end'
      this.#frame = frame
      reader.load(frame.bytes)
      this.#started = false
      // A delivery is looked at before its time: ticks and microtasks of the turn before it are still to run.
      if (frame.seq >= this.#stop && frame.kind === 'values') this.#reachStop()
    }
    return this.#frame!.kind === 'delivery' && !this.#started && reader.at === 0 ? 'delivery' : 'call'
  }

  get next(): Code {
    const reader = this.#reader
    const at = reader.at
    const recorded = reader.varint()
    reader.at = at
    return this.#local[recorded] ?? (0 as Code)
  }

  isNext(code: Code, ...args: readonly unknown[]): boolean {
    if (this.peek() !== 'call' || this.next !== code) return false
    const reader = this.#reader
    const scratch = this.#scratch
    const { at } = reader
    reader.varint()
    scratch.at = 0
    for (const value of args) scratch.argument(value)
    const size = scratch.at
    const end = reader.at + size
    // The frame may end before.
    const isSame = end <= reader.bytes.length && scratch.bytes.compare(reader.bytes, reader.at, end, 0, size) === 0
    reader.at = at
    return isSame
  }

  /** Events of the recording that the program has met. */
  get landmarks(): Landmarks {
    return this.#landmarks
  }

  /** What a turn consumes is said behind what it does: it was met where the turn has more to say. */
  #take(frame: TapeFrame): void {
    const last = this.#last
    if (frame === last) return
    this.#last = frame
    if (last && frame.kind === 'values' && last.kind === 'values') this.#landmarks.meet(last)
  }

  deliver(): void {
    if (this.#frame!.seq >= this.#stop) this.#reachStop()
    this.#options.onTurn?.(this.#frame!)
    this.#agreed = this.#turn
    this.#turn = this.#frame?.turn ?? 0
    this.#last = this.#frame
    this.#landmarks.meet(this.#frame!)
    this.#started = true
    this.turns++
    this.entries++
    this.#deliverNow()
  }

  /** Says so, once, before that event or the first behind it is taken. */
  stopAt(seq: number): void {
    this.#stop = seq
    if (this.#frame!.seq >= seq) this.#reachStop()
  }

  #reachStop(): void {
    this.#stop = Number.POSITIVE_INFINITY
    this.#options.onStop()
  }

  diverge(what: string): never {
    const here = this.describeNext() ?? { ...this.#where(), recorded: 'nothing: the recording ends here' }
    const given = this.#mismatch?.given
    const entry = this.entries + (this.#mismatch ? 0 : 1)
    return this.#options.onDivergence({ ...here, replayed: what, entry, ...(given && { given }) })
  }

  /** What the recording has next; undefined at its end. */
  describeNext(): Pick<MetDivergence, 'turn' | 'seq' | 'lastAgreement' | 'recorded'> | undefined {
    if (this.peek() === 'end') return undefined
    const at = this.#reader.at
    const recorded = this.#describe(at)
    this.#reader.at = at
    return { ...this.#where(), recorded }
  }

  /** When what is being run was recorded, in µs since the Unix epoch. */
  get timeUs(): number {
    return this.#frame?.timeUs ?? 0
  }

  #where() {
    // A call that was not recorded is one of the turn that runs, also where the recording has gone on to the next.
    const isAhead = this.#mismatch !== undefined && this.peek() === 'delivery'
    const turn = isAhead ? this.#turn : (this.#frame?.turn ?? 0)
    const lastAgreement = turn === this.#turn ? this.#agreed : this.#turn
    return { turn, seq: this.#frame?.seq ?? null, lastAgreement }
  }

  find(number: number): object {
    return this.#find(number)
  }

  release(handle: object): void {
    this.#options.handles.release(this.#options.numberOf(handle))
  }

  #find(number: number): object {
    return this.#options.handles.find(number) ?? this.diverge(`the program has no handle ${number}`)
  }

  #deliverNow(): void {
    const at = this.#reader.at
    const recorded = this.#reader.varint()
    const local = this.#local[recorded]
    const deliverer = local === undefined ? undefined : this.#deliverers.get(local)
    if (!deliverer) {
      this.#reader.at = at
      this.diverge('nothing here can make that delivery')
    }
    deliverer!()
  }

  #compare(value: unknown): void {
    const mismatch = this.#mismatch
    if (mismatch) {
      mismatch.args.push(value)
      return
    }
    const { bytes, at: size } = this.#scratch
    const reader = this.#reader
    if (bytes.compare(reader.bytes, reader.at, reader.at + size, 0, size) === 0) {
      reader.at += size
      this.#args.push(value)
      return
    }
    const args = [...this.#args, value]
    const given = this.#readGiven(value)
    this.#mismatch = { name: this.#names[this.#call - 1]!, at: this.#entryAt, args, ...(given && { given }) }
  }

  /** What was recorded in the place of bytes or a text. */
  #readGiven(value: unknown): MetDivergence['given'] {
    const reader = this.#reader
    const replayed = toGiven(value)
    if (!replayed || !GIVEN.has(reader.tag)) return undefined
    const { at } = reader
    const recorded = toGiven(reader.value())
    reader.at = at
    return recorded && { recorded, replayed }
  }

  #tell(): never {
    const { name, at, args } = this.#mismatch!
    this.#reader.at = at
    return this.diverge(`${name} ${args.map(toValueText).join(', ')}`.trim())
  }

  #describe(at: number): string {
    try {
      return toEntryText(this.#reader, at, this.#frame!.kind === 'delivery' && at === 0, this.head.calls)
    } catch (error) {
      return `an entry that cannot be read (${String(error)})`
    }
  }

  #readFrame(): TapeFrame | undefined {
    this.bypass = true
    try {
      return this.#landmarks.next()
    } finally {
      this.bypass = false
    }
  }

  #readHead(): TapeHead {
    if (this.peek() === 'end') throw new RangeError('the tape is empty')
    if (this.#reader.varint() !== HEAD_CODE) throw new RangeError('the tape has no head')
    this.#reader.at++
    const head = this.#reader.value() as TapeHead
    this.#reader.at++
    return head
  }
}
