import type { ProcessBody } from '../events.js'
import { FRAME_FLAGS, toKindCode } from '../spool/format.js'
import type { ChannelEnd } from './pairs.js'
import type { SpoolStream } from './spool-stream.js'
import type { LogWriter } from './writer.js'

/** DESIGN §3: at most this long for an event that has not come, by the clock while programs run, */
const WAIT_MS = 1_000
/** and by the awaited thread's own events: clocks of two threads differ by less. */
const SKEW_US = 50_000

const MESSAGE = toKindCode('message')
const PROCESS = toKindCode('process')

/** Says which events have to wait for one of another thread, and which came after somebody waited in vain. */
export class Waits {
  readonly #writer: LogWriter
  readonly #streams: ReadonlyMap<string, SpoolStream>
  readonly #now: () => number
  /** Event that each waiting stream stands at, since when, and those that need not wait any more. */
  readonly #since = new Map<SpoolStream, { readonly ordinal: number; readonly at: number }>()
  readonly #released = new Map<SpoolStream, number>()
  /** Paths that a parent announced, and those whose end a parent saw. */
  readonly #announced = new Set<string>()
  readonly #unannounced = new Set<string>()
  readonly #exited = new Set<string>()

  constructor(writer: LogWriter, streams: ReadonlyMap<string, SpoolStream>, now: () => number) {
    this.#writer = writer
    this.#streams = streams
    this.#now = now
  }

  mustWait(stream: SpoolStream): boolean {
    const kind = stream.frame!.kindCode
    if (kind !== MESSAGE && kind !== PROCESS) return false
    if (this.#released.get(stream) === stream.ordinal) return false
    const waits = kind === MESSAGE ? this.#awaitsSend(stream) : this.#awaitsThread(stream)
    if (waits && this.#hasTime(stream)) return true
    if (waits) this.release(stream)
    this.#since.delete(stream)
    return false
  }

  /** Lets the event at hand go on without what it waits for. */
  release(stream: SpoolStream): void {
    this.#released.set(stream, stream.ordinal)
    this.#since.delete(stream)
    const isFirst = stream.frame!.kindCode === PROCESS && stream.ordinal === 0
    if (isFirst) this.#unannounced.add(toAnnouncedPath(stream.path))
  }

  /** Whether somebody waited for the event at hand and went on without it. */
  isLate(stream: SpoolStream): boolean {
    const { frame, thread } = stream
    if (frame!.kindCode === MESSAGE) {
      const end = thread.ends.get(frame!.subject)
      if (!end || end.releasedBefore === 0 || !this.#peek(stream)) return false
      return thread.peek.op === 'send' && thread.peek.n < end.releasedBefore
    }
    if (frame!.kindCode !== PROCESS) return false
    const body = this.#decode(stream)
    if (body?.op === 'child') return this.#unannounced.has(body.path)
    return (body?.op === 'exit' || body?.op === 'crash') && frame!.subject === 0 && this.#exited.has(stream.path)
  }

  /** The event at hand got its seq. */
  taken(stream: SpoolStream): void {
    if (stream.frame!.kindCode !== PROCESS) return
    const body = this.#decode(stream)
    if (body?.op === 'child') this.#announced.add(body.path)
    else if (body?.op === 'childExit') this.#exited.add(body.path)
  }

  /** Whether a parent saw that thread's end: nobody writes its spool any more. */
  hasExited(path: string): boolean {
    return this.#exited.has(path)
  }

  #hasTime(stream: SpoolStream): boolean {
    const now = this.#now()
    const since = this.#since.get(stream)
    if (since?.ordinal !== stream.ordinal) this.#since.set(stream, { ordinal: stream.ordinal, at: now })
    else if (now - since.at >= WAIT_MS) return false
    return true
  }

  #awaitsSend(stream: SpoolStream): boolean {
    if (stream.frame!.flags & FRAME_FLAGS.unpaired) return false
    const end = stream.thread.ends.get(stream.frame!.subject)
    if (!end || end.record.loop || !this.#peek(stream) || stream.thread.peek.op !== 'receive') return false
    const peer = this.#writer.findPeer(end)
    if (!peer) return this.#awaitsPeer(stream, end)
    if (peer.sent > stream.thread.peek.n) return false
    return this.#mayStillCome(stream, this.#writer.threads[peer.thread]?.row.path)
  }

  /** Whether the sender's end may yet be opened: what says so may stand behind what came in through it. An end that
   *  waited in vain has a peer that isn't recorded, and waits no more. */
  #awaitsPeer(stream: SpoolStream, { record, orphanedBefore }: ChannelEnd): boolean {
    const { peer, outside } = record
    if (outside || orphanedBefore > 0) return false
    if (peer === undefined) return [...this.#streams.keys()].some((path) => this.#mayStillCome(stream, path))
    if (this.#streams.has(peer)) return this.#mayStillCome(stream, peer)
    return !stream.final && this.#writer.findThread(peer) === undefined
  }

  #awaitsThread(stream: SpoolStream): boolean {
    if (stream.ordinal === 0) {
      const parent = toParentPath(stream.path)
      if (parent === undefined || this.#announced.has(toAnnouncedPath(stream.path))) return false
      return this.#announces(parent) && this.#mayStillCome(stream, parent)
    }
    const body = this.#decode(stream)
    if (body?.op !== 'childExit') return false
    const child = this.#streams.get(body.path)
    // Its parent saw its end, so everything it wrote is there to be read.
    return child !== undefined && child !== stream && child.thread.row.ended === null && child.fill()
  }

  /** Whether that thread's recorder notes the children that it starts: `setup()` alone does not. */
  #announces(path: string): boolean {
    const record = this.#streams.get(path)?.thread.processes.get(0)?.record
    return record === undefined || record === null || record.preload === true
  }

  /** Whether that thread may still bring an event from before the one at hand. */
  #mayStillCome(stream: SpoolStream, path: string | undefined): boolean {
    const other = path === undefined ? undefined : this.#streams.get(path)
    if (!other || other === stream) return false
    if (other.fill()) return other.timeUs <= stream.timeUs + SKEW_US
    return !other.final && other.thread.lastTimeUs <= stream.timeUs + SKEW_US
  }

  #peek({ frame, thread, origin }: SpoolStream): boolean {
    return thread.peek.read(origin.buffer, frame!.payloadStart, frame!.end, thread.decoder)
  }

  #decode({ frame, thread }: SpoolStream): ProcessBody | null {
    try {
      return thread.decoder.decode(frame!.payload) as ProcessBody | null
    } catch {
      return null
    }
  }
}

function toParentPath(path: string): string | undefined {
  const at = path.lastIndexOf('.')
  return at < 0 ? undefined : path.slice(0, at)
}

/** The name that a parent gave: without the number of a second process that claimed it. */
function toAnnouncedPath(path: string): string {
  return path.replace(/-\d+$/, '')
}
