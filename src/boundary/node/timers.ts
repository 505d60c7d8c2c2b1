import type { Chaos } from './chaos.js'
import type { Holder, Internals, Native } from './internals.js'
import type { TapeReader, TapeWriter } from './tape.js'
import { runTicks } from './ticks.js'

/** Fields of `immediateInfo`, shared with the native side (lib/internal/timers.js). */
const COUNT = 0
const REF_COUNT = 1
const HAS_OUTSTANDING = 2

/** What the native side calls, on `process`. */
interface Callbacks {
  processImmediate(): void
  processTimers(now: number): number
}

function makeCallbacks(internals: Internals): Callbacks {
  const { getTimerCallbacks } = internals.builtin('internal/timers') as {
    getTimerCallbacks(run: () => void): Callbacks
  }
  return getTimerCallbacks((process as unknown as { _tickCallback(): void })._tickCallback)
}

/** Loop time, timers and immediates.
 *  @param checks called before the immediates of each loop turn */
export function record(internals: Internals, tape: TapeWriter, checks: readonly (() => void)[], chaos?: Chaos): void {
  const binding = internals.binding('timers')
  const [now, timers, immediates] = ['timers.getLibuvNow', 'timers', 'immediates'].map((name) => tape.code(name))
  const getLibuvNow = binding['getLibuvNow'] as () => number
  binding['getLibuvNow'] = function getLibuvNow_(): number {
    const time = getLibuvNow.call(binding)
    if (tape.bypass) return time
    tape.begin(now!)
    tape.result()
    tape.value(time)
    tape.end()
    return time
  }
  const { processImmediate, processTimers } = makeCallbacks(internals)
  const info = binding['immediateInfo'] as Uint32Array
  // With one more than there are, the native side comes by once in each loop turn, whether or not there is any.
  info[COUNT]!++
  const runImmediates = (): void => {
    // By index, as wherever a turn or a call comes by: the program may stand in the protocol of iterators.
    for (let at = 0; at < checks.length; at++) checks[at]!()
    if (info[COUNT]! > 1 || info[HAS_OUTSTANDING] !== 0) {
      tape.deliver(immediates!, -1)
      tape.end()
      processImmediate.call(process)
    }
    tape.endTurn()
  }
  const runPerturbed = (): void => {
    runImmediates()
    // What is postponed has a scope of its own: as after each, ticks and microtasks of the one before are drained.
    runTicks()
    chaos!.release()
  }
  const runTimers = (time: number): number => {
    tape.deliver(timers!, -1)
    tape.value(time)
    tape.end()
    return processTimers.call(process, time)
  }
  ;(binding['setupTimers'] as Native)(chaos ? runPerturbed : runImmediates, runTimers)
}

/** What keeps a replay going: one recorded delivery for each native callback scope, so that Node itself drains ticks and
 *  microtasks behind each. The native side offers such a scope in the check phase of its loop. */
export interface Pump {
  /** Lets the loop drain: nothing is delivered until `start`. */
  stop(): void
  start(): void
}

export interface PumpEvents {
  /** The program waits and the recording has no more: it was ended from outside. */
  onEnd(): void
  /** The next delivery is made by somebody else, such as the loop's own end. */
  isForeign(): boolean
  /** A delivery begins. */
  onDelivery(): void
  /** The next delivery came in the callback scope of the one before. */
  isJoined(): boolean
}

/** The same from the tape, with the pump that drives the whole replay. */
export function replay(internals: Internals, tape: TapeReader, events: PumpEvents): Pump {
  const binding = internals.binding('timers')
  const [now, timers, immediates] = ['timers.getLibuvNow', 'timers', 'immediates'].map((name) => tape.code(name))
  const real = { ...binding } as { toggleImmediateRef(on: boolean): void; setupTimers: Native; getLibuvNow: Native }
  binding['getLibuvNow'] = (): unknown => {
    if (tape.bypass) return real.getLibuvNow.call(binding)
    tape.begin(now!)
    tape.result()
    const time = tape.value()
    tape.end()
    return time
  }
  const { processImmediate, processTimers } = makeCallbacks(internals)
  const info = binding['immediateInfo'] as Uint32Array
  silence(binding)
  let outstanding = 0
  tape.on(timers!, () => {
    const time = tape.value() as number
    tape.end()
    processTimers.call(process, time)
  })
  tape.on(immediates!, () => {
    tape.end()
    // The native side reads the field after each of its calls; the program's own immediates keep theirs in between.
    info[HAS_OUTSTANDING] = outstanding
    try {
      processImmediate.call(process)
    } finally {
      outstanding = info[HAS_OUTSTANDING]!
      info[HAS_OUTSTANDING] = 0
    }
  })
  return startPump(info, real, tape, events)
}

/** Nothing is waited for: what the program's timers ask of the loop is done by the tape. */
function silence(binding: Holder): void {
  for (const name of ['scheduleTimer', 'toggleTimerRef', 'toggleImmediateRef']) binding[name] = () => {}
}

function startPump(
  info: Uint32Array,
  real: { toggleImmediateRef(on: boolean): void; setupTimers: Native },
  tape: TapeReader,
  events: PumpEvents,
): Pump {
  let pumping = false
  const mayDeliver = (): boolean => pumping && tape.peek() === 'delivery' && !events.isForeign()
  const pump = (): void => {
    if (!pumping) return
    if (mayDeliver()) {
      events.onDelivery()
      try {
        do tape.deliver()
        while (mayDeliver() && events.isJoined())
      } finally {
        // Non-zero keeps the native side in its loop, also after a throw.
        info[HAS_OUTSTANDING] = mayDeliver() ? 1 : 0
      }
      return
    }
    info[HAS_OUTSTANDING] = 0
    if (tape.peek() === 'end') return events.onEnd()
    if (events.isForeign()) return stop()
    tape.diverge('the program waits')
  }
  const stop = (): void => {
    if (!pumping) return
    pumping = false
    info[COUNT]!--
    info[REF_COUNT]!--
    real.toggleImmediateRef(false)
  }
  const start = (): void => {
    if (pumping) return
    pumping = true
    info[COUNT]!++
    info[REF_COUNT]!++
    real.toggleImmediateRef(true)
  }
  real.setupTimers(pump, () => 0)
  start()
  return { stop, start }
}
