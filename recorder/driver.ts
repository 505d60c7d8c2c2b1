import type { ErrorRecord, EventBodies, MessageBody, Patch, StateBody } from '../src/events.js'
import type { Ordinal, SubjectNo, ThreadPath } from '../src/ids.js'
import { diff } from '../src/json/diff.js'
import { Causes } from '../src/scope/causes.js'
import type { Change, ProcessSpec, Seam } from '../src/scope/seam.js'
import { FRAME_FLAGS, toKindCode } from '../src/spool/format.js'
import type { ValueEncoder } from '../src/values/codec.js'
import { createEncoder } from '../src/values/encoder.js'

import { toErrorRecord } from './error-record.js'
import { followPromise, stopFollowing } from './follow.js'
import type { FrameSink, GapEncoder } from './frame-sink.js'
import { getTimeUs } from './originals.js'
import type { Redaction } from './redaction.js'
import { report, toMessage } from './report.js'
import { StateCheck } from './state-check.js'
import { Turns } from './turns.js'

const PROCESS = toKindCode('process')
const MESSAGE = toKindCode('message')
const STATE = toKindCode('state')
const DELIVERY = toKindCode('delivery')
const VALUES = toKindCode('values')
const MARK = toKindCode('mark')
const GAP = toKindCode('gap')

const THREAD = 0 as SubjectNo
const NONE = -1

/** Values of one turn of a session that go into one event. */
const VALUES_PER_EVENT = 256

/** Containers whose last change a crash names, latest first. */
const CRASH_STATES = 100

const THROWN: ErrorRecord = { name: 'Error', message: 'the handler threw' }
const REJECTED: ErrorRecord = { name: 'Error', message: 'the promise that the handler returned was rejected' }

export interface DriverOptions {
  readonly redaction: Redaction
  readonly openSink: (encodeGap: GapEncoder) => FrameSink
  /** The body of the thread's first event. */
  readonly thread: Extract<EventBodies['process'], { op: 'spawn' }>
  /** Applies each delta to a replica and compares that with the state. */
  readonly debug: boolean
  /** Path of the thread behind a Worker or child of this one, where it is known. */
  readonly findPeer: (of: object) => ThreadPath | undefined
  /** Turns are opened and ended by a tape: the driver makes no timer, immediate or asynchronous context of its own. */
  readonly taped?: boolean
}

/** What a tape holds back until its turn is over. */
export interface HeldBack {
  emit(): void
}

/** What changes with the events of one process. */
interface Tally {
  sent: number
  received: number
  /** Flags of its messages. */
  flags: number
  lastState: number
  values: [call: string, result: unknown][]
}

/** The seam that logs: one per thread. Nothing that it is given makes it throw; what can't be logged becomes a gap. */
export class Driver implements Seam {
  readonly version = 1
  readonly live = true
  readonly #redaction: Redaction
  readonly #encoder: ValueEncoder
  readonly #sink: FrameSink
  readonly #check: StateCheck | undefined
  readonly #findPeer: DriverOptions['findPeer']
  readonly #causes: Causes
  readonly #taped: boolean
  #tape: HeldBack | undefined
  readonly #turns = new Turns(() => this.#endLoopTurn())
  readonly #tallies: Tally[] = []
  readonly #incarnations = new Map<string, number>()
  readonly #withValues = new Set<SubjectNo>()
  #ordinal = 0
  #turnOpen = false
  #loopTurnOpen = false
  #lastMessage = NONE
  /** The receive whose handler threw last, and its `handled`: an error that nobody caught comes right behind. */
  #thrownIn = NONE
  #thrownEnd = NONE
  /** Encoding may run code of the program's; what that records has to wait for a gap. */
  #encoding = false
  #missed = 0
  #stopped = false

  constructor({ redaction, openSink, thread, debug, findPeer, taped = false }: DriverOptions) {
    this.#redaction = redaction
    this.#taped = taped
    this.#causes = new Causes(taped)
    this.#encoder = createEncoder({ redact: redaction })
    this.#findPeer = findPeer
    // What a gap looks like is in the first dictionary: it may have to be written where no other can be.
    this.#encodeGap(0, '')
    this.#check = debug ? new StateCheck() : undefined
    this.#sink = openSink((count, detail) => this.#encodeGap(count, detail))
    this.#tallies.push(newTally())
    this.#log(PROCESS, 0, THREAD, thread, NONE, NONE)
  }

  open(spec: ProcessSpec): SubjectNo {
    const key = `${spec.type}:${spec.channel?.end ?? ''}:${spec.name}`
    const incarnation = this.#incarnations.get(key) ?? 0
    this.#incarnations.set(key, incarnation + 1)
    const subject = this.#tallies.push(newTally()) - 1
    this.#here(PROCESS, 0, subject, { op: 'spawn', incarnation, ...spec })
    return subject as SubjectNo
  }

  close(subject: SubjectNo, exit: { readonly code?: number; readonly reason?: string } = {}): void {
    if (this.#tally(subject).lastState !== NONE) this.#here(STATE, 0, subject, { op: 'final' })
    const { code = null, reason } = exit
    this.#here(PROCESS, 0, subject, reason === undefined ? { op: 'exit', code } : { op: 'exit', code, reason })
  }

  send(channel: SubjectNo, payload: unknown, event?: string): void {
    const tally = this.#tally(channel)
    const n = tally.sent++
    const ordinal = this.#here(
      MESSAGE,
      tally.flags,
      channel,
      toMessageBody('send', n, this.#redaction.payload(payload), event),
    )
    if (ordinal !== NONE) this.#lastMessage = ordinal
  }

  receive<T>(channel: SubjectNo, payload: unknown, handle: () => T, event?: string): T {
    if (this.#stopped) return handle()
    const tally = this.#tally(channel)
    const n = tally.received++
    const body = toMessageBody('receive', n, this.#redaction.payload(payload), event)
    const startedUs = getTimeUs()
    const ordinal = this.#log(MESSAGE, tally.flags, channel, body, NONE, this.#causes.origin, startedUs)
    if (ordinal !== NONE) this.#lastMessage = ordinal
    let result: T
    let returned = false
    try {
      result = this.#causes.run(ordinal, handle)
      returned = true
    } finally {
      // Caught and thrown again, an error would seem to come from here where Node prints it.
      if (!returned) this.#threw(channel, n, ordinal, startedUs)
    }
    if (!this.#follow(result, channel, n, ordinal, startedUs)) this.#handled(channel, n, ordinal, startedUs)
    return result
  }

  unpair(channel: SubjectNo): void {
    this.#tally(channel).flags |= FRAME_FLAGS.unpaired
  }

  init(container: SubjectNo, state: unknown): void {
    if (this.#stopped) return
    const ordinal = this.#here(STATE, 0, container, { op: 'init', state: this.#redaction.payload(state) })
    if (ordinal !== NONE) this.#tally(container).lastState = ordinal
    this.#check?.set(container, state)
  }

  change(container: SubjectNo, change: Change): void {
    if (this.#stopped) return
    const tally = this.#tally(container)
    const flags = change.coalesced ? FRAME_FLAGS.coalesced : 0
    const ordinal = this.#here(STATE, flags, container, this.#toStateBody(container, change))
    if (ordinal !== NONE) tally.lastState = ordinal
  }

  mark(text: string, data?: unknown): void {
    this.#here(MARK, 0, THREAD, data === undefined ? { text } : { text, data: this.#redaction.payload(data) })
  }

  process(subject: SubjectNo, body: EventBodies['process']): void {
    this.#here(PROCESS, 0, subject, body)
  }

  deliver<T>(session: SubjectNo, body: EventBodies['delivery'], run: () => T, cause?: Ordinal | null): T {
    if (this.#stopped) return run()
    this.#packAll()
    this.#turnOpen = false
    const ordinal = this.#log(DELIVERY, 0, session, body, cause ?? this.#causes.cause, this.#causes.origin)
    this.#causes.openTurn(ordinal)
    return this.#causes.run(ordinal, run)
  }

  settle(session: SubjectNo): void {
    this.#pack(session)
    this.#causes.closeTurn()
    this.#turnOpen = false
  }

  value<T>(session: SubjectNo, call: string, real: () => T): T {
    const result = real()
    this.#note(session, call, result)
    return result
  }

  effect(session: SubjectNo, call: string, detail: unknown): void {
    this.#note(session, call, detail)
  }

  current(): Ordinal | null {
    const { cause } = this.#causes
    const ordinal = cause === NONE ? this.#causes.origin : cause
    return ordinal === NONE ? null : (ordinal as Ordinal)
  }

  detached<T>(body: () => T): T {
    return this.#causes.run(NONE, body)
  }

  resume<T>(origin: Ordinal | null, body: () => T): T {
    return this.#causes.resume(origin ?? NONE, body)
  }

  peer(of: object): ThreadPath | undefined {
    try {
      return this.#findPeer(of)
    } catch {
      return undefined
    }
  }

  /** The tape whose turns these events belong to. */
  attach(tape: HeldBack): void {
    this.#tape = tape
  }

  /** Whether an event is being encoded: what a getter of the program's consumes meanwhile has to wait. */
  get busy(): boolean {
    return this.#encoding
  }

  /** One frame of the tape. @returns its ordinal, −1 when it was not logged */
  input(kind: 'delivery' | 'values', entries: Uint8Array, cause: number): number {
    if (this.#stopped) return NONE
    const opens = kind === 'delivery' ? FRAME_FLAGS.turn : 0
    this.#turnOpen = true
    const target = this.#sink.begin(
      opens ? DELIVERY : VALUES,
      FRAME_FLAGS.tape | opens,
      THREAD,
      getTimeUs(),
      cause,
      NONE,
    )
    if (target.end + entries.length > target.bytes.length) target.makeRoom(target.end, entries.length)
    target.bytes.set(entries, target.end)
    target.end += entries.length
    this.#sink.end(undefined)
    const ordinal = this.#ordinal++
    if (opens) this.#causes.openTurn(ordinal)
    return ordinal
  }

  /** A source that the tape's next frame is the first to need. */
  source(frame: Uint8Array): void {
    if (!this.#stopped) this.#sink.source(frame, getTimeUs())
  }

  /** A native callback scope is over. */
  endTurn(): void {
    this.#packAll()
    this.#sink.flush()
  }

  /** What happened last goes with the reason, so that a reader needs nothing else to begin with. */
  crash(reason: string, error: unknown): void {
    this.#tape?.emit()
    const lastStates = this.#tallies
      .flatMap(({ lastState }, subject) => (lastState === NONE ? [] : [{ subject, ordinal: lastState }]))
      .sort((a, b) => b.ordinal - a.ordinal)
      .slice(0, CRASH_STATES)
    const body = {
      op: 'crash',
      reason,
      error: toErrorRecord(error),
      ...(this.#lastMessage !== NONE && { lastMessage: this.#lastMessage }),
      lastStates,
    }
    const cause = this.#thrownEnd === this.#ordinal - 1 ? this.#thrownIn : this.#causes.cause
    this.#writeThrough()
    this.#log(PROCESS, 0, THREAD, body, cause, this.#causes.origin)
  }

  /** The thread is about to end; what it still records is written event by event. */
  exit(code: number | null): void {
    this.#writeThrough()
    this.#here(PROCESS, 0, THREAD, { op: 'exit', code })
  }

  /** So that how it ends is a block of its own: on a full disk that fits where all that waits does not. */
  #writeThrough(): void {
    this.#packAll()
    this.#tape?.emit()
    this.#sink.writeThrough()
  }

  flush(): void {
    this.#packAll()
    this.#tape?.emit()
    this.#sink.flush()
  }

  /** Ends the log; from here on every call passes through. Idempotent. */
  stop(): void {
    if (this.#stopped) return
    this.#writeThrough()
    this.#log(PROCESS, 0, THREAD, { op: 'exit', code: null, reason: 'stopped' }, NONE, NONE)
    this.#stopped = true
    this.#turns.stop()
    this.#causes.stop()
    stopFollowing()
    this.#sink.close()
  }

  /** Logs one event with the causes of the moment. @returns its ordinal, −1 when it was not logged */
  #here(kind: number, flags: number, subject: number, body: unknown): number {
    return this.#log(kind, flags, subject, body, this.#causes.cause, this.#causes.origin)
  }

  #log(
    kind: number,
    flags: number,
    subject: number,
    body: unknown,
    cause: number,
    origin: number,
    timeUs = getTimeUs(),
  ): number {
    if (this.#stopped) return NONE
    if (this.#encoding) {
      this.#missed++
      return NONE
    }
    this.#encoding = true
    let ordinal = NONE
    try {
      ordinal = this.#write(kind, flags, subject, body, cause, origin, timeUs)
    } catch (error) {
      this.#missed++
      report('log', `an event could not be recorded (${toMessage(error)}); a gap stands for it`)
    }
    this.#encoding = false
    if (this.#missed > 0) this.#logMissed()
    return ordinal
  }

  #write(
    kind: number,
    flags: number,
    subject: number,
    body: unknown,
    cause: number,
    origin: number,
    timeUs: number,
  ): number {
    const opens = !this.#turnOpen
    const bits = opens ? flags | FRAME_FLAGS.turn : flags
    const target = this.#sink.begin(kind, bits, subject, timeUs, cause, origin)
    this.#encoder.encodeInto(body, target)
    this.#sink.end(this.#encoder.takeDictionary())
    if (opens) this.#openTurn()
    return this.#ordinal++
  }

  #openTurn(): void {
    this.#turnOpen = true
    if (this.#loopTurnOpen || this.#taped) return
    this.#loopTurnOpen = true
    this.#turns.begin()
  }

  /** What a getter or proxy of the program's recorded while it was being encoded, and what failed. */
  #logMissed(): void {
    const count = this.#missed
    this.#missed = 0
    const detail = 'recorded by code that runs when a value is read, or failed'
    try {
      this.#write(GAP, 0, THREAD, { reason: 'encode-failed', count, detail }, NONE, NONE, getTimeUs())
    } catch (error) {
      report('gap', `${count} events are missing in the recording (${toMessage(error)})`)
    }
  }

  #encodeGap(count: number, detail: string): Uint8Array {
    return this.#encoder.encode({ reason: 'disk-full', count, detail })
  }

  #handled(channel: SubjectNo, n: number, receive: number, startedUs: number, error?: ErrorRecord): number {
    if (receive === NONE) return NONE
    const nowUs = getTimeUs()
    const handleUs = nowUs - startedUs
    const body: MessageBody = error ? { op: 'handled', n, handleUs, error } : { op: 'handled', n, handleUs }
    return this.#log(MESSAGE, this.#tally(channel).flags, channel, body, receive, NONE, nowUs)
  }

  #threw(channel: SubjectNo, n: number, receive: number, startedUs: number): void {
    const handled = this.#handled(channel, n, receive, startedUs, THROWN)
    // An inner handler's error goes through the outer ones: the innermost is where it happened.
    if (this.#thrownIn === NONE || this.#thrownEnd !== handled - 1) this.#thrownIn = receive
    this.#thrownEnd = handled
  }

  #follow(result: unknown, channel: SubjectNo, n: number, receive: number, startedUs: number): boolean {
    if (typeof result !== 'object') return false
    try {
      return followPromise(result, (rejected) => {
        this.#handled(channel, n, receive, startedUs, rejected ? REJECTED : undefined)
      })
    } catch {
      return false
    }
  }

  #toStateBody(container: SubjectNo, change: Change): StateBody {
    const patch = this.#toPatch(container, change)
    if (patch) {
      if (change.trigger === undefined) return { op: 'delta', patch }
      return { op: 'delta', patch, trigger: this.#redaction.payload(change.trigger) }
    }
    const state = this.#redaction.payload(change.after)
    if (change.trigger === undefined) return { op: 'keyframe', state }
    return { op: 'keyframe', state, trigger: this.#redaction.payload(change.trigger) }
  }

  /** As it may be recorded; undefined where the difference can't be told, or would not lead to the state. */
  #toPatch(container: SubjectNo, change: Change): Patch | undefined {
    try {
      const patch = 'patch' in change ? change.patch : diff(change.before, change.after)
      if (this.#check && !this.#check.apply(container, patch, change.after)) {
        report('delta', `a patch of process ${container} does not lead to its state; the whole state is recorded`)
        return undefined
      }
      return this.#redaction.patch(patch, change.after)
    } catch (error) {
      report('patch', `a change could not be told as a patch (${toMessage(error)}); the whole state is recorded`)
      return undefined
    }
  }

  #note(session: SubjectNo, call: string, result: unknown): void {
    if (this.#stopped) return
    const { values } = this.#tally(session)
    values.push([call, result])
    if (values.length === 1) this.#withValues.add(session)
    // What can be changed later is encoded as it is.
    const mutable = (typeof result === 'object' && result !== null) || typeof result === 'function'
    if (mutable || values.length >= VALUES_PER_EVENT) this.#pack(session)
  }

  #pack(session: SubjectNo): void {
    const tally = this.#tally(session)
    if (tally.values.length === 0) return
    const { values } = tally
    tally.values = []
    this.#withValues.delete(session)
    this.#here(VALUES, 0, session, { values })
  }

  #packAll(): void {
    if (this.#withValues.size === 0) return
    for (const session of this.#withValues) this.#pack(session)
  }

  #endLoopTurn(): void {
    this.flush()
    this.#turnOpen = false
    this.#loopTurnOpen = false
  }

  #tally(subject: SubjectNo): Tally {
    return this.#tallies[subject] ?? this.#tallies[0]!
  }
}

function newTally(): Tally {
  return { sent: 0, received: 0, flags: 0, lastState: NONE, values: [] }
}

function toMessageBody(op: 'send' | 'receive', n: number, payload: unknown, event: string | undefined): MessageBody {
  return event === undefined ? { op, n, payload } : { op, n, payload, event }
}
