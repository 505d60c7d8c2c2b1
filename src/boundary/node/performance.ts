import type { Handle, RecordTools, ReplayTools } from './handles.js'
import type { Holder, Internals, Native } from './internals.js'
import type { Numbering } from './numbering.js'
import { loadArguments, saveArguments } from './requests.js'
import { type CallPlan, recordCall, replace, replayCall } from './synchronous.js'

type Patch = (holder: Holder, name: string, label: string, plan?: CallPlan) => void

/** Milestones and idle times. The module that is loaded with workers keeps the binding's own, so it answers as a whole. */
function install(internals: Internals, patch: Patch): void {
  const binding = internals.binding('performance')
  patch(binding, 'loopIdleTime', 'performance.idleTime')
  const { uvMetricsBuffer } = binding
  patch(binding, 'uvMetricsInfo', 'performance.uvMetricsInfo', {
    save: (tape) => tape.value(uvMetricsBuffer),
    load: (tape) => {
      const values = tape.value() as Float64Array | undefined
      if (values) (uvMetricsBuffer as Float64Array).set(values)
    },
  })
  patch(internals.builtin('internal/perf/utils'), 'getMilestoneTimestamp', 'performance.milestone')
  const utilization = internals.builtin('internal/perf/event_loop_utilization')
  patch(utilization, 'eventLoopUtilization', 'performance.eventLoopUtilization', { covers: true })
}

/** These fill a map that they are given. */
const FILLING: CallPlan = {
  save: (tape, args) => tape.value([...(args[0] as Map<unknown, unknown>)]),
  load: (tape, args) => {
    for (const [key, value] of tape.value() as [unknown, unknown][]) (args[0] as Map<unknown, unknown>).set(key, value)
  },
}

/** What a monitor of the loop's delay answers; its methods stand on the handle itself. */
function installDelays(internals: Internals, numbering: Numbering, patch: Patch): void {
  const binding = internals.binding('performance')
  const create = binding['createELDHistogram'] as Native
  // Which methods there are is known when there is one: they share a kind of entry, which has to be known before.
  patch({ any: () => {} }, 'any', 'ELDHistogram')
  const toPlan = (name: string): CallPlan => {
    const argue: CallPlan['argue'] = (tape, args, self) => {
      tape.argument(numbering.of(self as object))
      tape.argument(name)
      if (typeof args[0] !== 'object') tape.argument(args[0])
    }
    return name.startsWith('percentiles') ? { argue, ...FILLING } : { argue }
  }
  replace(binding, 'createELDHistogram', function (this: unknown): unknown {
    // biome-ignore lint/complexity/noArguments: passed on as they are
    const handle = Reflect.apply(create, this, arguments) as Handle
    for (const name of listMethods(handle)) patch(handle, name, 'ELDHistogram', toPlan(name))
    return handle
  })
}

const INHERITED = new Set(['constructor', 'getAsyncId', 'asyncReset', 'getProviderType', 'ref', 'unref', 'close'])

function listMethods(handle: Handle): string[] {
  const names = new Set<string>()
  for (let one: Holder = handle; one !== Object.prototype; one = Object.getPrototypeOf(one) as Holder) {
    for (const name of Object.getOwnPropertyNames(one)) if (!INHERITED.has(name)) names.add(name)
  }
  return [...names].filter((name) => typeof handle[name] === 'function')
}

/** The time between two of these is measured natively: what is put in is measured out here, by a clock that is fed. */
function installDeltas(internals: Internals): void {
  const binding = internals.binding('performance')
  const Real = binding['Histogram'] as new (...args: unknown[]) => Holder
  if (!Real) return
  binding['Histogram'] = class Histogram extends Real {
    constructor(...args: unknown[]) {
      super(...args)
      if (typeof this['recordDelta'] !== 'function') return
      let last: bigint | undefined
      replace(this, 'recordDelta', () => {
        const now = process.hrtime.bigint()
        const delta = last === undefined ? 0n : now - last
        last = now
        if (delta > 0n) (this['record'] as Native)(delta)
      })
    }
  }
}

const ENTRY = 'performance entry'

export function record({ internals, tape, numbering, join }: RecordTools): void {
  const patch: Patch = (holder, name, label, plan) => recordCall(tape, holder, name, label, plan)
  install(internals, patch)
  installDelays(internals, numbering, patch)
  installDeltas(internals)
  const binding = internals.binding('performance')
  const setup = binding['setupObservers'] as Native
  const code = tape.code(ENTRY)
  replace(binding, 'setupObservers', (callback: Native) =>
    setup(function (this: unknown): unknown {
      // biome-ignore lint/complexity/noArguments: passed on as they are
      const args = arguments
      join()
      tape.deliver(code, -1)
      saveArguments(tape, args)
      tape.end()
      return Reflect.apply(callback, this, args)
    }),
  )
}

/** The collector's own entries come when they came. */
export function replay({ internals, tape, numbering }: ReplayTools): void {
  const patch: Patch = (holder, name, label, plan) => replayCall(tape, holder, name, label, plan)
  install(internals, patch)
  installDelays(internals, numbering, patch)
  installDeltas(internals)
  const binding = internals.binding('performance')
  let observe: Native | undefined
  replace(binding, 'setupObservers', (callback: Native) => {
    observe = callback
  })
  for (const name of ['installGarbageCollectionTracking', 'removeGarbageCollectionTracking']) {
    replace(binding, name, () => {})
  }
  tape.on(tape.code(ENTRY), () => {
    const args = loadArguments(tape)
    tape.end()
    if (!observe) return tape.diverge('nobody observes')
    Reflect.apply(observe, undefined, args)
  })
}
