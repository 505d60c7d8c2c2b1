import { isMainThread } from 'node:worker_threads'
import { findSeed, isHarmless, splitFlags } from './engine-flags.js'
import type { RecordTools, ReplayTools } from './handles.js'
import type { Holder, Internals, Native } from './internals.js'
import { type CallPlan, recordCall, replace, replayCall } from './synchronous.js'

/** What the engine says about itself is left by the native side in these. */
const STATISTICS = {
  updateHeapStatisticsBuffer: 'heapStatisticsBuffer',
  updateHeapCodeStatisticsBuffer: 'heapCodeStatisticsBuffer',
  updateHeapSpaceStatisticsBuffer: 'heapSpaceStatisticsBuffer',
} as const

/** What a report is to be like, and when one shall be written: the native side would do so by itself. */
const OF_REPORTS = [
  ...['getCompact', 'setCompact', 'getExcludeNetwork', 'setExcludeNetwork', 'getExcludeEnv', 'setExcludeEnv'],
  ...['getDirectory', 'setDirectory', 'getFilename', 'setFilename', 'getSignal', 'setSignal'],
  ...['shouldReportOnFatalError', 'setReportOnFatalError', 'shouldReportOnSignal', 'setReportOnSignal'],
  ...['shouldReportOnUncaughtException', 'setReportOnUncaughtException'],
]

const IN_V8 = [
  'getCppHeapStatistics',
  'getHashSeed',
  'startCpuProfile',
  'stopCpuProfile',
  'startHeapProfile',
  'stopHeapProfile',
  'setHeapSnapshotNearHeapLimit',
]

type Patch = (holder: Holder, name: string, label: string, plan?: CallPlan) => void

/** @param onReport called with the path of each report that was written */
function install(internals: Internals, patch: Patch, onReport: (path: unknown) => void): void {
  const v8 = internals.binding('v8')
  for (const [name, buffer] of Object.entries(STATISTICS)) {
    const left = v8[buffer] as Float64Array
    patch(v8, name, `v8.${name}`, {
      save: (tape) => tape.value(left),
      load: (tape) => left.set(tape.value() as Float64Array),
    })
  }
  for (const name of IN_V8) patch(v8, name, `v8.${name}`)
  const profiler = v8['GCProfiler'] as { prototype: Holder } | undefined
  for (const name of ['start', 'stop']) if (profiler) patch(profiler.prototype, name, `v8.GCProfiler.${name}`)
  patch(internals.binding('heap_utils'), 'triggerHeapSnapshot', 'v8.writeHeapSnapshot')
  const report = internals.binding('report')
  for (const name of OF_REPORTS) patch(report, name, `report.${name}`)
  patch(report, 'getReport', 'process.report.getReport', { argue: () => {} })
  patch(report, 'writeReport', 'process.report.writeReport', {
    argue: (tape, args) => tape.argument(args[2]),
    save: (tape, _, path) => tape.value(path),
    load: (tape) => onReport(tape.value()),
  })
}

const MEASURED = 'vm.measureMemory'

const then = Promise.prototype.then

/** The state of the engine's heap, and reports about the process. */
export function record({ internals, tape, requests, realms, onUnfed }: RecordTools): void {
  install(
    internals,
    (holder, name, label, plan) => recordCall(tape, holder, name, label, plan),
    () => {},
  )
  holdFlags(internals.binding('v8'), (flags) => {
    if (!isMainThread && findSeed(flags) !== undefined) onUnfed('a seed that a worker sets for all threads')
    return realms.seed.take(flags)
  })
  const vm = process.getBuiltinModule('node:vm')
  const measured = tape.code(MEASURED)
  const measure = vm.measureMemory as Native
  replace(vm, 'measureMemory', function (this: unknown): unknown {
    // biome-ignore lint/complexity/noArguments: passed on as they are
    const promise = Reflect.apply(measure, this, arguments) as Promise<unknown>
    const number = requests.next()
    const cause = tape.turn
    const note = (failed: boolean, value: unknown): void => {
      tape.deliver(measured, cause)
      tape.value(number)
      tape.value(failed)
      tape.value(value)
      tape.end()
    }
    // What nobody catches has to stay so.
    return Reflect.apply(then, promise, [
      (value: unknown) => {
        note(false, value)
        return value
      },
      (error: unknown) => {
        note(true, error)
        throw error
      },
    ])
  })
}

export function replay({ internals, tape, requests, print, realms }: ReplayTools): void {
  install(
    internals,
    (holder, name, label, plan) => replayCall(tape, holder, name, label, plan),
    // The native side says so itself.
    (path) => print(2, Buffer.from(`\nWriting Node.js report to file: ${path}\nNode.js report completed\n`)),
  )
  holdFlags(internals.binding('v8'), (flags) => realms.seed.take(flags.filter(isHarmless)))
  const vm = process.getBuiltinModule('node:vm')
  const measure = vm.measureMemory as Native
  const waiting = new Map<number, readonly [(value: unknown) => void, (error: unknown) => void]>()
  tape.on(tape.code(MEASURED), () => {
    const settle = waiting.get(tape.value() as number)
    const [failed, value] = [tape.value() as boolean, tape.value()]
    tape.end()
    if (!settle) return tape.diverge('the program has not measured its memory')
    settle[failed ? 1 : 0](value)
  })
  replace(vm, 'measureMemory', function (this: unknown): unknown {
    // It warns, and checks what it is given.
    // biome-ignore lint/complexity/noArguments: passed on as they are
    const promise = Reflect.apply(measure, this, arguments) as Promise<unknown>
    Reflect.apply(then, promise, [undefined, () => {}])
    return new Promise((resolve, reject) => waiting.set(requests.next(), [resolve, reject]))
  })
}

/** Options that a program sets while it runs: some make the engine write or print by itself. They are set as one text, as
 *  the engine takes none behind one that it doesn't understand. */
function holdFlags(v8: Holder, choose: (flags: readonly string[]) => readonly string[]): void {
  const original = v8['setFlagsFromString'] as Native
  replace(v8, 'setFlagsFromString', (text: string) => {
    const given = splitFlags(text)
    const flags = choose(given)
    if (flags === given) original(text)
    else if (flags.length > 0) original(flags.join(' '))
  })
}
