import type { RecordTools, ReplayTools } from './handles.js'
import type { Holder, Internals, Native } from './internals.js'
import type { Request } from './requests.js'
import { OUTCOME, replace, takeOutcome } from './synchronous.js'
import type { TapeReader, TapeWriter } from './tape.js'

type Args = ArrayLike<unknown>

/** What opens a directory, and what is asked of an open one. */
function listCalls(internals: Internals): (readonly [holder: Holder, name: string, label: string])[] {
  const binding = internals.binding('fs_dir')
  const { prototype } = binding['DirHandle'] as { prototype: Holder }
  return [
    [binding, 'opendir', 'fs.opendir'],
    [binding, 'opendirSync', 'fs.opendirSync'],
    [prototype, 'read', 'Dir.read'],
    [prototype, 'close', 'Dir.close'],
  ]
}

function findRequest(args: Args): Request | undefined {
  const found = Array.from(args).find((one) => typeof one === 'object' && one !== null && 'oncomplete' in one)
  return found as Request | undefined
}

/** Until Node 22 a synchronous call reports its error in an object that comes last. */
function findContext(args: Args): Holder | undefined {
  const last = args[args.length - 1]
  return typeof last === 'object' && last !== null ? (last as Holder) : undefined
}

function argue(tape: TapeReader | TapeWriter, args: Args, request: Request | undefined): void {
  for (let index = 0; index < args.length; index++) if (args[index] !== request) tape.argument(args[index])
}

/** Directories that are read piece by piece. */
export function record(tools: RecordTools): void {
  const { internals, tape, requests, numbering } = tools
  const { prototype } = internals.binding('fs_dir')['DirHandle'] as { prototype: Holder }
  const number = (value: unknown): number =>
    typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === prototype ? numbering.of(value) : 0
  for (const [holder, name, label] of listCalls(internals)) {
    const original = holder[name] as Native | undefined
    if (!original) continue
    const [now, later] = [tape.code(label), tape.code(`${label} completed`)]
    replace(holder, name, function (this: unknown): unknown {
      // biome-ignore lint/complexity/noArguments: passed on without an array per call
      const args = arguments
      if (tape.bypass) return Reflect.apply(original, this, args)
      const request = findRequest(args)
      tape.begin(now)
      tape.argument(number(this))
      argue(tape, args, request)
      if (!request) return callNow(tape, number, args, () => Reflect.apply(original, this, args))
      tape.result()
      tape.end()
      requests.follow(later, request, (_, given) => tape.value(number(given[1])))
      return Reflect.apply(original, this, args)
    })
  }
}

function callNow(tape: TapeWriter, number: (value: unknown) => number, args: Args, call: () => unknown): unknown {
  let result: unknown
  try {
    result = call()
  } catch (error) {
    tape.result()
    tape.value(OUTCOME.threw)
    tape.value(error)
    tape.end()
    throw error
  }
  tape.result()
  tape.value(OUTCOME.returned)
  const opened = number(result)
  tape.value(opened > 0 ? null : result)
  tape.value(opened)
  const context = findContext(args)
  tape.value(context?.['errno'] === undefined ? null : { ...context })
  tape.end()
  return result
}

/** The same from the tape: no directory is opened. */
export function replay(tools: ReplayTools): void {
  const { internals, tape, requests, numbering, contexts } = tools
  const { prototype } = internals.binding('fs_dir')['DirHandle'] as { prototype: Holder }
  const open = (number: number): object | undefined => {
    if (number === 0) return undefined
    contexts.skipId()
    const standIn = Object.create(prototype) as object
    if (numbering.of(standIn) !== number) tape.diverge('handles are numbered otherwise')
    return standIn
  }
  const number = (value: unknown): number =>
    typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === prototype ? numbering.of(value) : 0
  for (const [holder, name, label] of listCalls(internals)) {
    const original = holder[name] as Native | undefined
    if (!original) continue
    const [now, later] = [tape.code(label), tape.code(`${label} completed`)]
    requests.expect(later)
    replace(holder, name, function (this: unknown): unknown {
      // biome-ignore lint/complexity/noArguments: passed on without an array per call
      const args = arguments
      if (tape.bypass) return Reflect.apply(original, this, args)
      const request = findRequest(args)
      tape.begin(now)
      tape.argument(number(this))
      argue(tape, args, request)
      if (!request) return answerNow(tape, open, args)
      tape.result()
      tape.end()
      requests.follow(later, request, () => open(tape.value() as number))
      return undefined
    })
  }
}

function answerNow(tape: TapeReader, open: (number: number) => object | undefined, args: Args): unknown {
  let opened: object | undefined
  const result = takeOutcome(tape, () => {
    opened = open(tape.value() as number)
    const failed = tape.value() as object | null
    if (failed) Object.assign(findContext(args)!, failed)
  })
  return opened ?? result
}
