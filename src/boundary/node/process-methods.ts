import type { Holder, Internals } from './internals.js'
import { type CallPlan, listFunctions, recordCall, replayCall } from './synchronous.js'
import type { TapeReader, TapeWriter } from './tape.js'

/** On `process` itself: Node took these from the binding before any preload. */
const ON_PROCESS = [
  'memoryUsage',
  'cpuUsage',
  'resourceUsage',
  'uptime',
  'constrainedMemory',
  'availableMemory',
  'threadCpuUsage',
]
const ON_PROCESS_TOO = ['getActiveResourcesInfo', '_kill', '_getActiveHandles', '_getActiveRequests', 'loadEnvFile']

/** Looked up in the binding with each call. */
const IN_BINDING = ['cwd', 'umask', 'chdir']

/** The native side reads a file and puts into the environment what is not there yet. */
const LOADS_ENVIRONMENT: CallPlan = {
  save: (tape) => tape.value({ ...process.env }),
  load: (tape) => Object.assign(process.env, tape.value()),
}

/** A signal to this very process may be its end. `getLoadAvg` fills an array that it is given. */
function toPlan(name: string): CallPlan {
  if (name === '_kill') return { flushes: true }
  if (name === 'loadEnvFile') return LOADS_ENVIRONMENT
  if (name !== 'getLoadAvg') return {}
  return {
    argue: () => {},
    save: (tape, args) => tape.value(args[0]),
    load: (tape, args) => (args[0] as Float64Array).set(tape.value() as Float64Array),
  }
}

/** A worker keeps the binding's own function and asks it whenever the main thread has changed the directory. */
const ON_WORKERS_PROCESS = ['cwd']

type Patch = (holder: Holder, name: string, label: string, plan?: CallPlan) => void

function install(internals: Internals, patch: Patch): void {
  const target = process as unknown as Holder
  const { rss } = process.memoryUsage
  for (const name of [...ON_PROCESS, ...ON_PROCESS_TOO]) patch(target, name, `process.${name}`, toPlan(name))
  if (process.memoryUsage.rss !== rss) Object.defineProperty(process.memoryUsage, 'rss', plain(rss))
  patch(process.memoryUsage as unknown as Holder, 'rss', 'process.memoryUsage.rss')
  if (!internals.binding('worker')['isMainThread']) {
    for (const name of ON_WORKERS_PROCESS) patch(target, name, `process.${name}`)
    const threads = process.getBuiltinModule('node:worker_threads') as unknown as Holder
    patch(threads, 'getEnvironmentData', 'getEnvironmentData')
  }
  const binding = internals.binding('process_methods')
  for (const name of IN_BINDING) patch(binding, name, `process.${name}`, toPlan(name))
  const os = internals.binding('os')
  for (const name of listFunctions(os)) patch(os, name, `os.${name}`, toPlan(name))
  const credentials = internals.binding('credentials')
  for (const name of listFunctions(credentials)) {
    if (name !== 'safeGetenv' && name !== 'getTempDir') patch(credentials, name, `credentials.${name}`)
  }
}

function plain(value: unknown): PropertyDescriptor {
  return { value, writable: true, configurable: true, enumerable: true }
}

export function record(internals: Internals, tape: TapeWriter): void {
  install(internals, (holder, name, label, plan) => recordCall(tape, holder, name, label, plan))
}

export function replay(internals: Internals, tape: TapeReader): void {
  install(internals, (holder, name, label, plan) => replayCall(tape, holder, name, label, plan))
}
