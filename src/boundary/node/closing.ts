import type { Contexts } from './context.js'
import type { Handle, RecordTools } from './handles.js'
import type { Holder, Native } from './internals.js'
import type { Numbering } from './numbering.js'
import { replace } from './synchronous.js'
import type { Code, TapeReader, TapeWriter } from './tape.js'

/** Methods that end a handle: the native side calls back when that is done. `reset` may refuse. */
export const CLOSING = ['close', 'reset'] as const

const NOTE = { close: 'closed', reset: 'was reset' } as const

interface Closing {
  readonly prototype: Holder
  readonly label: string
  readonly name: (typeof CLOSING)[number]
  /** The native way to end the handle. */
  readonly end: Native
}

function toCodes(tape: TapeReader | TapeWriter, { label, name }: Closing): [now: Code, later: Code] {
  return [tape.code(`${label}.${name}`), tape.code(`${label} ${NOTE[name]}`)]
}

export function recordClosing({ tape, numbering, chaos }: RecordTools, closing: Closing): void {
  const { prototype, name } = closing
  const original = prototype[name] as Native
  const [now, later] = toCodes(tape, closing)
  replace(prototype, name, function (this: Handle, callback: unknown): unknown {
    if (tape.bypass) return Reflect.apply(original, this, [callback])
    const number = numbering.of(this, tape.turn)
    tape.begin(now)
    tape.argument(number)
    chaos?.drop(this)
    tape.enter()
    const result = Reflect.apply(original, this, [watchCallback(tape, later, number, callback)])
    tape.leave()
    tape.result()
    tape.value(result)
    tape.end()
    return result
  })
}

function watchCallback(tape: TapeWriter, code: Code, number: number, callback: unknown): unknown {
  if (typeof callback !== 'function') return callback
  const cause = tape.turn
  return function (this: unknown): unknown {
    tape.deliver(code, cause)
    tape.value(number)
    tape.end()
    return Reflect.apply(callback, this, [])
  }
}

/** The same from the tape: nothing was opened. */
export function replayClosing(tape: TapeReader, numbering: Numbering, contexts: Contexts, closing: Closing): void {
  const { prototype, name, label, end } = closing
  const original = prototype[name] as Native
  const [now, later] = toCodes(tape, closing)
  const waiting = new Map<number, { readonly handle: Handle; readonly callback: Native }>()
  tape.on(later, () => {
    const number = tape.value() as number
    const one = waiting.get(number)
    tape.end()
    if (!one) return tape.diverge(`${label} ${number} is not being closed`)
    waiting.delete(number)
    tape.release(one.handle)
    try {
      contexts.run(one.handle, () => Reflect.apply(one.callback, one.handle, []))
    } finally {
      // It was made and never opened: the native side keeps it until it is closed.
      Reflect.apply(end, one.handle, [])
    }
  })
  replace(prototype, name, function (this: Handle, callback: unknown): unknown {
    if (tape.bypass) return Reflect.apply(original, this, [callback])
    const number = numbering.of(this)
    tape.begin(now)
    tape.argument(number)
    tape.result()
    const result = tape.value()
    tape.end()
    if (typeof callback === 'function' && !result) waiting.set(number, { handle: this, callback: callback as Native })
    else if (!result) Reflect.apply(end, this, [])
    return result
  })
}
