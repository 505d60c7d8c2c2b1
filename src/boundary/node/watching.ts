import {
  ALL_ARGUMENTS,
  type HandleClass,
  type HandlePlan,
  type RecordTools,
  type ReplayTools,
  recordHandle,
  replayHandle,
} from './handles.js'
import type { Internals } from './internals.js'

/** Node asks it whether it is under way, which a handle that was never started denies. */
const EVENTS: HandlePlan = {
  name: 'FSEvent',
  events: { onchange: ALL_ARGUMENTS },
  methods: {
    start: {
      save: (tape, _, handle) => tape.value(handle['initialized']),
      load: (tape, _, handle) => {
        Object.defineProperty(handle, 'initialized', { value: tape.value(), configurable: true })
      },
    },
  },
}

const STATS: HandlePlan = { name: 'StatWatcher', events: { onchange: ALL_ARGUMENTS } }

function listTypes(internals: Internals): (readonly [HandleClass, HandlePlan])[] {
  return [
    [internals.binding('fs_event_wrap')['FSEvent'] as HandleClass, EVENTS],
    [internals.binding('fs')['StatWatcher'] as HandleClass, STATS],
  ]
}

/** Files that are watched for changes: `fs.watch` and `fs.watchFile`. */
export function record(tools: RecordTools): void {
  for (const [type, plan] of listTypes(tools.internals)) recordHandle(tools, type, plan)
}

/** The same from the tape: nothing is watched. */
export function replay(tools: ReplayTools): void {
  for (const [type, plan] of listTypes(tools.internals)) replayHandle(tools, type, plan)
}
