import { recordGetter, replayGetter } from './getters.js'
import {
  ALL_ARGUMENTS,
  type Handle,
  type HandleClass,
  type HandlePlan,
  type RecordTools,
  type ReplayTools,
  recordHandle,
  replayHandle,
} from './handles.js'
import { ADDRESS } from './streams.js'

const UDP: HandlePlan = {
  name: 'UDP',
  requests: { send: {}, send6: {} },
  events: { onmessage: ALL_ARGUMENTS, onerror: ALL_ARGUMENTS },
  methods: {
    getsockname: ADDRESS,
    getpeername: ADDRESS,
    // Reports its error in an object that comes last.
    bufferSize: {
      argue(tape, args) {
        tape.argument(args[0])
        tape.argument(args[1])
      },
      save: (tape, args) => tape.value({ ...(args[2] as object) }),
      load: (tape, args) => Object.assign(args[2] as object, tape.value()),
    },
  },
}

/** `fd` of the native class cannot be redefined: each handle gets a class in between. */
function standBetween(tools: RecordTools | ReplayTools): [type: HandleClass, between: HandleClass] {
  const binding = tools.internals.binding('udp_wrap')
  const Real = binding['UDP'] as HandleClass & (new () => Handle)
  const own = { UDP: class extends Real {} }
  binding['UDP'] = own.UDP
  return [Real, own.UDP as unknown as HandleClass]
}

/** Datagrams. */
export function record(tools: RecordTools): void {
  const [type, between] = standBetween(tools)
  recordHandle(tools, type, UDP)
  recordGetter(tools, between, UDP.name, 'fd')
}

/** The same from the tape: nothing is sent. */
export function replay(tools: ReplayTools): void {
  const [type, between] = standBetween(tools)
  replayHandle(tools, type, UDP)
  replayGetter(tools, between, UDP.name, 'fd')
}
