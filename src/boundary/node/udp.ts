import {
  ALL_ARGUMENTS,
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

/** Datagrams. */
export function record(tools: RecordTools): void {
  recordHandle(tools, tools.internals.binding('udp_wrap')['UDP'] as HandleClass, UDP)
}

/** The same from the tape: nothing is sent. */
export function replay(tools: ReplayTools): void {
  replayHandle(tools, tools.internals.binding('udp_wrap')['UDP'] as HandleClass, UDP)
}
