import type { Contexts } from './context.js'
import {
  ALL_ARGUMENTS,
  type EventPlan,
  type Handle,
  type HandleClass,
  type HandlePlan,
  type MethodPlan,
  type RecordTools,
  type ReplayTools,
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
  return {
    ...toPlan('Http2Stream', toState(tools.internals)),
    methods: {
      pushPromise: streams.making,
      refreshState: toStatePlan(tools.internals),
      destroy: { load: (tape, _, handle) => tape.release(handle) },
    },
    joins: true,
    counts: true,
  }
}

function toStatePlan(internals: Internals): MethodPlan {
  const { streamState } = internals.binding('http2') as unknown as { streamState: Float64Array }
  return {
    save: (tape) => tape.value(streamState),
    load: (tape) => streamState.set(tape.value() as Float64Array),
  }
}
