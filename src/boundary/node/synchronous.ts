import { disguise } from './disguise.js'
import type { Holder } from './internals.js'
import type { TapeReader, TapeWriter } from './tape.js'

/** How a call went: the first value of its result. */
export const OUTCOME = { returned: 0, threw: 1 } as const

/** Puts a stand-in in the place of a function, enumerable or not as that was. */
export function replace(holder: object, name: string | symbol, standIn: Function): void {
  const original = (holder as Record<string | symbol, unknown>)[name]
  if (typeof original === 'function') disguise(standIn, original)
  const enumerable = Object.getOwnPropertyDescriptor(holder, name)?.enumerable ?? false
  Object.defineProperty(holder, name, { value: standIn, writable: true, configurable: true, enumerable })
}

/** What a binding's file may say about one call where the general way does not fit. */
export interface CallPlan {
  /** Writes what is compared; without it each argument. */
  readonly argue?: (tape: TapeWriter | TapeReader, args: ArrayLike<unknown>, self: unknown) => void
  /** Writes what the native side left elsewhere than in its result, and puts it back. */
  readonly save?: (tape: TapeWriter, args: ArrayLike<unknown>, result: unknown, self: unknown) => void
  readonly load?: (tape: TapeReader, args: ArrayLike<unknown>, self: unknown) => void
  /** The program may be called back meanwhile. */
  readonly nests?: boolean
  /** What it asks on its way is part of its answer. */
  readonly covers?: boolean
  /** The call may last, or be the end: what happened before it is handed over first. */
  readonly flushes?: boolean
}

export function argueAll(tape: TapeWriter | TapeReader, args: ArrayLike<unknown>): void {
  for (let index = 0; index < args.length; index++) tape.argument(args[index])
}

/** Writes down what a function answers, be it a result or an error. */
export function recordCall(tape: TapeWriter, holder: Holder, name: string, label: string, plan: CallPlan = {}): void {
  const original = holder[name]
  if (typeof original !== 'function') return
  const code = tape.code(label)
  const { argue = argueAll, save, nests = false, flushes = false, covers = false } = plan
  replace(holder, name, function (this: unknown): unknown {
    // biome-ignore lint/complexity/noArguments: passed on without an array per call
    const args = arguments
    if (tape.bypass) return Reflect.apply(original, this, args)
    if (flushes) tape.flush()
    tape.begin(code)
    argue(tape, args, this)
    if (nests) tape.enter()
    tape.bypass = covers
    let result: unknown
    let threw = true
    try {
      result = Reflect.apply(original, this, args)
      threw = false
    } catch (error) {
      tape.bypass = false
      if (nests) tape.leave()
      tape.result()
      tape.value(OUTCOME.threw)
      tape.value(error)
      tape.end()
      throw error
    }
    tape.bypass = false
    if (nests && !threw) tape.leave()
    tape.result()
    tape.value(OUTCOME.returned)
    tape.value(result)
    save?.(tape, args, result, this)
    tape.end()
    return result
  })
}

/** Answers as it was written down. */
export function replayCall(tape: TapeReader, holder: Holder, name: string, label: string, plan: CallPlan = {}): void {
  const original = holder[name]
  if (typeof original !== 'function') return
  const code = tape.code(label)
  const { argue = argueAll, load } = plan
  replace(holder, name, function (this: unknown): unknown {
    // biome-ignore lint/complexity/noArguments: passed on without an array per call
    const args = arguments
    if (tape.bypass) return Reflect.apply(original, this, args)
    tape.begin(code)
    argue(tape, args, this)
    return takeOutcome(tape, load && (() => load(tape, args, this)))
  })
}

/** Takes a result or throws the recorded error. */
export function takeOutcome(tape: TapeReader, load?: () => void): unknown {
  tape.result()
  const outcome = tape.value()
  const value = tape.value()
  if (outcome === OUTCOME.threw) {
    tape.end()
    throw value
  }
  load?.()
  tape.end()
  return value
}

/** Whether an object's own functions are to be met one by one: all but constructors, which begin with a capital. */
export function listFunctions(holder: Holder): string[] {
  return Object.getOwnPropertyNames(holder).filter((name) => typeof holder[name] === 'function' && !/^[A-Z]/.test(name))
}
