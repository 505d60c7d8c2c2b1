import { findInScope, type Holder, type Internals, type Native } from './internals.js'
import { replace } from './synchronous.js'

interface AsyncResource {
  getAsyncId?(): number
}

interface AsyncHooks {
  enableHooks(): void
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

/** lib/internal/async_hooks.js says what the fields are. */
interface AsyncWrap {
  pushAsyncContext(asyncId: number, triggerId: number): void
  popAsyncContext(asyncId: number): void
  readonly async_hook_fields: Uint32Array
  readonly async_id_fields: Float64Array
  readonly constants: Readonly<
    Record<'kAsyncIdCounter' | 'kCheck' | 'kBefore' | 'kAfter' | 'kUsesExecutionAsyncResource', number>
  >
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
  readonly #binding: AsyncWrap
  readonly #fields: Float64Array
  readonly #counter: number
  /** Of the native class of all that have ids. */
  readonly #getAsyncId: Native
  #trampoline: Native | undefined
  /** AsyncLocalStorage of Node 24 and later travels in frames of their own. */
  readonly #captured = new WeakMap<object, unknown>()
  /** Of requests that only the native side would have given one. */
  readonly #ids = new WeakMap<object, number>()
  /** In whose context each was made. */
  readonly #triggers = new WeakMap<object, number>()

  constructor(internals: Internals) {
    this.#hooks = internals.builtin('internal/async_hooks') as unknown as AsyncHooks
    this.#frames = findFrames(internals)
    const binding = internals.binding('async_wrap') as unknown as AsyncWrap
    this.#binding = binding
    this.#fields = binding.async_id_fields
    this.#counter = binding.constants.kAsyncIdCounter
    this.#getAsyncId = findIdMethod(internals)['getAsyncId'] as Native
  }

  /** Node's JavaScript asks each handle for its id where it makes one: then its context is known. */
  watchIds(internals: Internals): void {
    const original = this.#getAsyncId
    const note = (handle: object): void => this.note(handle)
    replace(findIdMethod(internals), 'getAsyncId', function (this: object): unknown {
      note(this)
      return Reflect.apply(original, this, [])
    })
  }

  /** Calls back as the native side does, through a function that stands in each stack. */
  bounce(): void {
    const { enableHooks } = this.#hooks
    this.#trampoline = findInScope(enableHooks, 'callbackTrampoline') as Native | undefined
  }

  /** To be called where the native side would have kept the context: when a request is made or a handle constructed. */
  capture(resource: object): void {
    if (this.#frames) this.#captured.set(resource, this.#frames.current())
    if (((resource as AsyncResource).getAsyncId?.() ?? -1) > 0 || this.#ids.has(resource)) this.note(resource)
    else this.init(resource, toType(resource))
  }

  /** Keeps in whose context a resource was made: to be called there. */
  note(resource: object): void {
    if (!this.#triggers.has(resource)) this.#triggers.set(resource, this.#hooks.getDefaultTriggerAsyncId())
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
    const trigger = this.#hooks.getDefaultTriggerAsyncId()
    this.#triggers.set(resource, trigger)
    this.#hooks.emitInit(id, type, trigger, resource)
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
    const id = this.#ids.get(resource) ?? this.#findId(resource)
    const bounces = this.#areHooked()
    const trigger = this.#triggers.get(resource) ?? 0
    if (bounces) this.#binding.pushAsyncContext(id, trigger)
    else this.#hooks.emitBefore(id, trigger, resource)
    let returned = false
    try {
      if (bounces) Reflect.apply(this.#trampoline!, resource, [id, resource, body])
      else body()
      returned = true
    } finally {
      // After an uncaught error Node has cleared the stack of contexts itself.
      if (this.#hooks.executionAsyncId() === id) {
        if (bounces && returned) this.#binding.popAsyncContext(id)
        else this.#hooks.emitAfter(id)
      }
      frames?.set(prior)
    }
  }

  /** A message port has an id, and no method that says it. */
  #findId(resource: object): number {
    try {
      return Reflect.apply(this.#getAsyncId, resource, []) as number
    } catch {
      return (resource as AsyncResource).getAsyncId?.() ?? 0
    }
  }

  /** With hooks the native side calls everything through a function of Node's own. */
  #areHooked(): boolean {
    if (!this.#trampoline) return false
    const { async_hook_fields: fields, constants } = this.#binding
    const { kCheck, kBefore, kAfter, kUsesExecutionAsyncResource } = constants
    return fields[kCheck]! > 0 && fields[kBefore]! + fields[kAfter]! + fields[kUsesExecutionAsyncResource]! > 0
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

/** The prototype above all native classes whose objects have ids. */
function findIdMethod(internals: Internals): Holder {
  const { TCP } = internals.binding('tcp_wrap') as unknown as { TCP: { prototype: Holder } }
  let holder = TCP.prototype
  while (!Object.hasOwn(holder, 'getAsyncId')) holder = Object.getPrototypeOf(holder) as Holder
  return holder
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
