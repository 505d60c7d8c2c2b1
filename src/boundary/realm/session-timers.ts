import { AsyncResource } from 'node:async_hooks'
import { inspect } from 'node:util'
import { originals } from './originals.js'

export type TimerKind = 'setTimeout' | 'setInterval' | 'setImmediate'

type Callback = (...args: unknown[]) => unknown

/** How timers reach their session: what they do is told, and what is due is delivered in a turn of its own. */
export interface TimerHost {
  readonly live: boolean
  effect(call: string, detail: unknown): void
  /** A real timer fired. Never called under replay. */
  due(timer: number): void
  /** Where the running code stands, so that a delivery can name what asked for it. */
  mark(): unknown
}

/** A session's handle of a timer, in the shape of Node's own. Its number, not an async id, is its primitive value, so
 *  that a replay sees the same. */
export class SessionTimer {
  readonly id: number
  readonly #timers: SessionTimers
  #ref = true

  constructor(id: number, timers: SessionTimers) {
    this.id = id
    this.#timers = timers
  }

  ref(): this {
    this.#ref = true
    this.#timers.real(this.id)?.ref()
    return this
  }

  unref(): this {
    this.#ref = false
    this.#timers.real(this.id)?.unref()
    return this
  }

  hasRef(): boolean {
    return this.#ref
  }

  refresh(): this {
    this.#timers.refresh(this)
    return this
  }

  close(): this {
    this.clear()
    return this
  }

  clear(): void {
    this.#timers.clear(this.id)
  }

  [Symbol.toPrimitive](): number {
    return this.id
  }

  [Symbol.for('nodejs.dispose')](): void {
    this.clear()
  }

  [inspect.custom](): string {
    return `SessionTimer { ${this.id} }`
  }
}

interface RealTimer {
  ref(): unknown
  unref(): unknown
}

interface Entry {
  readonly kind: TimerKind
  readonly delay: number
  readonly run: () => unknown
  readonly handle: SessionTimer
  real: RealTimer | undefined
  mark: unknown
  /** It fired and waits for its turn. */
  due: boolean
}

/** The timers of one session. Numbers are given in the order in which they were set, so a replay gives the same. */
export class SessionTimers {
  readonly #host: TimerHost
  readonly #entries = new Map<number, Entry>()
  /** Those that have fired too: a handle can be refreshed until it is cleared. */
  readonly #known = new WeakMap<SessionTimer, Entry>()
  #next = 0

  constructor(host: TimerHost) {
    this.#host = host
  }

  set(kind: TimerKind, delay: unknown, callback: Callback, args: readonly unknown[] = []): SessionTimer {
    const id = ++this.#next
    const handle = new SessionTimer(id, this)
    const waitMs = kind === 'setImmediate' ? 0 : toDelay(delay)
    // The context in which it was set, also that of the program's own AsyncLocalStorage, as Node keeps it.
    const resource = new AsyncResource(`Session${kind.slice(3)}`)
    const run = () => resource.runInAsyncScope(callback, handle, ...args)
    const entry: Entry = { kind, delay: waitMs, run, handle, real: undefined, mark: this.#host.mark(), due: false }
    this.#entries.set(id, entry)
    this.#known.set(handle, entry)
    this.#host.effect(kind, waitMs)
    this.#arm(id, entry)
    return handle
  }

  /** Runs the callback of a timer. @returns false when no such timer is set */
  fire(id: number): boolean {
    const entry = this.#entries.get(id)
    if (entry === undefined) return false
    entry.due = false
    if (entry.kind !== 'setInterval') {
      entry.real = undefined
      this.#entries.delete(id)
    }
    entry.run()
    return true
  }

  /** Whether a timer is to run now: in the live program not one that was refreshed after it fired. */
  isDue(id: number): boolean {
    const entry = this.#entries.get(id)
    return entry !== undefined && (entry.due || !this.#host.live)
  }

  /** What stood there when the timer was set; undefined when it was cleared since. */
  find(id: number): { readonly mark: unknown } | undefined {
    return this.#entries.get(id)
  }

  clear(id: number): void {
    const entry = this.#entries.get(id)
    if (entry === undefined) return
    this.#entries.delete(id)
    this.#known.delete(entry.handle)
    this.#disarm(entry)
    this.#host.effect(`clear${entry.kind.slice(3)}`, id)
  }

  refresh(handle: SessionTimer): void {
    const entry = this.#known.get(handle)
    if (entry === undefined || entry.kind === 'setImmediate') return
    this.#entries.set(handle.id, entry)
    this.#host.effect('refresh', handle.id)
    this.#disarm(entry)
    entry.due = false
    this.#arm(handle.id, entry)
  }

  real(id: number): RealTimer | undefined {
    return this.#entries.get(id)?.real
  }

  /** Disarms all of them, without a word: the session has ended. */
  drop(): void {
    for (const entry of this.#entries.values()) this.#disarm(entry)
    this.#entries.clear()
  }

  #arm(id: number, entry: Entry): void {
    if (!this.#host.live) return
    const due = () => {
      if (entry.due || !this.#entries.has(id)) return
      entry.due = true
      this.#host.due(id)
    }
    if (entry.kind === 'setImmediate') due()
    else if (entry.kind === 'setInterval') entry.real = originals.setInterval(due, entry.delay)
    else entry.real = originals.setTimeout(due, entry.delay)
    if (!entry.handle.hasRef()) entry.real?.unref()
  }

  #disarm(entry: Entry): void {
    if (entry.real === undefined) return
    originals.clearTimeout(entry.real as NodeJS.Timeout)
    entry.real = undefined
  }
}

/** As Node does: what isn't between 1 and 2³¹ − 1 ms is 1 ms. */
function toDelay(delay: unknown): number {
  const wanted = Number(delay)
  return wanted >= 1 && wanted <= 2_147_483_647 ? Math.trunc(wanted) : 1
}
