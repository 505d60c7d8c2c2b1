import type { Internals } from '../../src/boundary/node/internals.js'

/** An event that something happened because of: twice the ordinal of a recorded one, or twice the number of a derived one
 *  and one more; −1 for none. */
export type CauseCode = number

export function toRecordedCause(ordinal: number): CauseCode {
  return ordinal * 2
}

export function toDerivedCause(number: number): CauseCode {
  return number < 0 ? -1 : number * 2 + 1
}

interface AsyncHooks {
  getHookArrays(): readonly [object[], Uint32Array]
  readonly symbols: { readonly init_symbol: symbol }
  readonly constants: { readonly kInit: number }
}

interface AsyncWrap {
  readonly async_hook_fields: Uint32Array
  readonly execution_async_resources: readonly object[]
  executionAsyncResource(index: number): object | undefined
  readonly constants: { readonly kStackLength: number }
}

interface PromiseHooks {
  createHook(hooks: Record<'init' | 'before' | 'after', (promise: object) => void>): unknown
}

/** What runs once, on behalf of whoever asked for it. A handle, such as a server's connection, lives longer than any
 *  request that it brings: what it delivers begins with the delivery. */
const ONCE = /^(Timeout|Immediate|TickObject|Microtask)$|REQ|JOB|REQUEST$|(WRITE|SHUTDOWN|QUERY|SEND|CONNECT)WRAP$/

/** Knows on whose behalf the code of the moment was started, through awaits, timers and callbacks, and adds nothing that
 *  the program could see: no AsyncLocalStorage, which would give every promise a number of Node's; the engine tells of
 *  promises, and of everything else Node's own stack of resources is read when it is asked for. */
export class Origins {
  readonly #kept = new WeakMap<object, CauseCode>()
  readonly #scopes: { readonly origin: CauseCode; readonly depth: number }[] = []
  readonly #wrap: AsyncWrap
  /** Code that nobody asked for runs because of its turn. */
  #turn: CauseCode = toRecordedCause(0)

  /** @param follows false: what was started before is not remembered. The engine makes a promise more for each `await`
   *  that it tells of, and Node's hooks number it if the program turns them on meanwhile. */
  constructor(internals: Internals, follows: boolean) {
    this.#wrap = internals.binding('async_wrap') as unknown as AsyncWrap
    if (!follows) return
    this.#keepResources(internals.builtin('internal/async_hooks') as unknown as AsyncHooks)
    const { createHook } = internals.builtin('internal/promise_hooks') as unknown as PromiseHooks
    createHook({
      init: (promise) => this.#keep(promise),
      before: (promise) => this.#enter(this.#kept.get(promise) ?? -1),
      after: () => {
        this.#scopes.pop()
      },
    })
  }

  beginTurn(delivery: CauseCode): void {
    this.#scopes.length = 0
    this.#turn = delivery
  }

  /** −1 where nothing else than the turn of the moment is to be named. */
  get current(): CauseCode {
    const top = this.#scopes.at(-1)
    const depth = this.#depth
    if (depth <= (top?.depth ?? 0)) return top?.origin ?? -1
    const resource = this.#wrap.execution_async_resources[depth - 1] ?? this.#wrap.executionAsyncResource(depth - 1)
    return (resource && this.#kept.get(resource)) ?? top?.origin ?? -1
  }

  run<T>(origin: CauseCode, body: () => T): T {
    const { length } = this.#scopes
    this.#enter(origin)
    try {
      return body()
    } finally {
      this.#scopes.length = Math.min(this.#scopes.length, length)
    }
  }

  get #depth(): number {
    return this.#wrap.async_hook_fields[this.#wrap.constants.kStackLength]!
  }

  #enter(origin: CauseCode): void {
    this.#scopes.push({ origin, depth: this.#depth })
  }

  #keep(started: object): void {
    const { current } = this
    this.#kept.set(started, current >= 0 ? current : this.#turn)
  }

  /** Only the count of `init` hooks is raised: with any other, Node puts a frame of its own under every callback. */
  #keepResources({ getHookArrays, symbols, constants }: AsyncHooks): void {
    const [hooks, fields] = getHookArrays()
    hooks.push({
      [symbols.init_symbol]: (_id: number, type: string, _trigger: number, resource: object) => {
        if (ONCE.test(type)) this.#keep(resource)
      },
    })
    fields[constants.kInit]!++
  }
}
