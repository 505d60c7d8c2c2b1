import { argue, type Callable, CONSTRUCT, Ids, toCodes } from './addon-calls.js'
import * as values from './addon-values.js'
import { type Change, isMark, MARK, type Mark, type Member } from './addon-values.js'
import { disguiseNative } from './disguise.js'
import type { ReplayTools } from './handles.js'
import { IdCounter } from './id-counter.js'
import type { Holder } from './internals.js'
import { OUTCOME } from './synchronous.js'

/** Makes things of the recorded shape, which answer as they did. */
export class AddonReplayer {
  readonly #tools: ReplayTools
  readonly #codes: ReturnType<typeof toCodes>
  readonly #counter: IdCounter
  readonly #known = new Ids()
  readonly #given = new Ids()
  readonly #things = new Map<number, unknown>()
  readonly #givenThings = new Map<number, object | WeakRef<object>>()
  readonly #waiting = new Map<number, { resolve(value: unknown): void; reject(error: unknown): void }>()
  /** By callback: what stands for the native resource that was made when it was handed over. */
  readonly #resources = new WeakMap<object, object>()
  /** Calls on the stack: what calls back in one is nested in it. */
  #depth = 0

  constructor(tools: ReplayTools) {
    this.#tools = tools
    const { tape } = tools
    this.#codes = toCodes(tape)
    this.#counter = new IdCounter(tools.internals)
    tape.on(this.#codes.called, () => this.#callBack())
    tape.on(this.#codes.settled, () => this.#settle())
  }

  open(module: { exports: unknown }, file: string): unknown {
    const { tape } = this.#tools
    tape.begin(this.#codes.open)
    tape.argument(file)
    return this.#take([], undefined, (kept) => {
      module.exports = this.#load(kept)
      return undefined
    })
  }

  #take(args: ArrayLike<unknown>, self: unknown, make: (kept: unknown) => unknown): unknown {
    const { tape, contexts } = this.#tools
    this.#depth++
    tape.result()
    this.#depth--
    const outcome = tape.value()
    const kept = tape.value()
    const read = tape.value() as [number, number][]
    const changes = tape.value() as Change[]
    const ids = tape.value() as number
    tape.end()
    for (const [at, crc] of read) {
      if (!values.isSame(args[at], crc)) return tape.diverge(`argument ${at} of a native addon holds other bytes`)
    }
    // What came back may hold what was set on the exports.
    for (const change of changes) if (change[0] < -1) this.#apply(this.#things.get(-1 - change[0]), change)
    const value = outcome === OUTCOME.threw ? this.#load(kept) : make(kept)
    for (const change of changes) if (change[0] >= -1) this.#apply(change[0] < 0 ? self : args[change[0]], change)
    if (ids > 0) {
      const resource = {}
      contexts.capture(resource)
      this.#counter.value += ids - 1
      for (const one of Array.from(args)) if (typeof one === 'function') this.#resources.set(one, resource)
    }
    if (outcome === OUTCOME.threw) throw value
    return value
  }

  #apply(target: unknown, change: Change): void {
    if (change.length === 2) values.toMemoryBytes(target as ArrayBuffer).set(change[1])
    else (target as Holder)[change[1]] = this.#load(change[2])
  }

  #give(value: unknown): void {
    values.visit(value, (one) => {
      if (this.#known.find(one) > 0 || this.#given.find(one) > 0) return
      const id = this.#given.next()
      this.#given.set(one, id)
      // Content is seldom handed back, and never long after.
      const isLight =
        typeof one !== 'function' && (values.isContent(one) || values.isPlainObject(one) || Array.isArray(one))
      this.#givenThings.set(id, isLight ? new WeakRef(one) : one)
    })
  }

  #findGiven(id: number): object {
    const one = this.#givenThings.get(id)
    const found = one instanceof WeakRef ? one.deref() : one
    return found ?? this.#tools.tape.diverge('a native addon gives back what the program has not kept')
  }

  #load(kept: unknown): unknown {
    if (!isMark(kept)) return kept
    switch (kept[MARK]) {
      case 'known':
        return this.#things.get(kept.id)
      case 'given':
        return this.#findGiven(kept.id)
      case 'symbol':
        return values.fromSymbolName(kept.name)
      case 'intrinsic':
        return values.INTRINSICS.get(kept.name)
      case 'items':
        return kept.items.map((item) => this.#load(item))
      case 'memory':
        return this.#know(kept.id, kept.memory)
      case 'opaque':
        return this.#know(kept.id, Object.freeze(Object.create(null)))
      case 'promise':
        return this.#know(kept.id, new Promise((resolve, reject) => this.#waiting.set(kept.id, { resolve, reject })))
      case 'function':
        return this.#loadFunction(kept)
      case 'object': {
        const object = this.#know(kept.id, {})
        Object.setPrototypeOf(object, this.#load(kept.proto) as object | null)
        return this.#putMembers(object, kept.members)
      }
      case 'made':
        throw new TypeError('it was not constructed')
    }
  }

  #know<T extends object>(id: number, thing: T): T {
    this.#things.set(id, thing)
    this.#known.set(thing, id)
    return thing
  }

  #putMembers<T extends object>(target: T, members: readonly Member[]): T {
    for (const [key, flags, first, ...rest] of members) {
      const common = values.fromFlags(flags)
      const descriptor =
        rest.length > 0
          ? { ...common, get: this.#load(first), set: this.#load(rest[0]) }
          : { ...common, value: this.#load(first), writable: values.isWritable(flags) }
      Object.defineProperty(target, this.#load(key) as PropertyKey, descriptor as PropertyDescriptor)
    }
    return target
  }

  #loadFunction(kept: Extract<Mark, { readonly label: string }>): object {
    const { id, name, length, label, proto, prototype, members } = kept
    const call = (self: unknown, args: ArrayLike<unknown>, target: Function | undefined): unknown =>
      this.#call(label, self, args, target)
    const standIn = function (this: unknown): unknown {
      // biome-ignore lint/complexity/noArguments: passed on as they are
      return call(this, arguments, new.target as unknown as Function | undefined)
    }
    disguiseNative(standIn, { name, length })
    this.#know(id, standIn)
    const parent = this.#load(proto)
    if (parent !== Function.prototype) Object.setPrototypeOf(standIn, parent as object)
    if (prototype !== undefined) Object.defineProperty(standIn, 'prototype', { value: this.#load(prototype) })
    return this.#putMembers(standIn, members)
  }

  #call(label: string, self: unknown, args: ArrayLike<unknown>, target: Function | undefined): unknown {
    const { tape } = this.#tools
    tape.begin(this.#codes.call)
    tape.argument(target ? CONSTRUCT + label : label)
    if (!target) argue(tape, this.#known, typeof self === 'object' ? self : undefined)
    for (let index = 0; index < args.length; index++) {
      argue(tape, this.#known, args[index])
      this.#give(args[index])
    }
    return this.#take(args, self, (kept) => {
      if (!isMark(kept) || kept[MARK] !== 'made') return this.#load(kept)
      const made = this.#know(kept.id, Object.create(target!.prototype as object) as object)
      return this.#putMembers(made, kept.members)
    })
  }

  #callBack(): void {
    const { tape, contexts } = this.#tools
    const callback = this.#findGiven(tape.value() as number) as Callable
    const isConstructed = tape.value() as boolean
    const self = this.#load(tape.value())
    const args = (tape.value() as unknown[]).map((one) => this.#load(one))
    this.#write(tape.value() as [number, Uint8Array][])
    tape.end()
    const run = (): void => {
      try {
        this.#give(isConstructed ? Reflect.construct(callback, args) : Reflect.apply(callback, self, args))
      } catch (error) {
        this.#give(error)
        if (this.#depth === 0) throw error
      }
    }
    if (this.#depth > 0) return run()
    const resource = this.#resources.get(callback)
    if (resource) contexts.run(resource, run)
    else run()
  }

  #settle(): void {
    const { tape } = this.#tools
    const settled: (() => void)[] = []
    for (let left = tape.value() as number; left > 0; left--) {
      const one = this.#waiting.get(tape.value() as number)
      const threw = tape.value() === OUTCOME.threw
      const value = this.#load(tape.value())
      this.#write(tape.value() as [number, Uint8Array][])
      if (!one) return tape.diverge('a native addon settles a promise that the program does not have')
      settled.push(() => (threw ? one.reject(value) : one.resolve(value)))
    }
    tape.end()
    for (const settle of settled) settle()
  }

  #write(written: readonly (readonly [number, Uint8Array])[]): void {
    for (const [id, bytes] of written) values.toMemoryBytes(this.#findGiven(id) as ArrayBuffer).set(bytes)
  }
}
