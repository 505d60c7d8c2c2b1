import type { Holder, Internals, Native } from './internals.js'
import { replace } from './synchronous.js'
import type { TapeReader } from './tape.js'

/** Ways to the outside that the boundary does not feed: where a program takes one, its thread can only be looked at. By
 *  binding, class and the method with which it begins. */
const UNFED: readonly (readonly [binding: string, type: string, methods: readonly string[], label: string])[] = [
  ['worker', 'Worker', ['takeHeapSnapshot'], 'a heap snapshot of a worker'],
  ['inspector', 'Connection', ['dispatch'], 'an inspector session'],
  ['js_stream', 'JSStream', ['readBuffer'], 'a stream made of JavaScript'],
]

type Meet = (label: string, original: Native) => Native

function install(internals: Internals, meet: Meet): void {
  for (const [binding, type, methods, label] of UNFED) {
    const holder = findHolder(internals, binding, type)
    for (const name of methods) {
      const original = holder?.[name]
      if (holder && typeof original === 'function') replace(holder, name, meet(label, original as Native))
    }
  }
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
      onMet(label)
      // biome-ignore lint/complexity/noArguments: passed on as they are
      return Reflect.apply(original, this, arguments)
    }
  })
}

/** Nothing real is opened: a replay that gets there has left its recording. */
export function replay(internals: Internals, tape: TapeReader): void {
  install(internals, (label) => () => tape.diverge(`the program uses ${label}, which is not fed`))
}
