import type { SubjectNo } from '../ids.js'
import { patchMethod, type Undo } from '../scope/patch.js'
import type { Seam } from '../scope/seam.js'
import { hasMethods } from './channel-adapter.js'
import type { ContainerAdapter, ContainerContext } from './container-adapter.js'
import { Transitions } from './transitions.js'

interface Snapshot {
  readonly status: 'active' | 'done' | 'error' | 'stopped'
  readonly value?: unknown
  readonly context?: unknown
  readonly output?: unknown
  readonly error?: unknown
  readonly children?: Readonly<Record<string, unknown>>
}

interface Actor {
  readonly id: string
  readonly _parent?: Actor
  readonly _snapshot?: Snapshot
  readonly system: {
    inspect?(observer: (event: { type: string; actorRef?: unknown }) => void): { unsubscribe(): void }
  }
}

/** An XState actor and the actors that it starts (`NAME.CHILD`). A transition is seen where the actor takes its new
 *  snapshot over, before effects that wait for it and before any subscriber, with the event that led to it. */
export const xstate: ContainerAdapter = {
  adapter: 'xstate',
  title: 'XState actor',
  matches: (value) => hasMethods(value, 'send', 'subscribe', 'getSnapshot', 'update', '_error') && 'system' in value,
  wrap(value, context) {
    const tree = new ActorTree(value as unknown as Actor, context)
    return { value, undo: () => tree.undo() }
  },
}

class ActorTree {
  readonly #context: ContainerContext
  readonly #names = new Map<Actor, string>()
  readonly #undos = new Map<Actor, Undo>()
  readonly #subscription: { unsubscribe(): void } | undefined

  constructor(root: Actor, context: ContainerContext) {
    this.#context = context
    this.#add(root, context.name)
    this.#subscription = root.system.inspect?.(({ type, actorRef }) => {
      if (type === '@xstate.actor') this.#addChild(actorRef as Actor)
    })
  }

  undo(): void {
    this.#subscription?.unsubscribe()
    for (const undo of this.#undos.values()) undo()
    this.#undos.clear()
  }

  #addChild(actor: Actor): void {
    const parent = actor._parent && this.#names.get(actor._parent)
    if (parent !== undefined && !this.#names.has(actor)) this.#add(actor, `${parent}.${actor.id}`)
  }

  /** Children that were started before are added with their parent; one that is being made has no snapshot yet. */
  #add(actor: Actor, name: string): void {
    this.#names.set(actor, name)
    const record = new ActorRecord(this.#context.seam, this.#context.open('xstate', 'actor', name), actor)
    const forget = () => {
      this.#undos.get(actor)?.()
      this.#undos.delete(actor)
      this.#names.delete(actor)
    }
    this.#undos.set(actor, record.watch(forget))
    for (const child of Object.values(actor._snapshot?.children ?? {})) this.#addChild(child as Actor)
  }
}

/** One actor: its state is what its snapshot says without the actors in it. */
class ActorRecord {
  readonly #seam: Seam
  readonly #subject: SubjectNo
  readonly #actor: Actor
  #transitions: Transitions | undefined
  #ended = false

  constructor(seam: Seam, subject: SubjectNo, actor: Actor) {
    this.#seam = seam
    this.#subject = subject
    this.#actor = actor
    if (actor._snapshot) this.#take(actor._snapshot, undefined)
  }

  watch(ended: () => void): Undo {
    const record = this
    const update = patchMethod(this.#actor, 'update', (original) => {
      return function (this: unknown, ...args: unknown[]) {
        const [snapshot, event] = args as [Snapshot, unknown]
        record.#take(snapshot, event)
        const result = Reflect.apply(original, this, args)
        record.#end(ended)
        return result
      }
    })
    const error = patchMethod(this.#actor, '_error', (original) => {
      return function (this: unknown, ...args: unknown[]) {
        if (record.#actor._snapshot) record.#take(record.#actor._snapshot, undefined)
        const result = Reflect.apply(original, this, args)
        record.#end(ended)
        return result
      }
    })
    return () => {
      update()
      error()
    }
  }

  #take(snapshot: Snapshot, trigger: unknown): void {
    const after = toState(snapshot, this.#transitions?.last)
    if (this.#transitions) this.#transitions.take(after, trigger)
    else this.#transitions = new Transitions(this.#seam, this.#subject, after)
  }

  #end(ended: () => void): void {
    const status = this.#actor._snapshot?.status
    if (this.#ended || status === undefined || status === 'active') return
    this.#ended = true
    this.#seam.close(this.#subject, { reason: status })
    ended()
  }
}

const KEYS = ['status', 'value', 'context', 'output', 'error'] as const

/** The same object again where nothing of it changed. */
function toState(snapshot: Snapshot, last: unknown): unknown {
  const state = Object.fromEntries(KEYS.filter((key) => snapshot[key] !== undefined).map((key) => [key, snapshot[key]]))
  const before = (last ?? {}) as Record<string, unknown>
  const same = KEYS.every((key) => Object.is(before[key], state[key]) || isSameValue(key, before[key], state[key]))
  return same && last !== undefined ? last : state
}

/** XState makes a new object for an unchanged state of nested regions; it holds nothing but strings. */
function isSameValue(key: string, before: unknown, after: unknown): boolean {
  return key === 'value' && before !== undefined && JSON.stringify(before) === JSON.stringify(after)
}
