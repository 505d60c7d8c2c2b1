import { getSession } from '../../src/boundary/realm/context.js'
import { originals } from '../../src/boundary/realm/originals.js'
import { enterRealm } from '../../src/boundary/realm/realm.js'
import type { SubjectNo } from '../../src/ids.js'
import type { SessionModule } from '../../src/scope/scope.js'
import { describeRealm } from '../../src/scope/session.js'
import { loadSessionModule } from '../../src/scope/session-module.js'
import { Session, type SessionDriver } from '../../src/scope/session-world.js'
import type { Divergence, Verdict } from './divergence.js'
import { FedSeam } from './fed-seam.js'
import { explainDivergence } from './likely-reason.js'
import type { RecordedTurn } from './recorded-turn.js'

/** What a replay needs to know beside the turns. Plain data. */
export interface RunSpec {
  readonly name: string
  readonly subject: number
  readonly channels: readonly string[]
  /** As recorded, and as loaded here. */
  readonly recordedModule: string
  readonly module: string
  readonly ends: 'closed' | 'crash' | 'cut'
}

export interface RunLimit {
  /** Stop at the end of the turn that holds this seq. */
  readonly until?: number
  /** Stop after so many turns. */
  readonly turns?: number
}

/** Turns, one at a time; undefined after the last. */
export type TurnSource = () => Promise<RecordedTurn | undefined>

/** Re-executes one session in this thread: mounts its module with the same wrappers, and feeds it what it got. */
export class SessionRun {
  readonly #spec: RunSpec
  readonly #source: TurnSource
  readonly #seam: FedSeam
  readonly #session: Session
  readonly #module: SessionModule
  readonly #leave: () => void
  readonly #onTurn: (turn: RecordedTurn) => void
  #next: RecordedTurn | undefined
  #last: RecordedTurn | undefined
  #first: RecordedTurn | undefined
  #loaded = false
  #crash: string | null = null
  #divergence: Divergence | undefined

  static async load(spec: RunSpec, source: TurnSource, hooks: RunHooks = {}): Promise<SessionRun> {
    const leave = enterRealm({ live: false })
    try {
      return new SessionRun(spec, source, { module: await loadSessionModule(spec.module), leave, hooks })
    } catch (error) {
      leave()
      throw error
    }
  }

  private constructor(
    spec: RunSpec,
    source: TurnSource,
    parts: { readonly module: SessionModule; readonly leave: () => void; readonly hooks: RunHooks },
  ) {
    this.#spec = spec
    this.#source = source
    this.#module = parts.module
    this.#leave = parts.leave
    this.#onTurn = parts.hooks.onTurn ?? (() => {})
    this.#seam = new FedSeam(spec.subject as SubjectNo, (divergence) => {
      this.#divergence = this.#explain(divergence)
      parts.hooks.onDiverge?.()
    })
    const { name, channels } = spec
    this.#session = new Session(this.#seam, { name, channels, module: spec.recordedModule }, DRIVER)
  }

  /** The containers that the session has opened, as it got them back. */
  get containers(): ReadonlyMap<string, object> {
    return this.#session.containers
  }

  /** Where it stands: the last turn that ran. */
  get position(): { readonly turn: number; readonly seq: number } | null {
    return this.#last ? { turn: this.#last.turn, seq: this.#last.lastSeq } : null
  }

  /** What the replay has found so far; undefined while nothing is decided. */
  get verdict(): Verdict {
    const { turns, entries } = this.#seam.agreed
    if (this.#divergence) return { kind: 'diverged', turns, entries, divergence: this.#divergence }
    if (this.#loaded && this.#next === undefined) {
      return { kind: 'exact', turns, entries, ends: this.#spec.ends, crash: this.#crash }
    }
    return { kind: 'stopped', turns, entries, seq: this.position?.seq ?? -1, turn: this.position?.turn ?? -1 }
  }

  /** Feeds turns until the limit, the end or the first divergence. */
  async advance(limit: RunLimit = {}): Promise<Verdict> {
    const stopListening = this.#listen()
    try {
      for (let ran = 0; ran < (limit.turns ?? Number.POSITIVE_INFINITY) && !this.#divergence; ran += 1) {
        const turn = await this.#peek()
        if (turn === undefined || turn.seq > (limit.until ?? Number.POSITIVE_INFINITY)) break
        await this.#run(turn)
        this.#next = undefined
        this.#loaded = false
      }
      if (!this.#divergence) await this.#peek()
      if (this.verdict.kind === 'exact') this.#compareFinalStates()
      return this.verdict
    } finally {
      stopListening()
    }
  }

  close(): void {
    this.#session.close()
    this.#leave()
  }

  async #peek(): Promise<RecordedTurn | undefined> {
    if (this.#loaded) return this.#next
    this.#next = await this.#source()
    this.#loaded = true
    this.#first ??= this.#next
    return this.#next
  }

  /** One macrotask for the delivery; the second immediate comes when its ticks and microtasks have run. */
  #run(turn: RecordedTurn): Promise<void> {
    this.#onTurn(turn)
    this.#last = turn
    this.#crash = null
    return new Promise((resolve) => {
      originals.setImmediate(() => {
        this.#seam.begin(turn)
        try {
          this.#deliver(turn)
        } catch {
          // Compared already, as an error that escaped.
        }
      })
      originals.setImmediate(() => {
        this.#session.settle()
        this.#seam.finish()
        const error = turn.effects.findLast((effect) => effect.kind === 'error')
        if (error?.kind === 'error') this.#crash = `${error.error.name}: ${error.error.message}`
        resolve()
      })
    })
  }

  #deliver({ delivery }: RecordedTurn): void {
    if (delivery.op === 'mount') this.#session.mount(this.#module, describeRealm(this.#spec.module))
    else if (delivery.op === 'timer') {
      if (!this.#session.timer(delivery.timer)) {
        this.#seam.refuse(`timer ${delivery.timer} fired`, `there is no timer ${delivery.timer}`)
      }
    } else {
      const channel = this.#session.channels.get(delivery.channel)
      if (channel) this.#session.message(channel, delivery.payload)
      else
        this.#seam.refuse(
          `message ${delivery.n} came from ${delivery.channel}`,
          `the session has not opened ${delivery.channel}`,
        )
    }
  }

  /** Errors that reach nobody belong to the session's turn; those of other code are left to fail as they would. */
  #listen(): () => void {
    const listen = (reason: string) => (error: unknown) => {
      if (getSession() === this.#session) this.#session.escape(reason, error)
      else throw error
    }
    const onException = listen('uncaughtException')
    const onRejection = listen('unhandledRejection')
    process.on('uncaughtException', onException)
    process.on('unhandledRejection', onRejection)
    return () => {
      process.off('uncaughtException', onException)
      process.off('unhandledRejection', onRejection)
    }
  }

  #compareFinalStates(): void {
    const [differing] = this.#seam.tracks.differing()
    if (differing) this.#seam.refuseFinal(differing.container, differing.recorded, differing.replayed)
  }

  #explain(divergence: Divergence): Divergence {
    return explainDivergence(divergence, {
      recorded: this.#first?.values.find(([call]) => call === 'realm')?.[1],
      here: describeRealm(this.#spec.module),
      delivery: this.#last?.delivery,
    })
  }
}

export interface RunHooks {
  readonly onTurn?: (turn: RecordedTurn) => void
  /** The run has diverged; called within the code that did it. */
  readonly onDiverge?: () => void
}

/** Nothing is behind the channels of a replay. */
const DRIVER: SessionDriver = {
  open: () => ({ record: { transport: 'replay', end: 0 }, send() {}, listen: () => () => {} }),
  arrived() {},
  due() {},
}
