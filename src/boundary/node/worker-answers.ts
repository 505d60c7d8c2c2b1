import type { Handle, HandleClass, RecordTools, ReplayTools } from './handles.js'
import type { Holder, Native } from './internals.js'
import { loadArguments, saveArguments } from './requests.js'
import { replace } from './synchronous.js'
import type { TapeReader, TapeWriter } from './tape.js'

/** Questions to a worker's thread (Node 22 and later): the native side hands out an object, and calls the `ondone` that
 *  is put there. By method, what Node calls that object. */
const ASKING = {
  getHeapStatistics: 'WORKERHEAPSTATISTICS',
  cpuUsage: 'WORKERCPUUSAGE',
  startCpuProfile: 'WORKERCPUPROFILE',
  stopCpuProfile: 'WORKERCPUPROFILE',
  startHeapProfile: 'WORKERHEAPPROFILE',
  stopHeapProfile: 'WORKERHEAPPROFILE',
} as const

export const ANSWERED: readonly string[] = Object.keys(ASKING)

type Asked = { ondone?: Native; getAsyncId?(): number }

type Meet = (prototype: Holder, name: keyof typeof ASKING, original: Native) => void

function install({ internals }: RecordTools | ReplayTools, meet: Meet): void {
  const { prototype } = internals.binding('worker')['Worker'] as HandleClass
  for (const name of Object.keys(ASKING) as (keyof typeof ASKING)[]) {
    if (typeof prototype[name] === 'function') meet(prototype, name, prototype[name] as Native)
  }
}

function toCodes(tape: TapeReader | TapeWriter, name: string) {
  return [tape.code(`Worker.${name}`), tape.code(`Worker.${name} answered`)] as const
}

export function record(tools: RecordTools): void {
  const { tape, numbering, requests } = tools
  install(tools, (prototype, name, original) => {
    const [now, later] = toCodes(tape, name)
    replace(prototype, name, function (this: Handle, ...args: unknown[]): unknown {
      tape.begin(now)
      tape.argument(numbering.of(this, tape.turn))
      for (const one of args) tape.argument(one)
      const asked = Reflect.apply(original, this, args) as Asked | undefined
      tape.result()
      tape.value(asked !== undefined)
      tape.end()
      if (!asked) return asked
      const number = requests.next()
      const cause = tape.turn
      return watch(asked, (given) => {
        tape.deliver(later, cause)
        tape.value(number)
        saveArguments(tape, given)
        tape.end()
      })
    })
  })
}

/** The callback is put there when the question is on its way. */
function watch(asked: Asked, note: (args: ArrayLike<unknown>) => void): Asked {
  let callback: Native | undefined
  const ondone = function (this: unknown): unknown {
    // biome-ignore lint/complexity/noArguments: passed on as they are
    const args = arguments
    note(args)
    return Reflect.apply(callback as Native, this, args)
  }
  return Object.defineProperty(asked, 'ondone', {
    configurable: true,
    enumerable: true,
    get: () => callback && ondone,
    set(given: Native) {
      callback = given
    },
  })
}

/** The same from the tape: there is no thread to ask. */
export function replay(tools: ReplayTools): void {
  const { tape, numbering, requests, contexts } = tools
  const waiting = new Map<number, Asked>()
  install(tools, (prototype, name) => {
    const [now, later] = toCodes(tape, name)
    replace(prototype, name, function (this: Handle, ...args: unknown[]): unknown {
      tape.begin(now)
      tape.argument(numbering.of(this))
      for (const one of args) tape.argument(one)
      tape.result()
      const isAsked = tape.value()
      tape.end()
      if (!isAsked) return undefined
      const asked = contexts.make(ASKING[name])
      waiting.set(requests.next(), asked)
      return asked
    })
    tape.on(later, () => {
      const number = tape.value() as number
      const asked = waiting.get(number)
      if (!asked) return tape.diverge(`the program has not asked for ${name} ${number}`)
      waiting.delete(number)
      const args = loadArguments(tape)
      tape.end()
      contexts.run(asked, () => Reflect.apply(asked.ondone as Native, asked, args))
    })
  })
}
