import type { Contexts } from './context.js'
import {
  ALL_ARGUMENTS,
  type EventPlan,
  type Handle,
  type HandleClass,
  type HandlePlan,
  isMade,
  type MethodPlan,
  type RecordTools,
  type ReplayTools,
  type RequestPlan,
} from './handles.js'
import type { Holder, Internals } from './internals.js'
import { numberOf } from './numbering.js'
import { toPlan, toState } from './streams.js'
import type { TapeReader, TapeWriter } from './tape.js'

/** Streams come from the native side: with headers that arrive, or as the result of a request. */
export class Http2Streams {
  /** Each stream gets a class in between: members of the native one cannot be redefined. */
  readonly between: HandleClass
  /** Of an event or a completion: the native side takes ids for what JavaScript never sees. */
  readonly counted: EventPlan
  /** Of a method that makes a stream. */
  readonly making: MethodPlan
  readonly #tools: RecordTools

  constructor(tools: RecordTools) {
    this.#tools = tools
    const { prototype } = tools.internals.binding('http2')['Http2Stream'] as HandleClass
    this.between = { prototype: Object.create(prototype) as Holder }
    this.counted = {
      save: (tape, args, handle) => {
        tape.value(tools.contexts.lastId)
        ALL_ARGUMENTS.save(tape, args, handle)
      },
      load: () => [],
    }
    this.making = {
      keep: (result) => (typeof result === 'object' ? this.#describe(result as Handle) : result),
    }
  }

  /** Writes which stream or session that is, and what its id was if it is seen for the first time. */
  save(tape: TapeWriter, value: unknown): void {
    if (typeof value !== 'object' || value === null || !('getAsyncId' in value)) return tape.value(0)
    const known = numberOf(value)
    const [number, id] = known > 0 ? [known, 0] : this.#describe(value as Handle)
    tape.value(number)
    tape.value(id)
  }

  #describe(stream: Handle): [number: number, id: number] {
    Object.setPrototypeOf(stream, this.between.prototype)
    return [this.#tools.numbering.of(stream, this.#tools.tape.turn), stream.getAsyncId()]
  }
}

/** The same from the tape. */
export class TapedStreams {
  readonly between: HandleClass
  readonly counted: EventPlan
  readonly making: MethodPlan
  readonly #tools: ReplayTools

  constructor(tools: ReplayTools) {
    this.#tools = tools
    const { contexts } = tools
    this.between = toStandInClass(tools.internals.binding('http2')['Http2Stream'] as HandleClass, contexts)
    this.counted = {
      save: () => {},
      load: (tape, handle) => {
        contexts.lastId = tape.value() as number
        return ALL_ARGUMENTS.load(tape, handle)
      },
    }
    this.making = {
      revive: (kept) => (Array.isArray(kept) ? this.#make(kept[0] as number, kept[1] as number) : kept),
    }
  }

  load(tape: TapeReader): object | undefined {
    const number = tape.value() as number
    if (number === 0) return undefined
    const id = tape.value() as number
    return id === 0 ? tape.find(number) : this.#make(number, id)
  }

  #make(number: number, id: number): Handle {
    const { numbering, tape, contexts } = this.#tools
    const stream = Object.create(this.between.prototype) as Handle
    contexts.adopt(stream, id)
    if (numbering.of(stream) !== number) tape.diverge('handles are numbered otherwise')
    return stream
  }
}

function listNames(prototype: Holder): string[] {
  const names: string[] = []
  for (let one = prototype; one !== Object.prototype; one = Object.getPrototypeOf(one) as Holder) {
    names.push(...Object.getOwnPropertyNames(one))
  }
  return names
}

/** A class that answers from the tape alone: a native one that is not constructed natively would crash. */
export function toStandInClass(type: HandleClass, contexts: Contexts): HandleClass & { prototype: Holder } {
  const prototype: Holder = {}
  for (let one = type.prototype; one !== Object.prototype; one = Object.getPrototypeOf(one) as Holder) {
    for (const [name, { value, get }] of Object.entries(Object.getOwnPropertyDescriptors(one))) {
      if (!get && typeof value === 'function' && !(name in prototype)) define(prototype, name, () => {})
    }
  }
  define(prototype, 'constructor', (type.prototype as { constructor?: unknown }).constructor)
  define(prototype, 'isStreamBase', true)
  define(prototype, 'getAsyncId', function (this: object): number {
    return contexts.idOf(this)
  })
  return { prototype }
}

function define(prototype: Holder, name: string, value: unknown): void {
  Object.defineProperty(prototype, name, { value, writable: true, configurable: true })
}

export function toStreamPlan(tools: RecordTools | ReplayTools, streams: Http2Streams | TapedStreams): HandlePlan {
  const plan = toPlan('Http2Stream', toState(tools.internals))
  const requests = Object.entries(plan.requests ?? {}).map(([name, one]) => [name, toRequestPlan(one, tools.contexts)])
  const { onread } = plan.events!
  return countMethods(
    streams.between,
    {
      ...plan,
      requests: Object.fromEntries(requests) as Record<string, RequestPlan>,
      events: {
        onread: {
          save(tape, args, handle) {
            tape.value(tools.contexts.lastId)
            onread!.save(tape, args, handle)
          },
          load(tape, handle) {
            tools.contexts.lastId = tape.value() as number
            return onread!.load(tape, handle)
          },
        },
      },
      methods: {
        pushPromise: streams.making,
        refreshState: toStatePlan(tools.internals),
        destroy: { load: (tape, _, handle) => tape.release(handle) },
      },
      joins: true,
    },
    tools.contexts,
  )
}

function toRequestPlan(plan: RequestPlan, contexts: Contexts): RequestPlan {
  const { save, load } = plan
  return {
    ...plan,
    save(tape, result, handle) {
      const waits = save ? save(tape, result, handle) : result === 0
      tape.value(contexts.lastId)
      return waits
    },
    load(tape, result, handle, args) {
      const waits = load ? load(tape, result, handle, args) : result === 0
      // A request that the native side makes has its id already.
      contexts.lastId = (tape.value() as number) - (waits && !isMade(result) ? 1 : 0)
      return waits
    },
    completion: {
      save: (tape) => tape.value(contexts.lastId),
      load(tape) {
        contexts.lastId = tape.value() as number
      },
    },
  }
}

/** Has every method say which id was given out last: they write to the socket below, which may take ids of its own. */
export function countMethods({ prototype }: HandleClass, plan: HandlePlan, contexts: Contexts): HandlePlan {
  const methods: Record<string, MethodPlan> = {}
  for (const name of listNames(prototype)) {
    const { save, load, ...rest } = plan.methods?.[name] ?? {}
    methods[name] = {
      ...rest,
      save(tape, args, handle) {
        save?.(tape, args, handle)
        tape.value(contexts.lastId)
      },
      load(tape, args, handle) {
        load?.(tape, args, handle)
        contexts.lastId = tape.value() as number
      },
    }
  }
  return { ...plan, methods }
}

function toStatePlan(internals: Internals): MethodPlan {
  const { streamState } = internals.binding('http2') as unknown as { streamState: Float64Array }
  return {
    save: (tape) => tape.value(streamState),
    load: (tape) => streamState.set(tape.value() as Float64Array),
  }
}
