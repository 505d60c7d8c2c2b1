import type { Holder } from './internals.js'
import { type CallPlan, recordCall, replayCall } from './synchronous.js'
import type { TapeReader, TapeWriter } from './tape.js'

/** What `node:v8` says of the live engine. Where there is a channel to a parent, Node may load it before any preload, and
 *  it keeps what its binding had then: so it is met in what it exports. */
const LIVE = [
  'getHeapStatistics',
  'getHeapSpaceStatistics',
  'getHeapCodeStatistics',
  'getCppHeapStatistics',
  'writeHeapSnapshot',
  'setHeapSnapshotNearHeapLimit',
]

/** Where the binding's own functions are met as well, they are part of it. */
const PLAN: CallPlan = { covers: true }

const findV8 = (): Holder => process.getBuiltinModule('node:v8') as unknown as Holder

export function record(tape: TapeWriter): void {
  for (const name of LIVE) recordCall(tape, findV8(), name, `v8 exports ${name}`, PLAN)
}

export function replay(tape: TapeReader): void {
  for (const name of LIVE) replayCall(tape, findV8(), name, `v8 exports ${name}`, PLAN)
}
