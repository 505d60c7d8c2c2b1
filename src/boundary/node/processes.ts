import {
  ALL_ARGUMENTS,
  type HandleClass,
  type HandlePlan,
  type RecordTools,
  type ReplayTools,
  recordHandle,
  replayHandle,
} from './handles.js'
import { recordCall, replayCall } from './synchronous.js'

const PROCESS: HandlePlan = {
  name: 'Process',
  events: { onexit: ALL_ARGUMENTS },
  methods: {
    spawn: {
      save: (tape, _, handle) => tape.value(handle['pid']),
      load: (tape, _, handle) => {
        const pid = tape.value()
        if (pid !== undefined) handle['pid'] = pid
      },
    },
  },
}

const SIGNAL: HandlePlan = { name: 'Signal', events: { onsignal: ALL_ARGUMENTS } }

/** Children and signals. */
export function record(tools: RecordTools): void {
  const { internals, tape } = tools
  recordHandle(tools, internals.binding('process_wrap')['Process'] as HandleClass, PROCESS)
  recordHandle(tools, internals.binding('signal_wrap')['Signal'] as HandleClass, SIGNAL)
  recordCall(tape, internals.binding('spawn_sync'), 'spawn', 'spawnSync', { flushes: true })
}

/** The same from the tape: nothing is started, nobody is signalled. */
export function replay(tools: ReplayTools): void {
  const { internals, tape } = tools
  replayHandle(tools, internals.binding('process_wrap')['Process'] as HandleClass, PROCESS)
  replayHandle(tools, internals.binding('signal_wrap')['Signal'] as HandleClass, SIGNAL)
  replayCall(tape, internals.binding('spawn_sync'), 'spawn', 'spawnSync')
}
