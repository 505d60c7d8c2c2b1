import { disguise } from './disguise.js'
import type { EventPlan, Handle, HandleClass, HandlePlan, RecordTools, ReplayTools } from './handles.js'
import type { Holder, Internals } from './internals.js'
import { recordStream, replayStream, toPlan, toState } from './streams.js'

/** The native side asks something, or tells it. */
const PLAIN: EventPlan = { save: () => {}, load: () => [] }

/** The native side hands over a request of its own making, which the program gives back when it is done. */
function toRequestEvent(tools: RecordTools | ReplayTools, type: string): EventPlan {
  const { numbering } = tools
  return {
    save(tape, args) {
      const request = args[0] as Handle
      tape.value(numbering.of(request, tape.turn))
      tape.value(request.getAsyncId())
      tape.value(args[1])
    },
    load(tape) {
      const number = tape.value() as number
      const request = {}
      ;(tools as ReplayTools).contexts.init(request, type, tape.value() as number)
      if (numbering.of(request) !== number) tape.diverge('handles are numbered otherwise')
      return [request, tape.value()]
    },
  }
}

function toJsStreamPlan(tools: RecordTools | ReplayTools): HandlePlan {
  const stream = toPlan('JSStream', toState(tools.internals))
  return {
    ...stream,
    events: {
      ...stream.events,
      isClosing: PLAIN,
      onreadstart: PLAIN,
      onreadstop: PLAIN,
      onwrite: toRequestEvent(tools, 'WRITEWRAP'),
      onshutdown: toRequestEvent(tools, 'SHUTDOWNWRAP'),
    },
    joins: true,
    counts: true,
  }
}

/** Members of the native class cannot be redefined: each instance gets a class in between. */
function standBetween(internals: Internals, onMade: (handle: object) => void): HandleClass {
  const binding = internals.binding('js_stream')
  const Native = binding['JSStream'] as (new () => object) & { readonly prototype: Holder }
  function JSStream(): object {
    const handle = Object.setPrototypeOf(new Native(), JSStream.prototype) as object
    onMade(handle)
    return handle
  }
  JSStream.prototype = Object.create(Native.prototype) as Holder
  binding['JSStream'] = disguise(JSStream, Native)
  return JSStream
}

/** A stream made of JavaScript, where the native side needs a handle: TLS over any Duplex. Each side calls the other. */
export function record(tools: RecordTools): void {
  const { internals, tape, numbering } = tools
  const between = standBetween(internals, (handle) => numbering.of(handle, tape.turn))
  recordStream(tools, between, toJsStreamPlan(tools))
}

/** The same from the tape: what stands above or below it natively neither asks nor tells. */
export function replay(tools: ReplayTools): void {
  const { internals, numbering, contexts } = tools
  const between = standBetween(internals, (handle) => {
    contexts.capture(handle)
    numbering.of(handle)
  })
  replayStream(tools, between, toJsStreamPlan(tools))
}
