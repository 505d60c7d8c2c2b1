import type { Holder, Internals } from './internals.js'

interface AsyncResource {
  getAsyncId?(): number
}

interface AsyncHooks {
  emitBefore(asyncId: number, triggerId: number, resource: object): void
  emitAfter(asyncId: number): void
  executionAsyncId(): number
  newAsyncId(): number
  getDefaultTriggerAsyncId(): number
  emitInit(asyncId: number, type: string, triggerId: number, resource: object): void
}

interface ContextFrame {
  current(): unknown
  set(frame: unknown): void
}

/** What Node calls the requests of classes whose names say something else. */
const TYPES: Readonly<Record<string, string>> = { SendWrap: 'UDPSENDWRAP', QueryReqWrap: 'QUERYWRAP' }

/** Runs callbacks in the asynchronous context in which Node's native side would have run them. */
export class Contexts {
  readonly #hooks: AsyncHooks
  readonly #frames: ContextFrame | undefined
  /** AsyncLocalStorage of Node 24 and later travels in frames of their own. */
  readonly #captured = new WeakMap<object, unknown>()
  /** Of requests that only the native side would have given one. */
  readonly #ids = new WeakMap<object, number>()

  constructor(internals: Internals) {
    this.#hooks = internals.builtin('internal/async_hooks') as unknown as AsyncHooks
    this.#frames = findFrames(internals)
  }

  /** To be called where the native side would have kept the context: when a request is made or a handle constructed. */
  capture(resource: object): void {
    if (this.#frames) this.#captured.set(resource, this.#frames.current())
    if (((resource as AsyncResource).getAsyncId?.() ?? -1) > 0) return
    const { name } = resource.constructor
    this.init(resource, TYPES[name] ?? name.toUpperCase())
  }

  /** Stands for a resource that only the native side would have made. */
  make(type: string): object {
    const resource = {}
    if (this.#frames) this.#captured.set(resource, this.#frames.current())
    this.init(resource, type)
    return resource
  }

  /** Gives a resource the id that the native side would have given it. */
  init(resource: object, type: string): number {
    const id = this.#hooks.newAsyncId()
    this.#ids.set(resource, id)
    this.#hooks.emitInit(id, type, this.#hooks.getDefaultTriggerAsyncId(), resource)
    return id
  }

  /** Runs `body` as the callback of that resource. What it throws comes through. */
  run(resource: AsyncResource, body: () => void): void {
    const frames = this.#frames
    const prior = frames?.current()
    if (frames && this.#captured.has(resource)) frames.set(this.#captured.get(resource))
    const id = this.#ids.get(resource) ?? resource.getAsyncId?.() ?? 0
    this.#hooks.emitBefore(id, 0, resource)
    try {
      body()
    } finally {
      // After an uncaught error Node has cleared the stack of contexts itself.
      if (this.#hooks.executionAsyncId() === id) this.#hooks.emitAfter(id)
      frames?.set(prior)
    }
  }

  get asyncId(): number {
    return this.#hooks.executionAsyncId()
  }

  /** Uses up an id, where the native side would have made a resource. */
  skipId(): number {
    return this.#hooks.newAsyncId()
  }
}

function findFrames(internals: Internals): ContextFrame | undefined {
  try {
    const holder = internals.builtin('internal/async_context_frame') as Holder
    const frames = (holder['default'] ?? holder) as unknown as ContextFrame & { enabled?: boolean | (() => boolean) }
    const { enabled } = frames
    return (typeof enabled === 'function' ? enabled() : enabled) ? frames : undefined
  } catch {
    return undefined
  }
}
