import type { ChannelRecord, MessageBody } from '../events.js'
import type { ValueDecoder } from '../values/codec.js'
import { toHash } from './bloom.js'

/** Ordinals of sends that are kept while no receive has come; a receive that lags further behind stays without link. */
const KEPT_SENDS = 8_192
/** How many of them survive the collector. */
const STORED_SENDS = 256

/** What a collector's successor needs to go on pairing. */
export interface PairsRow {
  readonly sent: number
  readonly sends: readonly number[]
}

/** One end of a channel: which sends it made, by number, and which of its receives could not wait for theirs. */
export class ChannelEnd {
  readonly thread: number
  readonly subject: number
  readonly name: string
  readonly record: ChannelRecord
  /** Of the name, for the chunks' headers. */
  readonly hash: number
  /** Number after the last send. */
  sent = 0
  #first = 0
  #ordinals: number[] = []
  /** Number after the last receive of the other end that went on without its send. */
  releasedBefore = 0
  /** Number after the last of its own receives for which there was no other end. */
  orphanedBefore = 0
  dirty = false

  constructor(thread: number, subject: number, name: string, record: ChannelRecord) {
    this.thread = thread
    this.subject = subject
    this.name = name
    this.record = record
    this.hash = toHash(name)
  }

  addSend(n: number, ordinal: number): void {
    if (n !== this.#first + this.#ordinals.length) {
      this.#first = n
      this.#ordinals = []
    }
    this.#ordinals.push(ordinal)
    this.sent = n + 1
    this.dirty = true
    if (this.#ordinals.length > 2 * KEPT_SENDS) {
      this.#first += KEPT_SENDS
      this.#ordinals = this.#ordinals.slice(KEPT_SENDS)
    }
  }

  findSend(n: number): number | undefined {
    return this.#ordinals[n - this.#first]
  }

  /** Its receive of that number stands in the log, and the send does not. */
  noteUnsent(n: number, peer: ChannelEnd | undefined): void {
    if (!peer) this.orphanedBefore = Math.max(this.orphanedBefore, n + 1)
    else if (peer.sent <= n) peer.releasedBefore = Math.max(peer.releasedBefore, n + 1)
  }

  toRow(): PairsRow {
    return { sent: this.sent, sends: this.#ordinals.slice(-STORED_SENDS) }
  }

  restore(row: PairsRow): void {
    this.sent = row.sent
    this.#ordinals = [...row.sends]
    this.#first = row.sent - row.sends.length
  }
}

/** Finds the end that sent what another received. */
export class Pairs {
  readonly #ends = new Map<string, ChannelEnd[]>()

  open(end: ChannelEnd): void {
    const ends = this.#ends.get(end.name)
    if (ends) ends.push(end)
    else this.#ends.set(end.name, [end])
  }

  close(end: ChannelEnd): void {
    const ends = this.#ends.get(end.name)
    if (ends)
      this.#ends.set(
        end.name,
        ends.filter((other) => other !== end),
      )
  }

  /** The end whose sends `end` receives: its own where the channel has but one, else the other end.
   *  @param pathOf the path of a thread by its number */
  findPeer(end: ChannelEnd, pathOf: (thread: number) => string): ChannelEnd | undefined {
    if (end.record.loop) return end
    return this.#ends
      .get(end.name)
      ?.findLast(
        (other) =>
          other !== end &&
          !other.record.loop &&
          other.record.end !== end.record.end &&
          (end.record.peer === undefined || end.record.peer === pathOf(other.thread)) &&
          (other.record.peer === undefined || other.record.peer === pathOf(end.thread)),
      )
  }
}

/** Reads a message's `op` and `n` off its bytes. Record structures are learnt from the first message of each. */
export class MessagePeek {
  readonly #known = new Map<number, boolean>()
  op: MessageBody['op'] = 'handled'
  n = 0

  /** @returns false when the body is no message */
  read(bytes: Uint8Array, start: number, end: number, decoder: ValueDecoder): boolean {
    const at = toValues(bytes, start)
    if (at > 0 && this.#known.get(bytes[start + 1]! | (bytes[start + 2]! << 8)) && this.#readValues(bytes, at))
      return true
    return this.#decode(bytes, start, end, decoder, at)
  }

  #decode(bytes: Uint8Array, start: number, end: number, decoder: ValueDecoder, at: number): boolean {
    let body: Partial<MessageBody>
    try {
      body = decoder.decode(bytes, start, end) as Partial<MessageBody>
    } catch {
      return false
    }
    if (typeof body !== 'object' || body === null || typeof body.n !== 'number' || body.op === undefined) return false
    if (at > 0) {
      const [first, second] = Object.keys(body)
      this.#known.set(bytes[start + 1]! | (bytes[start + 2]! << 8), first === 'op' && second === 'n')
    }
    this.op = body.op
    this.n = body.n
    return true
  }

  #readValues(bytes: Uint8Array, start: number): boolean {
    const length = bytes[start]! - 0xa0
    if (length === 4) this.op = 'send'
    else if (length === 7) this.op = bytes[start + 1] === 0x72 ? 'receive' : 'handled'
    else return false
    const at = start + 1 + length
    const code = bytes[at]!
    if (code < 0x40) this.n = code
    else if (code === 0xcc) this.n = bytes[at + 1]!
    else if (code === 0xcd) this.n = (bytes[at + 1]! << 8) | bytes[at + 2]!
    else if (code === 0xce) {
      this.n = ((bytes[at + 1]! << 24) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 8) | bytes[at + 4]!) >>> 0
    } else return false
    return true
  }
}

/** Where the values of a shared record begin: behind the value's first byte and a record id of one or two bytes. */
function toValues(bytes: Uint8Array, start: number): number {
  const id = bytes[start + 1]!
  if (id < 0x40 || id > 0x7f) return 0
  return start + (id < 0x60 ? 2 : 3)
}
