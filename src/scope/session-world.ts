import { getSession, runInside, runOutside } from '../boundary/realm/context.js'
import { captureStack } from '../boundary/realm/frames.js'
import type { RealmSession } from '../boundary/realm/realm-session.js'
import { SessionTimers } from '../boundary/realm/session-timers.js'
import { RetroscopeError } from '../errors.js'
import type { ChannelRecord, DeliveryBody } from '../events.js'
import type { Ordinal, SubjectNo } from '../ids.js'
import { wrapContainer } from './container.js'
import type { Undo } from './patch.js'
import type { Endpoint, SessionModule, SessionWorld } from './scope.js'
import type { Seam } from './seam.js'
import { toEscaped } from './session-error.js'
import { SessionSeam } from './session-seam.js'

type Handler = (message: unknown) => unknown

/** One end of a channel, as the world supplies it; nothing is behind it under replay. */
export interface SessionOutlet {
  readonly record: ChannelRecord
  send(message: unknown): void
  listen(handler: (message: unknown) => void): () => void
}

export interface SessionSpec {
  readonly name: string
  /** URL of the session module. */
  readonly module: string
  /** Names of the channels that the mounting program supplied. */
  readonly channels: readonly string[]
}

/** What brings things to a session: the live program's ends and timers, or a recording. */
export interface SessionDriver {
  /** @throws when there is no such channel */
  open(name: string): SessionOutlet
  /** A message arrived at a channel that somebody listens to. */
  arrived(channel: SessionChannel, message: unknown): void
  /** A real timer fired. */
  due(timer: number, cause: Ordinal | null): void
}

export interface SessionChannel {
  readonly name: string
  readonly subject: SubjectNo
  readonly endpoint: Endpoint
  readonly handlers: Set<Handler>
  /** Messages delivered so far. */
  delivered: number
}

class SessionHalted extends Error {
  override readonly name = 'SessionHalted'
}

/** One mounted session. Its driver calls `mount`, `message` and `timer`, each at the start of a macrotask of its own, and
 *  `settle` when that macrotask's ticks and microtasks have run. */
export class Session implements RealmSession {
  readonly name: string
  readonly subject: SubjectNo
  readonly live: boolean
  readonly timers: SessionTimers
  readonly channels = new Map<string, SessionChannel>()
  /** What was handed to `world.container`, and what came back from it. */
  readonly containers = new Map<string, object>()
  open = false
  observed = false
  ended = false
  readonly #seam: SessionSeam
  readonly #driver: SessionDriver
  readonly #undos: Undo[] = []
  readonly #names = new Map<SubjectNo, string>()
  readonly #spec: SessionSpec
  #lastError: unknown = this

  constructor(seam: Seam, spec: SessionSpec, driver: SessionDriver) {
    this.name = spec.name
    this.#spec = spec
    this.live = seam.live
    this.#driver = driver
    this.#seam = new SessionSeam(seam, this)
    const session = { module: spec.module, channels: spec.channels }
    this.subject = runOutside(() => seam.open({ name: spec.name, type: 'session', session }))
    this.timers = new SessionTimers({
      live: this.live,
      effect: (call, detail) => this.effect(call, detail),
      due: (timer) => driver.due(timer, (this.timers.find(timer)?.mark ?? null) as Ordinal | null),
      mark: () => this.#seam.current(),
    })
  }

  /** Runs the module's default export in the session's first turn. `about` is kept with it. */
  mount(module: SessionModule, about: object): unknown {
    return this.#turn({ op: 'mount' }, () => {
      this.value('realm', () => about)
      return module(this.#world())
    })
  }

  /** Delivers one message to whoever listens at that channel. */
  message(channel: SessionChannel, message: unknown, cause: Ordinal | null = null): void {
    const body = { op: 'message', channel: channel.subject, n: channel.delivered } as const
    channel.delivered += 1
    this.#turn(body, () => this.#seam.receive(channel.subject, message, () => this.#handle(channel, message)), cause)
  }

  /** Runs the callback of a timer. @returns false when no such timer is set */
  timer(timer: number, cause: Ordinal | null = null): boolean {
    if (!this.timers.isDue(timer)) return false
    this.#turn({ op: 'timer', timer }, () => this.timers.fire(timer), cause)
    return true
  }

  /** The turn's ticks and microtasks have run. */
  settle(): void {
    if (!this.open) return
    this.open = false
    this.#seam.settle(this.subject)
  }

  /** Ends it: nothing is delivered any more, and its timers are gone. */
  close(): void {
    if (this.ended) return
    this.settle()
    this.ended = true
    this.timers.drop()
    for (const undo of this.#undos.splice(0).reverse()) undo()
    for (const channel of this.channels.values()) this.#seam.close(channel.subject)
    this.#seam.close(this.subject)
  }

  value<T>(call: string, real: () => T): T {
    this.reach(call)
    let thrown: { readonly error: unknown } | undefined
    const result = this.#seam.value<unknown>(this.subject, call, () => {
      try {
        return real()
      } catch (error) {
        thrown = { error }
        return { $threw: runOutside(() => toEscaped(error)) }
      }
    })
    if (thrown !== undefined) throw thrown.error
    if (!this.live && isThrown(result)) refuse(real, result.$threw.message)
    return result as T
  }

  effect(call: string, detail: unknown): void {
    this.reach(call)
    this.#seam.effect(this.subject, call, detail)
  }

  observe(call: string, stack: string = captureStack()): void {
    if (this.ended) return
    if (!this.observed) {
      this.observed = true
      this.#seam.process(this.subject, { op: 'observed', call, stack })
    }
    if (!this.live) this.halt()
  }

  halt(): never {
    throw new SessionHalted('The session was stopped here.')
  }

  /** Notes that something of the session's is used: it has to be the session's own code, in one of its turns. */
  reach(what: string): void {
    if (this.observed || this.ended || !this.live) return
    if (getSession() !== this) this.observe(`${what} from outside the session`)
    else if (!this.open) this.observe(`${what}, resumed by something outside`)
  }

  /** An error of its code reached nobody: once for each. */
  escape(reason: string, error: unknown): void {
    if (error === this.#lastError || this.ended) return
    this.#lastError = error
    if (!(error instanceof SessionHalted)) {
      this.#seam.process(this.subject, { op: 'crash', reason, error: runOutside(() => toEscaped(error)) })
    }
    // The program may end here, and the values of this turn have to be in the recording.
    this.#seam.settle(this.subject)
  }

  /** Remembers under which name a process of the session was opened. */
  named(subject: SubjectNo, name: string): void {
    this.#names.set(subject, name)
  }

  nameOf(subject: SubjectNo): string {
    return this.#names.get(subject) ?? 'a container'
  }

  #turn<T>(body: DeliveryBody, run: () => T, cause: Ordinal | null = null): T {
    this.open = true
    const guarded = () => {
      try {
        return runInside(this, run)
      } catch (error) {
        this.escape('error', error)
        throw error
      }
    }
    return runOutside(() => this.#seam.deliver(this.subject, body, guarded, cause))
  }

  #handle(channel: SessionChannel, message: unknown): unknown {
    let result: unknown
    for (const handler of [...channel.handlers]) result = handler(message)
    return result
  }

  #world(): SessionWorld {
    return {
      channel: (name) => (this.channels.get(name) ?? this.#openChannel(name)).endpoint,
      container: (name, container) => {
        const { value, undo } = wrapContainer(this.#seam, name, container)
        this.containers.set(name, value)
        this.#undos.push(undo)
        return value
      },
      mark: (text, data) => this.#seam.mark(text, data),
    }
  }

  #openChannel(name: string): SessionChannel {
    if (!this.#spec.channels.includes(name)) {
      throw new RetroscopeError('USAGE', `The session ${this.name} has no channel ${JSON.stringify(name)}.`, {
        hint: `It was given ${this.#spec.channels.map((known) => JSON.stringify(known)).join(', ') || 'none'}.`,
      })
    }
    const outlet = this.#driver.open(name)
    const subject = this.#seam.open({ name, type: 'channel', channel: outlet.record })
    const handlers = new Set<Handler>()
    const channel: SessionChannel = {
      name,
      subject,
      handlers,
      delivered: 0,
      endpoint: this.#toEndpoint(outlet, subject, () => channel),
    }
    this.channels.set(name, channel)
    return channel
  }

  #toEndpoint(outlet: SessionOutlet, subject: SubjectNo, get: () => SessionChannel): Endpoint {
    let stop: (() => void) | undefined
    return {
      send: (message) => {
        this.#seam.send(subject, message)
        try {
          runOutside(() => outlet.send(message))
        } catch (error) {
          this.observe(`${get().name}.send, which threw`)
          throw error
        }
      },
      onMessage: (handler) => {
        const channel = get()
        channel.handlers.add(handler)
        stop ??= runOutside(() => outlet.listen((message) => runOutside(() => this.#driver.arrived(channel, message))))
        return () => {
          channel.handlers.delete(handler)
          if (channel.handlers.size > 0) return
          stop?.()
          stop = undefined
        }
      },
    }
  }
}

function isThrown(value: unknown): value is { readonly $threw: { readonly message: string } } {
  return typeof value === 'object' && value !== null && '$threw' in value
}

/** A call that threw while recording checks its arguments and throws again, with the error's own class. */
function refuse(real: () => unknown, message: string): never {
  real()
  throw new Error(message)
}
