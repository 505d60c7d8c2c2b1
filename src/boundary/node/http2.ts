import type { EventPlan, Handle, HandleClass, HandlePlan, MethodPlan, RecordTools, ReplayTools } from './handles.js'
import { ALL_ARGUMENTS, recordHandle, replayHandle } from './handles.js'
import { Http2Streams, TapedStreams, toStandInClass, toStreamPlan } from './http2-streams.js'
import type { Holder, Internals, Native } from './internals.js'
import { loadArguments, saveArguments } from './requests.js'
import { markConsumed } from './streams.js'
import { replace } from './synchronous.js'
import type { TapeReader, TapeWriter } from './tape.js'

type SessionClass = new (type: number) => Handle & { fields: Uint8Array }

/** What the native side calls on a session or a stream, by the names of the functions that Node's JavaScript gives it. */
const CALLBACKS = [
  ...['onSessionInternalError', 'onPriority', 'onSettings', 'onPing', 'onSessionHeaders', 'onFrameError'],
  ...['onGoawayData', 'onAltSvc', 'onOrigin', 'onStreamTrailers', 'onStreamClose'],
]

/** Methods whose callback is answered later, each time by an asynchronous resource of its own. */
const ASKING = { ping: 1, settings: 0 } as const
const QUESTIONS = { ping: 'HTTP2PING', settings: 'HTTP2SETTINGS' } as const

interface Shared {
  readonly settingsBuffer: Uint32Array
  readonly optionsBuffer: Uint32Array
  readonly sessionState: Float64Array
  readonly kBitfield: number
}

const toShared = (internals: Internals) => internals.binding('http2') as unknown as Shared & Holder

/** Fills an array that it shares with JavaScript. */
function filling(array: Uint32Array | Float64Array): MethodPlan {
  return {
    save: (tape) => tape.value(array),
    load: (tape) => array.set(tape.value() as Float64Array),
  }
}

function toLastEvent({ save, load }: EventPlan): EventPlan {
  return {
    save,
    load(tape, handle) {
      tape.release(handle)
      return load(tape, handle)
    },
  }
}

function toSessionPlan({ internals }: RecordTools | ReplayTools, streams: Http2Streams | TapedStreams): HandlePlan {
  const { settingsBuffer, sessionState } = toShared(internals)
  return {
    name: 'Http2Session',
    events: { ondone: toLastEvent(ALL_ARGUMENTS), ongracefulclosecomplete: ALL_ARGUMENTS },
    methods: {
      request: streams.making,
      localSettings: filling(settingsBuffer),
      remoteSettings: filling(settingsBuffer),
      refreshState: filling(sessionState),
      // Says the number on the handle, too.
      updateChunksSent: {
        save: (tape, _, handle) => tape.value(handle['chunksSentSinceLastWrite']),
        load(tape, _, handle) {
          handle['chunksSentSinceLastWrite'] = tape.value()
        },
      },
    },
    passing: Object.keys(ASKING),
    joins: true,
    counts: true,
  }
}

/** The native side marks in this byte that the remote settings are no longer what JavaScript has read. */
function watchFields(fields: Uint8Array, bit: number, read: (native: number) => number): Uint8Array {
  const key = String(bit)
  return new Proxy(fields, {
    get: (target, name) => (name === key ? read(target[bit]!) : (Reflect.get(target, name, target) as unknown)),
    set: (target, name, value) => Reflect.set(target, name, value, target),
  })
}

function toCodes(tape: TapeReader | TapeWriter) {
  return {
    made: tape.code('Http2Session'),
    fields: tape.code('Http2Session.fields'),
    callbacks: new Map(CALLBACKS.map((name) => [name, tape.code(`http2.${name}`)])),
    asking: Object.keys(ASKING).map((name) => {
      return [name, tape.code(`Http2Session.${name}`), tape.code(`Http2Session.${name} answered`)] as const
    }),
  }
}

/** HTTP/2. Its sessions read from and write to the socket below natively: what they tell JavaScript is recorded. */
export function record(tools: RecordTools): void {
  const { internals, tape, numbering, join } = tools
  const binding = toShared(internals)
  const codes = toCodes(tape)
  const streams = new Http2Streams(tools)
  const Real = binding['Http2Session'] as SessionClass
  const { optionsBuffer, kBitfield } = binding
  const Session = class Http2Session extends Real {
    constructor(type: number) {
      tape.begin(codes.made)
      tape.argument(type)
      tape.argument(optionsBuffer)
      super(type)
      tape.result()
      tape.value(this.fields)
      tape.end()
      const number = numbering.of(this, tape.turn)
      this.fields = watchFields(this.fields, kBitfield, (bits) => {
        tape.begin(codes.fields)
        tape.argument(number)
        tape.result()
        tape.value(bits)
        tape.end()
        return bits
      })
    }
  }
  binding['Http2Session'] = Session
  const type = Session as unknown as HandleClass
  recordHandle(tools, type, toSessionPlan(tools, streams))
  recordAsking(tools, Session.prototype, codes.asking, binding.settingsBuffer)
  noteConsumed(Session.prototype)
  recordHandle(tools, streams.between, toStreamPlan(tools, streams))
  const setCallbackFunctions = binding['setCallbackFunctions'] as Native
  replace(binding, 'setCallbackFunctions', (...callbacks: Native[]) => {
    const watched = callbacks.map((callback) => {
      const code = codes.callbacks.get(callback.name)
      if (code === undefined) {
        tools.onUnfed(`HTTP/2 (${callback.name})`)
        return callback
      }
      return function (this: Handle): unknown {
        // biome-ignore lint/complexity/noArguments: passed on as they are
        const args = arguments
        join()
        tape.deliver(code, tape.turn)
        streams.save(tape, this)
        streams.save(tape, args[0] as unknown)
        streams.counted.save(tape, args, this)
        tape.end()
        return Reflect.apply(callback, this, args)
      }
    })
    return Reflect.apply(setCallbackFunctions, binding, watched)
  })
}

type Asking = ReturnType<typeof toCodes>['asking']

function recordAsking(tools: RecordTools, prototype: Holder, asking: Asking, settings: Uint32Array): void {
  const { tape, requests, numbering, contexts, join } = tools
  for (const [name, now, later] of asking) {
    const original = prototype[name] as Native
    const at = ASKING[name as keyof typeof ASKING]
    replace(prototype, name, function (this: Handle, ...args: unknown[]): unknown {
      const number = requests.next()
      const cause = tape.turn
      const callback = args[at] as Native
      args[at] = function (this: unknown): unknown {
        join()
        tape.deliver(later, cause)
        tape.value(number)
        // biome-ignore lint/complexity/noArguments: passed on as they are
        saveArguments(tape, arguments)
        tape.end()
        // biome-ignore lint/complexity/noArguments: passed on as they are
        return Reflect.apply(callback, this, arguments)
      }
      tape.begin(now)
      tape.argument(numbering.of(this, tape.turn))
      tape.argument(at > 0 ? args[0] : settings)
      tape.enter()
      const result = Reflect.apply(original, this, args)
      tape.leave()
      tape.result()
      tape.value(result)
      tape.value(contexts.lastId)
      tape.end()
      return result
    })
  }
}

/** What goes through a socket that a session reads is known to the native side alone. */
function noteConsumed(prototype: Holder): void {
  const consume = prototype['consume'] as Native
  replace(prototype, 'consume', function (this: unknown, handle: unknown): unknown {
    markConsumed(handle as object)
    return Reflect.apply(consume, this, [handle])
  })
}

/** The same from the tape: nothing native is made, and what stands for a session keeps the ids that Node gave out. */
export function replay(tools: ReplayTools): void {
  const { internals, tape, numbering, contexts } = tools
  const binding = toShared(internals)
  const codes = toCodes(tape)
  const streams = new TapedStreams(tools)
  const { prototype } = toStandInClass(binding['Http2Session'] as HandleClass, contexts)
  const { optionsBuffer, kBitfield } = binding
  function Http2Session(this: Holder, type: number): void {
    tape.begin(codes.made)
    tape.argument(type)
    tape.argument(optionsBuffer)
    contexts.capture(this)
    tape.result()
    const fields = tape.value() as Uint8Array
    tape.end()
    const number = numbering.of(this)
    this['fields'] = watchFields(fields, kBitfield, () => {
      tape.begin(codes.fields)
      tape.argument(number)
      tape.result()
      const bits = tape.value() as number
      tape.end()
      return bits
    })
  }
  Object.defineProperty(prototype, 'constructor', { value: Http2Session, configurable: true })
  Http2Session.prototype = prototype
  binding['Http2Session'] = Http2Session
  const session = Http2Session as unknown as HandleClass
  replayHandle(tools, session, toSessionPlan(tools, streams))
  replayAsking(tools, prototype, codes.asking, binding.settingsBuffer)
  noteConsumed(prototype)
  replayHandle(tools, streams.between, toStreamPlan(tools, streams))
  const callbacks = new Map<string, Native>()
  replace(binding, 'setCallbackFunctions', (...given: Native[]) => {
    for (const callback of given) callbacks.set(callback.name, callback)
  })
  for (const [name, code] of codes.callbacks) {
    tape.on(code, () => {
      const self = streams.load(tape) as Handle
      streams.load(tape)
      const args = streams.counted.load(tape, self)
      tape.end()
      const callback = callbacks.get(name)
      if (!callback) return tape.diverge(`the program has not loaded HTTP/2: ${name}`)
      contexts.run(self, () => Reflect.apply(callback, self, args))
    })
  }
}

function replayAsking(tools: ReplayTools, prototype: Holder, asking: Asking, settings: Uint32Array): void {
  const { tape, requests, numbering, contexts } = tools
  const waiting = new Map<number, { readonly question: object; readonly callback: Native }>()
  for (const [name, now, later] of asking) {
    const kind = name as keyof typeof ASKING
    tape.on(later, () => {
      const number = tape.value() as number
      const one = waiting.get(number)
      if (!one) return tape.diverge(`the program has not asked for ${name} ${number}`)
      waiting.delete(number)
      const args = loadArguments(tape)
      tape.end()
      contexts.run(one.question, () => Reflect.apply(one.callback, one.question, args))
    })
    replace(prototype, name, function (this: Handle, ...args: unknown[]): unknown {
      const question = contexts.make(QUESTIONS[kind])
      waiting.set(requests.next(), { question, callback: args[ASKING[kind]] as Native })
      tape.begin(now)
      tape.argument(numbering.of(this))
      tape.argument(ASKING[kind] > 0 ? args[0] : settings)
      tape.result()
      const result = tape.value()
      contexts.lastId = tape.value() as number
      tape.end()
      return result
    })
  }
}
