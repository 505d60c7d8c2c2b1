import { disguise } from './disguise.js'
import type { Tape, TapeReader, TapeWriter } from './tape.js'
import type { Ticks } from './ticks.js'
import type { Pump } from './timers.js'

type Emit = (this: NodeJS.Process, event: string | symbol, ...args: unknown[]) => boolean

/** What Node itself emits on `process` when a loop has run dry, when an error was not caught, and at the end. */
interface Endings {
  beforeExit(emit: () => boolean): boolean
  exit(code: unknown, emit: () => boolean): boolean
  uncaught(): void
}

function toCodes(tape: Tape) {
  return { beforeExit: tape.code('beforeExit'), exit: tape.code('exit'), exited: tape.code('exited') }
}

export function record(tape: TapeWriter, ticks: Ticks): void {
  const codes = toCodes(tape)
  watch({
    beforeExit(emit) {
      tape.deliver(codes.beforeExit, -1)
      tape.end()
      tape.flush()
      return emit()
    },
    exit(code, emit) {
      note(codes.exit, code)
      const result = emit()
      note(codes.exited, process.exitCode)
      // Node may still look at stderr to print an error.
      tape.writeThrough()
      return result
    },
    uncaught: () => ticks.uncaught(),
  })

  function note(code: typeof codes.exit, value: unknown): void {
    tape.begin(code)
    tape.argument(value)
    tape.result()
    tape.end()
    tape.flush()
  }
}

/** @param onExited called when the program has run to its end; what it does from there on is not delivered to */
export function replay(tape: TapeReader, ticks: Ticks, getPump: () => Pump, onExited: () => void): void {
  const codes = toCodes(tape)
  tape.on(codes.beforeExit, () =>
    tape.diverge('the program waits, where the recorded one had nothing left to wait for'),
  )
  watch({
    beforeExit(emit) {
      if (tape.peek() !== 'delivery' || tape.next !== codes.beforeExit) {
        return tape.diverge('the program has nothing left to wait for')
      }
      let result = false
      tape.on(codes.beforeExit, () => {
        tape.end()
        result = emit()
      })
      try {
        tape.deliver()
      } finally {
        ;(process as unknown as { _tickCallback(): void })._tickCallback()
        if (!(tape.peek() === 'call' && tape.next === codes.exit)) getPump().start()
      }
      return result
    },
    exit(code, emit) {
      check(codes.exit, code)
      const result = emit()
      check(codes.exited, process.exitCode)
      onExited()
      return result
    },
    uncaught: () => ticks.uncaught(),
  })

  function check(code: typeof codes.exit, value: unknown): void {
    tape.begin(code)
    tape.argument(value)
    tape.result()
    tape.end()
  }
}

/** Stands in front of `process.emit`: Node emits these three from its native side, in no callback scope of their own. */
function watch(endings: Endings): void {
  const original = process.emit as unknown as Emit
  const watched: Emit = function emit(this: NodeJS.Process, event) {
    // biome-ignore lint/complexity/noArguments: an array would have to be made for each event of the program's
    const all = arguments as unknown as [string, ...unknown[]]
    const proceed = (): boolean => Reflect.apply(original, this, all)
    if (this !== process) return proceed()
    if (event === 'beforeExit') return endings.beforeExit(proceed)
    if (event === 'exit') return endings.exit(all[1], proceed)
    if (event === 'uncaughtExceptionMonitor') endings.uncaught()
    return proceed()
  }
  // A property of its own would be seen by a program that lists those of `process`.
  const holder = Object.getPrototypeOf(process) as object
  Object.defineProperty(holder, 'emit', {
    value: disguise(watched, original),
    writable: true,
    configurable: true,
    enumerable: false,
  })
}

/** A loop that has run dry is delivered by Node itself, not by the pump. */
export function isEnding(tape: TapeReader): () => boolean {
  const code = tape.code('beforeExit')
  return () => tape.peek() === 'delivery' && tape.next === code
}
