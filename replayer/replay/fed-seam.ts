import type { DeliveryBody, EventBodies, Patch } from '../../src/events.js'
import type { Ordinal, SubjectNo } from '../../src/ids.js'
import type { Change, ProcessSpec, Seam } from '../../src/scope/seam.js'
import { type Agreement, type Claim, Comparison } from './comparison.js'
import { ContainerTracks } from './container-tracks.js'
import type { Divergence } from './divergence.js'
import type { Effect, RecordedTurn } from './recorded-turn.js'
import { RecordedValues, toLine } from './recorded-values.js'

/** The seam of a replay: answers with what was recorded, and compares what the session does with what it did. After the
 *  first divergence it answers whatever the real call gives and compares nothing. */
export class FedSeam implements Seam {
  readonly version = 1
  readonly live = false
  readonly tracks: ContainerTracks
  readonly #comparison: Comparison
  readonly #session: SubjectNo
  readonly #values = new RecordedValues()
  readonly #names = new Map<SubjectNo, string>()
  #opened = 0

  constructor(session: SubjectNo, onDiverge: (divergence: Divergence) => void) {
    this.#session = session
    this.#comparison = new Comparison(onDiverge)
    this.tracks = new ContainerTracks(this.#values)
  }

  get agreed(): Agreement {
    return this.#comparison.agreed
  }

  get diverged(): boolean {
    return this.#comparison.diverged
  }

  /** The next turn's entries are to be met. */
  begin(turn: RecordedTurn): void {
    this.#comparison.begin(turn)
  }

  /** The turn has run: whatever was recorded in it has to be met by now. */
  finish(): void {
    this.#comparison.finish((effect) => this.#describe(effect))
  }

  /** Nothing could take what was delivered. */
  refuse(recorded: string, replayed: string): void {
    this.#comparison.diverge({ recorded, replayed })
  }

  /** After the last turn, a container's state isn't the recorded one. */
  refuseFinal(container: number, recorded: unknown, replayed: unknown): void {
    const name = this.#nameOf(container)
    this.#comparison.diverge({
      recorded: `${name} ended as ${toLine(recorded)}`,
      replayed: `${name} ended as ${toLine(replayed)}`,
    })
  }

  /** An error reached nobody. */
  escaped(reason: string, error: { readonly name: string; readonly message: string; readonly stack?: string }): void {
    this.#effect({
      kind: 'error',
      text: `an error escaped (${reason}): ${error.name}: ${error.message}`,
      ...(error.stack !== undefined && { stack: error.stack }),
      agrees: (effect) => effect.error.name === error.name && effect.error.message === error.message,
    })
  }

  open(spec: ProcessSpec): SubjectNo {
    if (spec.type === 'session') return this.#session
    const claim = { kind: 'open', text: `opened ${spec.type} ${spec.name}` } as const
    const met = this.#effect({ ...claim, agrees: (effect) => effect.name === spec.name && effect.type === spec.type })
    this.#opened -= 1
    const subject = (met?.subject ?? this.#opened) as SubjectNo
    this.#names.set(subject, spec.name)
    return subject
  }

  close(): void {}

  send(channel: SubjectNo, payload: unknown): void {
    this.#effect({
      kind: 'send',
      text: `sent to ${this.#nameOf(channel)}: ${toLine(payload)}`,
      agrees: (effect) => effect.subject === channel && this.#values.same(effect.payload, payload),
    })
  }

  receive<T>(_channel: SubjectNo, _payload: unknown, handle: () => T): T {
    return handle()
  }

  unpair(): void {}

  init(container: SubjectNo, state: unknown): void {
    this.#effect({
      kind: 'init',
      text: `${this.#nameOf(container)} began as ${toLine(state)}`,
      agrees: (effect) => effect.subject === container && this.tracks.begin(container, effect.state, state),
    })
  }

  change(container: SubjectNo, change: Change): void {
    if (this.diverged) return
    const expected = this.#comparison.peek()
    if (expected?.kind === 'keyframe') {
      this.#effect({
        kind: 'keyframe',
        text: `${this.#nameOf(container)} became ${toLine(change.after)}`,
        agrees: (effect) => effect.subject === container && this.tracks.begin(container, effect.state, change.after),
      })
      return
    }
    const replayed = this.tracks.toPatch(container, change)
    this.#effect({
      kind: 'delta',
      text: `${this.#nameOf(container)} changed: ${toPatchLine(replayed)}`,
      agrees: (effect) =>
        effect.subject === container && this.tracks.follow(container, effect.patch, replayed, change.after),
    })
  }

  mark(): void {}

  process(_subject: SubjectNo, body: EventBodies['process']): void {
    if (body.op === 'crash' && body.error) this.escaped(body.reason, body.error)
    else if (body.op === 'observed') {
      this.#comparison.diverge({
        recorded: this.#expected(),
        replayed: `left its closed world: ${body.call}`,
        stack: body.stack,
      })
    }
  }

  deliver<T>(_session: SubjectNo, _body: DeliveryBody, run: () => T): T {
    return run()
  }

  settle(): void {}

  value<T>(_session: SubjectNo, call: string, real: () => T): T {
    const met = this.#comparison.meetValue(call, undefined)
    return met === undefined ? real() : (met[1] as T)
  }

  effect(_session: SubjectNo, call: string, detail: unknown): void {
    this.#comparison.meetValue(call, { detail, same: (recorded) => this.#values.same(recorded, detail) })
  }

  current(): Ordinal | null {
    return null
  }

  detached<T>(body: () => T): T {
    return body()
  }

  #effect<K extends Effect['kind']>(claim: Claim<K>): Extract<Effect, { kind: K }> | undefined {
    return this.#comparison.meetEffect(claim, (effect) => this.#describe(effect))
  }

  #expected(): string {
    const next = this.#comparison.peek()
    return next === undefined ? 'nothing of that kind' : this.#describe(next)
  }

  #nameOf(subject: number): string {
    return this.#names.get(subject as SubjectNo) ?? `process ${subject}`
  }

  #describe(effect: Effect): string {
    switch (effect.kind) {
      case 'open':
        return `opened ${effect.type} ${effect.name}`
      case 'send':
        return `sent to ${this.#nameOf(effect.subject)}: ${toLine(effect.payload)}`
      case 'init':
        return `${this.#nameOf(effect.subject)} began as ${toLine(effect.state)}`
      case 'keyframe':
        return `${this.#nameOf(effect.subject)} became ${toLine(effect.state)}`
      case 'delta':
        return `${this.#nameOf(effect.subject)} changed: ${toPatchLine(effect.patch)}`
      case 'error':
        return `an error escaped (${effect.reason}): ${effect.error.name}: ${effect.error.message}`
    }
  }
}

function toPatchLine(patch: Patch): string {
  if (patch.length === 0) return 'nothing'
  const lines = patch.slice(0, 3).map((one) => {
    const value = 'value' in one ? ` ${toLine(one.value)}` : 'from' in one ? ` from ${one.from}` : ''
    return `${one.op} ${one.path || '(all)'}${value}`
  })
  return lines.join(', ') + (patch.length > 3 ? `, and ${patch.length - 3} more` : '')
}
