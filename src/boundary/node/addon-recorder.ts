import { types } from 'node:util'
import { argue, type Callable, CONSTRUCT, Ids, toCodes } from './addon-calls.js'
import { Mirror } from './addon-mirror.js'
import * as values from './addon-values.js'
import { MARK, type Mark, type Member } from './addon-values.js'
import { disguise } from './disguise.js'
import type { RecordTools } from './handles.js'
import { IdCounter } from './id-counter.js'
import type { Holder } from './internals.js'
import { type Answer, OwnScope } from './own-scope.js'
import { OUTCOME } from './synchronous.js'

const then = Promise.prototype.then

const ALL_FLAGS = values.toFlags({ enumerable: true, configurable: true, writable: true })

const NOTHING = { read: [], changes: [] } as const

/** Hands the program stand-ins for all that is native, and native code what it knows. */
export class AddonRecorder {
  readonly #tools: RecordTools
  readonly #codes: ReturnType<typeof toCodes>
  readonly #counter: IdCounter
  readonly #known = new Ids()
  readonly #given = new Ids()
  /** By the real one and back. */
  readonly #standIns = new WeakMap<object, object>()
  readonly #reals = new WeakMap<object, object>()
  readonly #callbacks = new WeakMap<object, object>()
  readonly #programs = new WeakMap<object, object>()
  readonly #scope: OwnScope
  /** What calls were given that may still write to it, by the callback that will tell. */
  readonly #lent = new WeakMap<object, values.Watch>()
  #lending: values.Watch | undefined
  readonly #kept = new values.KeptMemory()
  /** Of the addon that runs, or is made known. */
  #mirror: Mirror | undefined
  #isRefused = false
  /** Native calls on the stack. */
  #depth = 0

  constructor(tools: RecordTools) {
    this.#tools = tools
    const codes = toCodes(tools.tape)
    this.#codes = codes
    this.#counter = new IdCounter(tools.internals)
    this.#scope = new OwnScope((answers) => {
      const { tape } = tools
      tape.deliver(codes.settled, answers[0]!.cause)
      tape.value(answers.length)
      for (const { number, outcome, value } of answers) {
        tape.value(number)
        tape.value(outcome)
        for (const part of value as readonly unknown[]) tape.value(part)
      }
      tape.end()
    })
  }

  open(file: string, module: { exports: unknown }, load: () => unknown): unknown {
    // Nothing is won by wrapping it where there will be no replay, and something may be lost.
    if (this.#isRefused) return load()
    const { tape } = this.#tools
    const mirror = new Mirror(file, (value, key) => this.#receiveShared(value, key))
    this.#mirror = mirror
    tape.begin(this.#codes.open)
    tape.argument(file)
    return this.#attempt(load, () => {
      const real = module.exports as object
      if (values.isProtecting(real)) {
        this.#refuse('memory that may not be read')
        return [undefined, undefined]
      }
      const [value, kept] = this.#receive(real, '')
      module.exports = value
      if (value !== real && typeof value === 'object')
        mirror.watch(real, value as object, this.#known.find(value as object))
      return [undefined, kept]
    })
  }

  /** Runs native code within an open entry and writes how it went.
   *  @param take makes what came back the program's own, and what is kept of it */
  #attempt(run: () => unknown, take: (result: unknown) => readonly [unknown, unknown], watch?: values.Watch): unknown {
    const { tape } = this.#tools
    const before = this.#counter.value
    const mirror = this.#mirror!
    this.#kept.note()
    mirror.note()
    tape.enter()
    this.#depth++
    let result: unknown
    let outcome: number = OUTCOME.threw
    try {
      result = run()
      outcome = OUTCOME.returned
    } catch (error) {
      result = error
    }
    this.#depth--
    tape.leave()
    this.#mirror = mirror
    const set = mirror.look()
    const [value, kept] = outcome === OUTCOME.threw ? this.#receive(result, 'error') : take(result)
    const { read, changes } = watch?.look((one) => this.#receive(one, 'property')[1]) ?? NOTHING
    this.#keepAnEye(value, watch?.memories ?? [])
    tape.result()
    tape.value(outcome)
    tape.value(kept)
    tape.value(read)
    tape.value([...set, ...changes])
    tape.value(this.#counter.value - before)
    tape.end()
    if (outcome === OUTCOME.threw) throw value
    return value
  }

  /** A replay cannot know what native code writes to memory when nobody asks it to. */
  #keepAnEye(value: unknown, given: readonly (ArrayBufferView | ArrayBuffer)[]): void {
    if (this.#kept.isWritten(given)) this.#refuse('memory shared with the program')
    for (const memory of given) this.#kept.add(memory)
    if (typeof value === 'object' && value !== null && values.isMemory(value)) this.#kept.add(value)
  }

  #refuse(what: string): void {
    this.#isRefused = true
    this.#tools.onUnfed(`${what} of the native addon ${this.#mirror?.file}`)
  }

  /** On exports: both sides may hold the same memory there. */
  #receiveShared(value: unknown, name: string): readonly [value: unknown, kept: unknown] {
    if (typeof value !== 'object' || value === null || !values.isMemory(value)) return this.#receive(value, name)
    if (this.#isKnown(value)) return this.#receive(value, name)
    const id = this.#know(value)
    if (!this.#mirror!.share(value, id)) this.#refuse('memory shared with the program')
    return [value, { [MARK]: 'memory', id, memory: value } satisfies Mark]
  }

  /** What native code hands to the program: as the program gets it, and as it is kept. */
  #receive(value: unknown, name: string): readonly [value: unknown, kept: unknown] {
    if (typeof value === 'symbol') {
      const known = values.toSymbolName(value)
      if (known === undefined) this.#refuse('a symbol')
      return [value, known === undefined ? undefined : ({ [MARK]: 'symbol', name: known } satisfies Mark)]
    }
    if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return [value, value]
    const program = this.#programs.get(value) ?? value
    const given = this.#given.find(program)
    if (given > 0) return [program, { [MARK]: 'given', id: given } satisfies Mark]
    const standIn = this.#standIns.get(value) ?? value
    const known = this.#known.find(standIn)
    if (known > 0) return [standIn, { [MARK]: 'known', id: known } satisfies Mark]
    const intrinsic = values.findIntrinsic(value)
    if (intrinsic !== undefined) return [value, { [MARK]: 'intrinsic', name: intrinsic } satisfies Mark]
    if (typeof value === 'function') return this.#receiveFunction(value as Callable, name)
    return this.#receiveObject(value, name)
  }

  #receiveObject(value: object, name: string): readonly [unknown, unknown] {
    const isKnown = (one: object): boolean => this.#isKnown(one)
    if (values.isData(value, isKnown)) return [value, value]
    if (types.isPromise(value)) return this.#receivePromise(value)
    if (types.isExternal(value)) return [value, { [MARK]: 'opaque', id: this.#know(value) } satisfies Mark]
    if (Array.isArray(value)) {
      const items = value.map((item) => this.#receive(item, name))
      for (const [index, [item]] of items.entries()) value[index] = item
      return [value, { [MARK]: 'items', items: items.map(([, kept]) => kept) } satisfies Mark]
    }
    if (types.isProxy(value) || types.isSharedArrayBuffer(value) || types.isMap(value) || types.isSet(value)) {
      this.#refuse('an object')
      return [value, undefined]
    }
    const proto = Object.getPrototypeOf(value) as object | null
    if (values.isPlainObject(value) || Object.hasOwn(value, 'constructor')) return this.#copy(value, proto, name)
    // An object of a native class stays itself: only what it inherits is replaced.
    const id = this.#know(value)
    const [standIn, kept] = this.#receive(proto, name)
    if (standIn !== proto) Object.setPrototypeOf(value, standIn as object)
    return [value, { [MARK]: 'object', id, proto: kept, members: this.#keepMembers(value, value, name) } satisfies Mark]
  }

  /** Exports, and the prototypes of classes. */
  #copy(real: object, proto: object | null, name: string): readonly [object, Mark] {
    const [parent, keptParent] = this.#receive(proto, name)
    const standIn = Object.create(parent as object | null) as object
    const id = this.#know(standIn)
    this.#pair(real, standIn)
    return [standIn, { [MARK]: 'object', id, proto: keptParent, members: this.#keepMembers(real, standIn, name) }]
  }

  #isKnown(value: object): boolean {
    return (
      this.#known.find(value) > 0 || this.#given.find(value) > 0 || this.#standIns.has(value) || types.isExternal(value)
    )
  }

  #know(value: object): number {
    const id = this.#known.next()
    this.#known.set(value, id)
    return id
  }

  #pair(real: object, standIn: object): void {
    this.#standIns.set(real, standIn)
    this.#reals.set(standIn, real)
  }

  /** Puts every own property of the real object on its stand-in, received. */
  #keepMembers(real: object, standIn: object, name: string, skip: readonly PropertyKey[] = []): Member[] {
    const members: Member[] = []
    for (const key of Reflect.ownKeys(real)) {
      if (skip.includes(key)) continue
      const descriptor = Object.getOwnPropertyDescriptor(real, key)!
      const path = name === '' ? String(key) : `${name}.${String(key)}`
      const [, keptKey] = this.#receive(key, path)
      const flags = values.toFlags(descriptor)
      if (standIn === real && descriptor.get && !descriptor.configurable) {
        // It cannot be replaced: what it says is looked at with each call on that object.
        const value = values.tryRead(real, key)
        if (typeof value !== 'object' && typeof value !== 'function') members.push([keptKey, ALL_FLAGS, value])
        continue
      }
      if (descriptor.get || descriptor.set) {
        const [get, keptGet] = this.#receive(descriptor.get, `get ${path}`)
        const [set, keptSet] = this.#receive(descriptor.set, `set ${path}`)
        members.push([keptKey, flags, keptGet, keptSet])
        if (!this.#put(standIn, key, { ...values.fromFlags(flags), get, set } as PropertyDescriptor)) this.#refuse(path)
        continue
      }
      const [value, kept] =
        standIn === real ? this.#receive(descriptor.value, path) : this.#receiveShared(descriptor.value, path)
      members.push([keptKey, flags, kept])
      if (standIn === real && value === descriptor.value) continue
      if (!this.#put(standIn, key, { ...descriptor, value })) this.#refuse(path)
    }
    return members
  }

  #put(target: object, key: PropertyKey, descriptor: PropertyDescriptor): boolean {
    return Reflect.defineProperty(target, key, descriptor)
  }

  #receiveFunction(real: Callable, path: string): readonly [Callable, Mark] {
    const id = this.#known.next()
    const label = `${path || real.name || 'function'} ${id}`
    const standIn = this.#standInFor(real, label)
    this.#known.set(standIn, id)
    this.#pair(real, standIn)
    const proto = Object.getPrototypeOf(real) as object
    const [parent, keptParent] = this.#receive(proto, path)
    if (parent !== Function.prototype) Object.setPrototypeOf(standIn, parent as object)
    const prototype = this.#receivePrototype(real, standIn, path)
    const members = this.#keepMembers(real, standIn, path, ['name', 'length', 'prototype', 'arguments', 'caller'])
    if (real.prototype) values.welcome(real, standIn)
    const { name, length } = real
    return [standIn, { [MARK]: 'function', id, name, length, label, prototype, proto: keptParent, members }]
  }

  /** @returns undefined for a function that is no class */
  #receivePrototype(real: Callable, standIn: Callable, path: string): unknown {
    const prototype = real.prototype as object | undefined
    if (typeof prototype !== 'object' || prototype === null) return undefined
    const proto = Object.getPrototypeOf(prototype) as object | null
    if (Reflect.ownKeys(prototype).length <= 1 && proto === Object.prototype) {
      this.#pair(prototype, standIn.prototype as object)
      return undefined
    }
    const [made, kept] = this.#copy(prototype, proto, path)
    Object.defineProperty(standIn, 'prototype', { value: made })
    return kept
  }

  #standInFor(real: Callable, label: string): Callable {
    const mirror = this.#mirror
    const call = (self: unknown, args: ArrayLike<unknown>, target: Function | undefined): unknown => {
      this.#mirror = mirror
      return this.#call(real, label, self, args, target)
    }
    return disguise(
      function (this: unknown): unknown {
        // biome-ignore lint/complexity/noArguments: passed on as they are
        return call(this, arguments, new.target as unknown as Function | undefined)
      } as Callable,
      real,
    )
  }

  #call(real: Callable, label: string, self: unknown, args: ArrayLike<unknown>, target: Function | undefined): unknown {
    const { tape } = this.#tools
    const watch = new values.Watch()
    tape.begin(this.#codes.call)
    tape.argument(target ? CONSTRUCT + label : label)
    if (!target) argue(tape, this.#known, typeof self === 'object' ? self : undefined)
    const given: unknown[] = []
    for (let index = 0; index < args.length; index++) {
      argue(tape, this.#known, args[index])
      given.push(this.#give(args[index]))
      watch.add(index, args[index])
    }
    this.#lending = watch.memories.length > 0 ? watch : undefined
    if (this.#lending) for (const one of Array.from(args)) if (typeof one === 'function') this.#lent.set(one, watch)
    if (!target && typeof self === 'object' && self !== null && this.#known.find(self) > 0) watch.add(-1, self)
    if (!target) {
      const receiver = this.#unwrap(self)
      const take = (result: unknown) => this.#receive(result, label)
      return this.#attempt(() => Reflect.apply(real, receiver, given), take, watch)
    }
    const take = (result: unknown): readonly [unknown, unknown] => {
      if (Object.getPrototypeOf(result) !== target.prototype) return this.#receive(result, label)
      const id = this.#know(result as object)
      return [result, { [MARK]: 'made', id, members: this.#keepMembers(result as object, result as object, label) }]
    }
    return this.#attempt(() => Reflect.construct(real, given, target), take, watch)
  }

  #unwrap(value: unknown): unknown {
    return typeof value === 'object' || typeof value === 'function'
      ? (this.#reals.get(value as object) ?? value)
      : value
  }

  /** What the program hands to native code: numbered, its callbacks watched. */
  #give(value: unknown): unknown {
    values.visit(value, (one) => {
      if (this.#known.find(one) === 0 && this.#given.find(one) === 0) this.#given.set(one, this.#given.next())
    })
    return this.#open(value, 0)
  }

  #open(value: unknown, depth: number): unknown {
    if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return value
    const real = this.#reals.get(value)
    if (real) return real
    if (typeof value === 'function') return this.#known.find(value) > 0 ? value : this.#watchCallback(value as Callable)
    if (depth > 2 || values.isContent(value)) return value
    const isArray = Array.isArray(value)
    if (!isArray && !values.isPlainObject(value)) return value
    let copy: Holder | undefined
    for (const key of Object.keys(value)) {
      const item = (value as Holder)[key]
      const opened = this.#open(item, depth + 1)
      if (opened === item) continue
      copy ??= (isArray ? [...(value as unknown[])] : Object.create(value)) as Holder
      copy[key] = opened
    }
    if (copy) this.#programs.set(copy, value)
    return copy ?? value
  }

  /** Native code calls the program: a delivery, nested where it happens within a call. */
  #watchCallback(callback: Callable): object {
    const known = this.#callbacks.get(callback)
    if (known) return known
    const { tape, join } = this.#tools
    const cause = tape.turn
    const mirror = this.#mirror!
    const deliver = (self: unknown, args: unknown[], isConstructed: boolean): [unknown, unknown[]] => {
      this.#comeBack(mirror)
      const [own, keptSelf] = isConstructed || self === globalThis ? [self, undefined] : this.#receive(self, 'this')
      const received = args.map((arg) => this.#receive(arg, callback.name || 'callback'))
      join()
      tape.deliver(this.#codes.called, cause)
      tape.value(this.#given.find(callback))
      tape.value(isConstructed)
      tape.value(keptSelf)
      tape.value(received.map(([, kept]) => kept))
      tape.value(this.#listWritten(this.#lent.get(callback)))
      tape.end()
      return [own, received.map(([value]) => value)]
    }
    const watched: Callable = new Proxy(callback, {
      apply: (_, self, args) => {
        const [own, received] = deliver(self, args, false)
        return this.#answer(() => Reflect.apply(callback, own, received))
      },
      construct: (_, args, target): object => {
        const [, received] = deliver(undefined, args, true)
        const newTarget = target === watched ? callback : target
        return this.#answer(() => Reflect.construct(callback, received, newTarget)) as object
      },
    })
    this.#callbacks.set(callback, watched)
    this.#programs.set(watched, callback)
    return watched
  }

  /** What was set before a call is over is seen by the program, and not held by the tape. */
  #comeBack(mirror: Mirror): void {
    this.#mirror = mirror
    if (this.#depth > 0 ? mirror.look().length > 0 : mirror.bringSet().length > 0)
      this.#refuse('what is set on the exports')
  }

  #answer(run: () => unknown): unknown {
    try {
      return this.#give(run())
    } catch (error) {
      this.#give(error)
      throw error
    }
  }

  #listWritten(watch: values.Watch | undefined): readonly (readonly [number, Uint8Array])[] {
    const written = watch?.listWritten() ?? []
    return written.map((memory) => [this.#given.find(memory), new Uint8Array(values.toMemoryBytes(memory))] as const)
  }

  #receivePromise(real: Promise<unknown>): readonly [Promise<unknown>, Mark] {
    const number = this.#known.next()
    const cause = this.#tools.tape.turn
    const lending = this.#lending
    const mirror = this.#mirror!
    const promise = new Promise((resolve, reject) => {
      const answer = (outcome: number, settle: (value: unknown) => void) => (result: unknown) => {
        this.#comeBack(mirror)
        const [value, kept] = this.#receive(result, 'promise')
        const one: Answer = {
          number,
          outcome,
          cause,
          value: [kept, this.#listWritten(lending)],
          settle: () => settle(value),
        }
        this.#scope.add(one)
      }
      Reflect.apply(then, real, [answer(OUTCOME.returned, resolve), answer(OUTCOME.threw, reject)])
    })
    this.#known.set(promise, number)
    this.#pair(real, promise)
    return [promise, { [MARK]: 'promise', id: number }]
  }
}
