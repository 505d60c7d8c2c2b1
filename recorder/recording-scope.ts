import { RetroscopeError } from '../src/errors.js'
import { transaction } from '../src/json/tracker.js'
import { LIVE_SYMBOL, type LiveLog } from '../src/log/live.js'
import { wrapChannel } from '../src/scope/channel.js'
import { wrapContainer } from '../src/scope/container.js'
import type { Undo, Wrapped } from '../src/scope/patch.js'
import type { ChannelOptions, Scope } from '../src/scope/scope.js'
import type { Seam } from '../src/scope/seam.js'
import { toMessage } from './report.js'

/** A program's hold on its recording. Several may share one seam; each puts back what it wrapped itself. */
export class RecordingScope implements Scope {
  readonly seam: Seam
  /** Lets others ask this scope's recording; undefined where another program holds it. */
  readonly [LIVE_SYMBOL]: LiveLog | undefined
  readonly #onStop: () => void | Promise<void>
  readonly #undos: Undo[] = []
  #mounted = false
  #stopped: Promise<void> | undefined

  /** @param onStop ends what this scope began; nothing where it joined */
  constructor(seam: Seam, onStop: () => void | Promise<void>, live?: LiveLog) {
    this.seam = seam
    this[LIVE_SYMBOL] = live
    this.#onStop = onStop
  }

  channel<E extends object>(name: string, end: E, options?: ChannelOptions): E {
    return this.#keep(wrapChannel(this.#open('channel', name), name, end, options))
  }

  container<C extends object>(name: string, container: C): C {
    return this.#keep(wrapContainer(this.#open('container', name), name, container))
  }

  mark(text: string, data?: unknown): void {
    if (!this.#stopped) this.seam.mark(typeof text === 'string' ? text : toMessage(text), data)
  }

  transaction<T>(body: () => T): T {
    return transaction(body)
  }

  async session(name: string, module: string | URL, ends: Readonly<Record<string, object>>): Promise<unknown> {
    const seam = this.#open('session', name)
    // The realm is loaded by those who mount a session.
    const { mountSession, unmountSessions } = await import('../src/scope/session.js')
    if (!this.#mounted) this.#undos.push(() => unmountSessions(seam))
    this.#mounted = true
    return mountSession(seam, name, module, ends)
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stop()
    return this.#stopped
  }

  async #stop(): Promise<void> {
    for (const undo of this.#undos.toReversed()) undo()
    this.#undos.length = 0
    await this.#onStop()
  }

  #keep<T extends object>({ value, undo }: Wrapped<T>): T {
    this.#undos.push(undo)
    return value
  }

  /** @throws USAGE without a name, CLOSED after `stop` */
  #open(what: string, name: unknown): Seam {
    if (typeof name !== 'string' || name === '') {
      throw new RetroscopeError('USAGE', `A ${what} needs a name; it was given ${JSON.stringify(name) ?? 'none'}.`)
    }
    if (!this.#stopped) return this.seam
    throw new RetroscopeError('CLOSED', `The ${what} ${JSON.stringify(name)} comes after scope.stop().`)
  }
}
