import { capturePlace, captureStack } from '../../src/boundary/realm/frames.js'
import type { Divergence } from './divergence.js'
import type { Effect, RecordedTurn } from './recorded-turn.js'
import { toLine } from './recorded-values.js'

/** Something that the replay did, and whether a recorded effect of the same kind is that. */
export interface Claim<K extends Effect['kind']> {
  readonly kind: K
  readonly text: string
  readonly stack?: string
  readonly agrees: (effect: Extract<Effect, { kind: K }>) => boolean
}

export interface Agreement {
  readonly turns: number
  readonly entries: number
  readonly text: string | null
}

/** Walks through the entries of one turn after another, in the order in which the session did them: calls among calls,
 *  effects among effects. The first thing that differs is reported, once. */
export class Comparison {
  readonly #onDiverge: (divergence: Divergence) => void
  #turn: RecordedTurn | undefined
  #value = 0
  #effect = 0
  #turns = 0
  #entries = 0
  #last: string | null = null
  /** Where the program stood when it last agreed: its text is only made when somebody asks for it. */
  #lastPlace: Error | undefined
  diverged = false

  constructor(onDiverge: (divergence: Divergence) => void) {
    this.#onDiverge = onDiverge
  }

  get agreed(): Agreement {
    return { turns: this.#turns, entries: this.#entries, text: this.#last }
  }

  begin(turn: RecordedTurn): void {
    this.#turn = turn
    this.#value = 0
    this.#effect = 0
    this.#lastPlace = undefined
  }

  finish(describe: (effect: Effect) => string): void {
    const turn = this.#turn
    if (turn === undefined || this.diverged) return
    const value = turn.values[this.#value]
    const effect = turn.effects[this.#effect]
    if (effect !== undefined)
      this.diverge({ recorded: describe(effect), replayed: 'nothing more in this turn', seq: effect.seq })
    else if (value !== undefined) this.diverge({ recorded: toCall(value), replayed: 'nothing more in this turn' })
    if (this.diverged) return
    this.#turns += 1
    this.#entries += 1
    this.#turn = undefined
  }

  /** The effect that is to come next. */
  peek(): Effect | undefined {
    return this.#turn?.effects[this.#effect]
  }

  meetEffect<K extends Effect['kind']>(
    claim: Claim<K>,
    describe: (effect: Effect) => string,
  ): Extract<Effect, { kind: K }> | undefined {
    if (this.diverged) return undefined
    const next = this.peek()
    if (next === undefined && this.#turn?.cut) return undefined
    if (next?.kind === claim.kind && claim.agrees(next as Extract<Effect, { kind: K }>)) {
      this.#effect += 1
      this.#agree(claim.text)
      return next as Extract<Effect, { kind: K }>
    }
    this.diverge({
      recorded: next === undefined ? 'nothing more in this turn' : describe(next),
      replayed: claim.text,
      ...(next !== undefined && { seq: next.seq }),
      ...(claim.stack !== undefined && { stack: claim.stack, thrown: true }),
    })
    return undefined
  }

  /** A call: the recorded entry of the same name, and with the same detail where it has one to compare. */
  meetValue(
    call: string,
    compare: { readonly detail: unknown; readonly same: (recorded: unknown) => boolean } | undefined,
  ): readonly [string, unknown] | undefined {
    if (this.diverged) return undefined
    const next = this.#turn?.values[this.#value]
    if (next === undefined && this.#turn?.cut) return undefined
    if (next !== undefined && next[0] === call && (compare === undefined || compare.same(next[1]))) {
      this.#value += 1
      this.#agree(call)
      return next
    }
    this.diverge({
      recorded: next === undefined ? 'no further call in this turn' : toCall(next),
      replayed: compare === undefined ? call : toCall([call, compare.detail]),
    })
    return undefined
  }

  diverge(found: {
    readonly recorded: string
    readonly replayed: string
    readonly seq?: number
    readonly stack?: string | undefined
    readonly thrown?: boolean
  }): void {
    if (this.diverged) return
    this.diverged = true
    const missing = found.replayed.startsWith('nothing more')
    const stack = found.stack ?? (missing ? this.#lastPlace?.stack : captureStack()) ?? null
    this.#onDiverge({
      turn: this.#turn?.turn ?? 0,
      seq: found.seq ?? this.#turn?.seq ?? 0,
      recorded: found.recorded,
      replayed: found.replayed,
      frame: stack,
      frameIs: missing ? 'after' : 'here',
      lastAgreement: this.#last,
      reason: null,
      stack: found.thrown ? stack : null,
    })
  }

  #agree(text: string): void {
    this.#entries += 1
    this.#last = `@${this.#turn?.turn} ${text}`
    this.#lastPlace = capturePlace()
  }
}

function toCall([call, result]: readonly [string, unknown]): string {
  return result === undefined ? call : `${call} ${toLine(result)}`
}
