import type { Chaos } from './chaos.js'
import { CLOSING, recordClosing, replayClosing } from './closing.js'
import type { Contexts } from './context.js'
import type { Holder, Internals, Native } from './internals.js'
import { type Numbering, turnOf } from './numbering.js'
import type { Realms } from './realms.js'
import type { ReplayedSources, SourceRules } from './replayed-sources.js'
import { loadArguments, type Request, type RequestRecorder, type RequestReplayer, saveArguments } from './requests.js'
import { argueAll, OUTCOME, replace } from './synchronous.js'
import type { TapeReader, TapeWriter } from './tape.js'

type Args = ArrayLike<unknown>

/** A native handle. */
export interface Handle extends Holder {
  getAsyncId(): number
}

export interface HandleClass {
  readonly prototype: Holder
}

/** What is special about a method that starts a request. */
export interface RequestPlan {
  /** What is compared instead of all arguments but the request. */
  readonly argue?: (tape: TapeReader | TapeWriter, args: Args) => void
  /** What the native side leaves elsewhere, written when it returns; says whether the request is on its way. */
  readonly save?: (tape: TapeWriter, result: unknown, handle: Handle) => boolean
  readonly load?: (tape: TapeReader, result: unknown, handle: Handle, args: Args) => boolean
  /** What the native side leaves on the request itself when it completes. */
  readonly completion?: CompletionPlan
}

export interface CompletionPlan {
  readonly save: (tape: TapeWriter, request: Request) => void
  readonly load: (tape: TapeReader, request: Request) => void
}

/** What is special about an event that the native side calls on a handle. */
export interface EventPlan {
  /** Under what it stands on the handle, where that is not its name. */
  readonly key?: symbol
  readonly save: (tape: TapeWriter, args: Args, handle: Handle) => void
  readonly load: (tape: TapeReader, handle: Handle) => unknown[]
  /** Whether what it tells of is gone when it returns: it cannot be told later. */
  readonly isFleeting?: (args: Args) => boolean
  /** Hands what came to somebody else than the handle's callback. @returns whether it did */
  readonly divert?: (handle: Handle, args: Args) => boolean
}

/** What is special about a method that answers at once. */
export interface MethodPlan {
  readonly argue?: (tape: TapeReader | TapeWriter, args: Args) => void
  readonly save?: (tape: TapeWriter, args: Args, handle: Handle) => void
  readonly load?: (tape: TapeReader, args: Args, handle: Handle) => void
  /** A result as the tape can keep it, and back. */
  readonly keep?: (result: unknown) => unknown
  readonly revive?: (kept: unknown) => unknown
}

/** A class of native handles: its methods by the way in which they answer. What stands nowhere in here is a method that
 *  answers at once, so that those of newer Node versions are recorded too. */
export interface HandlePlan {
  readonly name: string
  readonly requests?: Readonly<Record<string, RequestPlan>>
  readonly events?: Readonly<Record<string, EventPlan>>
  readonly methods?: Readonly<Record<string, MethodPlan>>
  /** Left as they are: they answer from the handle alone, the same in every run. */
  readonly passing?: readonly string[]
  /** Its deliveries are made by native immediates: one may come in the callback scope of another. */
  readonly joins?: boolean
  /** It writes to the stream below by itself, which takes asynchronous ids: each entry says which was given out last. */
  readonly counts?: boolean
}

export interface RecordTools {
  readonly internals: Internals
  /** To be called before each delivery that may come in the callback scope of another. */
  readonly join: () => void
  /** Called once in each loop turn, in a callback scope of its own: what waited may be delivered. */
  readonly checks: (() => void)[]
  readonly tape: TapeWriter
  readonly requests: RequestRecorder
  readonly numbering: Numbering
  readonly contexts: Contexts
  readonly realms: Realms
  /** Perturbs the order in which things come. */
  readonly chaos?: Chaos
  /** The program does something that the tape cannot hold. */
  onUnfed(label: string): void
  /** A text as it may be kept, secrets out of the environment replaced by what stands for them there. */
  hide(text: string): string
}

export interface ReplayTools {
  readonly internals: Internals
  readonly tape: TapeReader
  readonly requests: RequestReplayer
  readonly numbering: Numbering
  readonly contexts: Contexts
  readonly realms: Realms
  /** What the program writes to its own stdout and stderr comes out again. */
  print(fd: number, bytes: Uint8Array): void
  readonly sources: SourceRules
  readonly files: ReplayedSources
}

export const ALL_ARGUMENTS: EventPlan = {
  save: (tape, args) => saveArguments(tape, args),
  load: (tape) => loadArguments(tape),
}

/** These stand on a prototype of Node's own for all handles, and answer from the handle alone or end it. */
const COMMON = ['constructor', 'getAsyncId', 'asyncReset', 'getProviderType', 'onread', 'ref', 'unref']

/** Writes down, and takes over, which asynchronous id was given out last. */
interface Ids {
  save(tape: TapeWriter): void
  load(tape: TapeReader): void
}

const NO_IDS: Ids = { save: () => {}, load: () => {} }

function toIds({ contexts }: RecordTools | ReplayTools, { counts }: HandlePlan): Ids {
  if (!counts) return NO_IDS
  return {
    save: (tape) => tape.value(contexts.lastId),
    load(tape) {
      contexts.lastId = tape.value() as number
    },
  }
}

function listMethods(type: HandleClass, plan: HandlePlan): string[] {
  const skipped = new Set<string>([...COMMON, ...CLOSING, ...(plan.passing ?? []), ...Object.keys(plan.requests ?? {})])
  const names = new Set<string>()
  for (let one = type.prototype; one !== Object.prototype; one = Object.getPrototypeOf(one) as Holder) {
    for (const name of Object.getOwnPropertyNames(one)) names.add(name)
  }
  return [...names].filter((name) => !skipped.has(name) && typeof findMethod(type.prototype, name) === 'function')
}

function listClosings(type: HandleClass, { name: label, passing }: HandlePlan) {
  const { prototype } = type
  const names = CLOSING.filter((name) => !passing?.includes(name) && findMethod(prototype, name))
  const end = findMethod(prototype, 'close')!
  return names.map((name) => ({ prototype, label, name, end }))
}

function findMethod(prototype: Holder, name: string): Native | undefined {
  for (let one: Holder | null = prototype; one; one = Object.getPrototypeOf(one) as Holder | null) {
    const descriptor = Object.getOwnPropertyDescriptor(one, name)
    if (descriptor) return descriptor.value as Native | undefined
  }
  return undefined
}

export function recordHandle(tools: RecordTools, type: HandleClass, plan: HandlePlan): void {
  const { tape, numbering } = tools
  const ids = toIds(tools, plan)
  for (const name of listMethods(type, plan)) recordMethod(tools, type, plan, name)
  for (const closing of listClosings(type, plan)) recordClosing(tools, closing)
  for (const [name, request] of Object.entries(plan.requests ?? {})) recordRequest(tools, type, plan, name, request)
  for (const [name, event] of Object.entries(plan.events ?? {})) {
    const code = tape.code(`${plan.name}.${name}`)
    watchEvent(type, event.key ?? name, (handle, callback) => {
      const deliver = function (this: unknown): unknown {
        // biome-ignore lint/complexity/noArguments: passed on as they are
        const args = arguments
        if (plan.joins) tools.join()
        tape.deliver(code, turnOf(handle))
        tape.value(numbering.of(handle, tape.turn))
        event.save(tape, args, handle)
        ids.save(tape)
        tape.end()
        if (event.divert?.(handle, args)) return undefined
        return Reflect.apply(callback, this, args)
      }
      const meet = plan.joins ? deliver : postponable(tools, event, handle, deliver)
      if (name === 'onread') return meet
      return function (this: unknown): unknown {
        // Node's JavaScript calls some of them itself, in another context.
        const isNative = tools.contexts.asyncId === handle.getAsyncId()
        // biome-ignore lint/complexity/noArguments: passed on as they are
        return Reflect.apply(isNative ? meet : callback, this, arguments)
      }
    })
  }
}

/** What is nested in a call of the program's is part of that call: its time is now. */
function postponable({ tape, chaos }: RecordTools, { isFleeting }: EventPlan, handle: Handle, deliver: Native): Native {
  if (!chaos) return deliver
  const later = chaos.inOrder(handle, deliver)
  return function (this: unknown): unknown {
    // biome-ignore lint/complexity/noArguments: passed on as they are
    const args = arguments
    return Reflect.apply(tape.nested || isFleeting?.(args) ? deliver : later, this, args)
  }
}

function recordMethod(tools: RecordTools, type: HandleClass, plan: HandlePlan, name: string): void {
  const { tape, numbering } = tools
  const original = findMethod(type.prototype, name)!
  const code = tape.code(`${plan.name}.${name}`)
  const ids = toIds(tools, plan)
  const { argue = argueAll, save, keep } = plan.methods?.[name] ?? {}
  replace(type.prototype, name, function (this: Handle): unknown {
    // biome-ignore lint/complexity/noArguments: passed on without an array per call
    const args = arguments
    if (tape.bypass) return Reflect.apply(original, this, args)
    const number = numbering.of(this, tape.turn)
    tape.begin(code)
    tape.argument(number)
    argue(tape, args)
    tape.enter()
    let result: unknown
    try {
      result = Reflect.apply(original, this, args)
    } catch (error) {
      tape.leave()
      tape.result()
      tape.value(OUTCOME.threw)
      tape.value(error)
      tape.end()
      throw error
    }
    tape.leave()
    tape.result()
    tape.value(OUTCOME.returned)
    tape.value(keep ? keep(result) : result)
    save?.(tape, args, this)
    ids.save(tape)
    tape.end()
    return result
  })
}

function recordRequest(
  tools: RecordTools,
  type: HandleClass,
  plan: HandlePlan,
  name: string,
  { argue, save = (_, result) => result === 0, completion }: RequestPlan,
): void {
  const { tape, numbering, requests } = tools
  const original = findMethod(type.prototype, name)
  if (!original) return
  const ids = toIds(tools, plan)
  const [now, later] = [tape.code(`${plan.name}.${name}`), tape.code(`${plan.name}.${name} completed`)]
  const saveLater = (request: Request) => (tape: TapeWriter) => {
    completion?.save(tape, request)
    ids.save(tape)
  }
  replace(type.prototype, name, function (this: Handle): unknown {
    // biome-ignore lint/complexity/noArguments: passed on without an array per call
    const args = arguments
    if (tape.bypass) return Reflect.apply(original, this, args)
    tape.begin(now)
    tape.argument(numbering.of(this, tape.turn))
    if (argue) argue(tape, args)
    else for (let index = 1; index < args.length; index++) tape.argument(args[index])
    tape.enter()
    let result: unknown
    try {
      result = Reflect.apply(original, this, args) as unknown
    } finally {
      tape.leave()
      tape.result()
    }
    tape.value(isMade(result) ? MADE : result)
    if (isMade(result)) tape.value(result.getAsyncId?.())
    const waits = save(tape, result, this)
    ids.save(tape)
    tape.end()
    if (!waits) return result
    const request = isMade(result) ? result : (args[0] as Request)
    if (plan.joins) requests.follow(later, request, saveLater(request), tools.join)
    else requests.follow(later, request)
    return result
  })
}

/** From Node 26 on the native side makes the request of a write where it needs one, and returns that. */
const MADE = true

export function isMade(result: unknown): result is Request {
  return typeof result === 'object' && result !== null
}

type Key = string | symbol

const raws = new WeakMap<object, Map<Key, unknown>>()

/** What the program's side put on a handle to be called by the native side. */
export function findCallback(handle: Handle, name: Key): Native | undefined {
  const own = raws.get(handle)?.get(name) ?? (handle as unknown as Readonly<Record<Key, unknown>>)[name]
  return typeof own === 'function' ? (own as Native) : undefined
}

/** Stands between what is put on a handle and the native side, which looks it up there with each call; `onread` of a
 *  stream it keeps in a field of its own, behind an accessor further up. */
function watchEvent(type: HandleClass, name: Key, wrap: (handle: Handle, callback: Native) => Native): void {
  const parent = Object.getPrototypeOf(type.prototype) as Holder
  const native = name in parent
  const wrapped = new WeakMap<object, unknown>()
  Object.defineProperty(type.prototype, name, {
    configurable: true,
    enumerable: native,
    get(this: Handle) {
      return native ? raws.get(this)?.get(name) : wrapped.get(this)
    },
    set(this: Handle, callback: unknown) {
      const own = raws.get(this) ?? new Map<Key, unknown>()
      raws.set(this, own)
      own.set(name, callback)
      const given = typeof callback === 'function' ? wrap(this, callback as Native) : callback
      wrapped.set(this, given)
      if (native) Reflect.set(parent, name, given, this)
    },
  })
}

export function replayHandle(tools: ReplayTools, type: HandleClass, plan: HandlePlan): void {
  const { tape, numbering, contexts } = tools
  const ids = toIds(tools, plan)
  for (const name of listMethods(type, plan)) replayMethod(tools, type, plan, name)
  for (const closing of listClosings(type, plan)) replayClosing(tape, numbering, contexts, closing)
  for (const [name, request] of Object.entries(plan.requests ?? {})) replayRequest(tools, type, plan, name, request)
  for (const [name, event] of Object.entries(plan.events ?? {})) {
    const key = event.key ?? name
    if (name !== 'onconnection') watchEvent(type, key, (_, callback) => callback)
    tape.on(tape.code(`${plan.name}.${name}`), () => {
      const handle = tape.find(tape.value() as number) as Handle
      const args = event.load(tape, handle)
      ids.load(tape)
      tape.end()
      const callback = findCallback(handle, key)
      if (!callback) return tape.diverge(`${plan.name} has no ${name}`)
      tools.contexts.run(handle, () => event.divert?.(handle, args) || Reflect.apply(callback, handle, args))
    })
  }
}

function replayMethod(tools: ReplayTools, type: HandleClass, plan: HandlePlan, name: string): void {
  const { tape, numbering } = tools
  const original = findMethod(type.prototype, name)!
  const code = tape.code(`${plan.name}.${name}`)
  const ids = toIds(tools, plan)
  const { argue = argueAll, load, revive } = plan.methods?.[name] ?? {}
  replace(type.prototype, name, function (this: Handle): unknown {
    // biome-ignore lint/complexity/noArguments: passed on without an array per call
    const args = arguments
    if (tape.bypass) return Reflect.apply(original, this, args)
    const number = numbering.of(this)
    tape.begin(code)
    tape.argument(number)
    argue(tape, args)
    tape.result()
    const outcome = tape.value()
    const value = tape.value()
    if (outcome === OUTCOME.threw) {
      tape.end()
      throw value
    }
    load?.(tape, args, this)
    ids.load(tape)
    tape.end()
    return revive ? revive(value) : value
  })
}

function replayRequest(
  tools: ReplayTools,
  type: HandleClass,
  plan: HandlePlan,
  name: string,
  { argue, load = (_, result) => result === 0, completion }: RequestPlan,
): void {
  const { tape, numbering, requests, contexts } = tools
  const original = findMethod(type.prototype, name)
  if (!original) return
  const [now, later] = [tape.code(`${plan.name}.${name}`), tape.code(`${plan.name}.${name} completed`)]
  requests.expect(later)
  const ids = toIds(tools, plan)
  const { WriteWrap } = tools.internals.binding('stream_wrap') as { WriteWrap: new () => Request }
  const make = (asyncId: number, made: Request | null): Request => {
    if (made) return made
    contexts.lastId = asyncId
    const request = new WriteWrap()
    contexts.adopt(request, asyncId)
    return request
  }
  const loadLater = (request: Request) => (tape: TapeReader) => {
    completion?.load(tape, request)
    ids.load(tape)
  }
  replace(type.prototype, name, function (this: Handle): unknown {
    // biome-ignore lint/complexity/noArguments: passed on without an array per call
    const args = arguments
    if (tape.bypass) return Reflect.apply(original, this, args)
    tape.begin(now)
    tape.argument(numbering.of(this))
    if (argue) argue(tape, args)
    else for (let index = 1; index < args.length; index++) tape.argument(args[index])
    // Made before whatever the native side does meanwhile, which makes requests of its own.
    let request = args[0] as Request | null
    if (plan.joins) contexts.capture((request ??= new WriteWrap()))
    tape.result()
    const answer = tape.value()
    const result = answer === MADE ? make(tape.value() as number, request) : answer
    const waits = load(tape, result, this, args)
    ids.load(tape)
    tape.end()
    if (!waits) return result
    const asked = isMade(result) ? result : request!
    requests.follow(later, asked, plan.joins ? loadLater(asked) : undefined)
    return result
  })
}
