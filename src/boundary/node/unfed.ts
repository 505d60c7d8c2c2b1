import type { Holder, Internals, Native } from './internals.js'
import { replace } from './synchronous.js'
import type { TapeReader } from './tape.js'

const INSPECTOR = 'an inspector session'

/** Ways to the outside that the boundary does not feed: where a program takes one, its thread can only be looked at. By
 *  binding, class and the method with which it begins. */
const UNFED: readonly (readonly [binding: string, type: string, methods: readonly string[], label: string])[] = [
  ['worker', 'Worker', ['takeHeapSnapshot'], 'a heap snapshot of a worker'],
  ['inspector', 'Connection', ['dispatch'], INSPECTOR],
  ['heap_utils', '', ['createHeapSnapshotStream', 'buildEmbedderGraph'], 'a heap snapshot'],
]

/** What else Node's JavaScript reaches on `process` itself. */
const ON_PROCESS = [
  ['execve', 'another program in its own place'],
  ['_debugProcess', 'the debugger of another process'],
] as const

/** Node's own modules keep the binding's function, which is called there. */
const IN_MODULES = [
  ['node:worker_threads', 'moveMessagePortToContext', 'a port that is moved to another context'],
] as const

type Meet = (label: string, original: Native) => Native

function install(internals: Internals, meet: Meet): void {
  for (const [binding, type, methods, label] of UNFED) {
    const holder = findHolder(internals, binding, type)
    for (const name of methods) {
      const original = holder?.[name]
      if (holder && typeof original === 'function') replace(holder, name, meet(label, original as Native))
    }
  }
  const target = process as unknown as Holder
  for (const [name, label] of ON_PROCESS) {
    if (typeof target[name] === 'function') replace(target, name, meet(label, target[name] as Native))
  }
  for (const [module, name, label] of IN_MODULES) {
    const holder = process.getBuiltinModule(module) as unknown as Holder
    if (typeof holder[name] === 'function') replace(holder, name, meet(label, holder[name] as Native))
  }
  passOwnQuestions(internals)
}

let asksItself = false

/** `node:repl` asks the inspector about this very thread, and is answered at once: the same in every run. */
function passOwnQuestions(internals: Internals): void {
  const holder = internals.builtin('internal/util/inspector')
  const original = holder['sendInspectorCommand'] as Native
  replace(holder, 'sendInspectorCommand', function (this: unknown): unknown {
    asksItself = true
    try {
      // biome-ignore lint/complexity/noArguments: passed on as they are
      return Reflect.apply(original, this, arguments)
    } finally {
      asksItself = false
    }
  })
}

function findHolder(internals: Internals, binding: string, type: string): Holder | undefined {
  try {
    const holder = internals.binding(binding)
    return type === '' ? holder : (holder[type] as { prototype: Holder } | undefined)?.prototype
  } catch {
    return undefined
  }
}

/** @param onMet called each time the program takes such a way */
export function record(internals: Internals, onMet: (label: string) => void): void {
  install(internals, (label, original) => {
    return function (this: unknown): unknown {
      if (!asksItself || label !== INSPECTOR) onMet(label)
      // biome-ignore lint/complexity/noArguments: passed on as they are
      return Reflect.apply(original, this, arguments)
    }
  })
}

/** Nothing real is opened: a replay that gets there has left its recording. */
export function replay(internals: Internals, tape: TapeReader): void {
  install(internals, (label, original) => {
    return function (this: unknown): unknown {
      if (!asksItself || label !== INSPECTOR) return tape.diverge(`the program uses ${label}, which is not fed`)
      // biome-ignore lint/complexity/noArguments: passed on as they are
      return Reflect.apply(original, this, arguments)
    }
  })
}
