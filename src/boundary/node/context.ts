import type { Holder, Internals } from './internals.js'
import { delivered } from './stacks.js'

interface AsyncResource {
  getAsyncId?(): number
}

interface AsyncHooks {
  emitBefore(asyncId: number, triggerId: number, resource: object): void
  emitAfter(asyncId: number): void
  executionAsyncId(): number
  triggerAsyncId(): number
  executionAsyncResource(): object
  newAsyncId(): number
  getDefaultTriggerAsyncId(): number
  defaultTriggerAsyncIdScope<T>(triggerId: number, make: () => T): T
  emitInit(asyncId: number, type: string, triggerId: number, resource: object): void
}

interface ContextFrame {
  current(): unknown
  set(frame: unknown): void
}

/** What Node calls the requests of classes whose names say something else. */
const TYPES: Readonly<Record<string, string>> = { SendWrap: 'UDPSENDWRAP', QueryReqWrap: 'QUERYWRAP' }

function toType({ constructor: { name } }: object): string {
  return TYPES[name] ?? name.toUpperCase()
}

/** Runs callbacks in the asynchronous context in which Node's native side would have run them. */
export class Contexts {
  readonly #hooks: AsyncHooks
  readonly #frames: ContextFrame | undefined
  readonly #fields: Float64Array
  readonly #counter: number
  /** AsyncLocalStorage of Node 24 and later travels in frames of their own. */
  readonly #captured = new WeakMap<object, unknown>()
  /** Of requests that only the native side would have given one. */
  readonly #ids = new WeakMap<object, number>()

  constructor(internals: Internals) {
    this.#hooks = internals.builtin('internal/async_hooks') as unknown as AsyncHooks
    this.#frames = findFrames(internals)
    const binding = internals.binding('async_wrap') as unknown as {
      async_id_fields: Float64Array
      constants: Record<'kAsyncIdCounter', number>
    }
    this.#fields = binding.async_id_fields
    this.#counter = binding.constants.kAsyncIdCounter
  }

  /** To be called where the native side would have kept the context: when a request is made or a handle constructed. */
  capture(resource: object): void {
    if (this.#frames) this.#captured.set(resource, this.#frames.current())
    if (((resource as AsyncResource).getAsyncId?.() ?? -1) > 0 || this.#ids.has(resource)) return
    this.init(resource, toType(resource))
  }

  /** Stands for a resource that only the native side would have made. */
  make(type: string): object {
    const resource = {}
    if (this.#frames) this.#captured.set(resource, this.#frames.current())
    this.init(resource, type)
    return resource
  }

  /** Gives a resource the id that the native side would have given it, or did. */
  init(resource: object, type: string, id = this.#hooks.newAsyncId()): number {
    this.#ids.set(resource, id)
    this.#hooks.emitInit(id, type, this.#hooks.getDefaultTriggerAsyncId(), resource)
    return id
  }

  /** The same as `capture` for a resource whose id is known. */
  adopt(resource: object, id: number): void {
    if (this.#frames) this.#captured.set(resource, this.#frames.current())
    this.init(resource, toType(resource), id)
  }

  /** The id that was given to a resource here. */
  idOf(resource: object): number {
    return this.#ids.get(resource) ?? -1
  }

  /** The id that was given out last, by whichever side. */
  get lastId(): number {
    return this.#fields[this.#counter]!
  }

  set lastId(id: number) {
    this.#fields[this.#counter] = id
  }

  /** Makes a resource that comes through another. */
  makeThrough<T>(parent: AsyncResource, make: () => T): T {
    return this.#hooks.defaultTriggerAsyncIdScope(parent.getAsyncId?.() ?? 0, make)
  }

  /** Runs `body` as the callback of that resource. What it throws comes through. */
  run(resource: AsyncResource, body: () => void): void {
    const frames = this.#frames
    const prior = frames?.current()
    if (frames && this.#captured.has(resource)) frames.set(this.#captured.get(resource))
    const id = this.#ids.get(resource) ?? resource.getAsyncId?.() ?? 0
    this.#hooks.emitBefore(id, 0, resource)
    const outer = delivered.resource
    delivered.resource = resource
    try {
      body()
    } finally {
      delivered.resource = outer
      // After an uncaught error Node has cleared the stack of contexts itself.
      if (this.#hooks.executionAsyncId() === id) this.#hooks.emitAfter(id)
      frames?.set(prior)
    }
  }

  /** Keeps the context of the moment. @returns runs a body in it, whenever */
  take(): (body: () => void) => void {
    const hooks = this.#hooks
    const frame = this.#frames?.current()
    const [id, trigger, resource] = [hooks.executionAsyncId(), hooks.triggerAsyncId(), hooks.executionAsyncResource()]
    return (body) => {
      const prior = this.#frames?.current()
      this.#frames?.set(frame)
      hooks.emitBefore(id, trigger, resource)
      try {
        body()
      } finally {
        if (hooks.executionAsyncId() === id) hooks.emitAfter(id)
        this.#frames?.set(prior)
      }
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
