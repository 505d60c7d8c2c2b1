import type { Handle, HandleClass, RecordTools, ReplayTools } from './handles.js'
import { recordHandle, replayHandle } from './handles.js'
import { toStandInClass } from './http2-streams.js'
import type { Native } from './internals.js'
import { toState } from './streams.js'
import type { TapeReader, TapeWriter } from './tape.js'

type PipeClass = new (source: Handle, sink: Handle) => Handle

const PLAN_NAME = 'StreamPipe'

function toCodes(tape: TapeReader | TapeWriter) {
  return { made: tape.code(PLAN_NAME), read: tape.code('FileHandle.onread') }
}

/** Files that HTTP/2 sends natively: a handle of a descriptor is piped into the stream of a response. */
export function record(tools: RecordTools): void {
  const { internals, tape, numbering, contexts, join } = tools
  const binding = internals.binding('stream_pipe')
  const { state, kReadBytesOrError } = toState(internals)
  const codes = toCodes(tape)
  const Real = binding['StreamPipe'] as PipeClass
  const Pipe = class StreamPipe extends Real {
    constructor(source: Handle, sink: Handle) {
      super(source, sink)
      const number = numbering.of(source, tape.turn)
      const cause = tape.turn
      tape.begin(codes.made)
      tape.argument(number)
      tape.argument(sink)
      tape.argument(numbering.of(this, tape.turn))
      tape.result()
      tape.end()
      const callback = source['onread'] as Native
      source['onread'] = function (this: unknown): unknown {
        join()
        tape.deliver(codes.read, cause)
        tape.value(contexts.lastId)
        tape.value(number)
        tape.value(state[kReadBytesOrError])
        tape.end()
        // biome-ignore lint/complexity/noArguments: passed on as they are
        return Reflect.apply(callback, this, arguments)
      }
    }
  }
  binding['StreamPipe'] = Pipe
  recordHandle(tools, Pipe as unknown as HandleClass, {
    name: PLAN_NAME,
    joins: true,
    events: { onunpipe: { save: (tape) => tape.value(contexts.lastId), load: () => [] } },
  })
}

/** The same from the tape: no descriptor is touched. */
export function replay(tools: ReplayTools): void {
  const { internals, tape, numbering, contexts } = tools
  const binding = internals.binding('stream_pipe')
  const { state, kReadBytesOrError } = toState(internals)
  const codes = toCodes(tape)
  const { prototype } = toStandInClass(binding['StreamPipe'] as HandleClass, contexts)
  function StreamPipe(this: Handle, source: Handle, sink: Handle): void {
    contexts.capture(this)
    tape.begin(codes.made)
    tape.argument(numbering.of(source))
    tape.argument(sink)
    tape.argument(numbering.of(this))
    tape.result()
    tape.end()
    Object.assign(this, { source, sink })
  }
  StreamPipe.prototype = prototype
  Object.defineProperty(prototype, 'constructor', { value: StreamPipe, configurable: true })
  binding['StreamPipe'] = StreamPipe
  tape.on(codes.read, () => {
    contexts.lastId = tape.value() as number
    const source = tape.find(tape.value() as number) as Handle
    state[kReadBytesOrError] = tape.value() as number
    tape.end()
    contexts.run(source, () => Reflect.apply(source['onread'] as Native, source, [undefined]))
  })
  replayHandle(tools, StreamPipe as unknown as HandleClass, {
    name: PLAN_NAME,
    joins: true,
    events: {
      onunpipe: {
        save: () => {},
        load(tape) {
          contexts.lastId = tape.value() as number
          return []
        },
      },
    },
  })
}
