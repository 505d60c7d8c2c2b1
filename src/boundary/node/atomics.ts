import type { RecordTools, ReplayTools } from './handles.js'
import type { Holder, Native } from './internals.js'
import { type CallPlan, recordCall, replace, replayCall } from './synchronous.js'
import type { TapeReader, TapeWriter } from './tape.js'

/** The memory itself is not compared: where other threads write to it, it is refused elsewhere. */
const argue = (tape: TapeReader | TapeWriter, args: ArrayLike<unknown>): void => {
  for (let index = 1; index < args.length; index++) tape.argument(args[index])
}

const WAIT: CallPlan = { argue, flushes: true }
const NOTIFY: CallPlan = { argue }

const [WAIT_ASYNC, WOKEN] = ['Atomics.waitAsync', 'Atomics.waitAsync woken']

interface Waiting {
  readonly async: boolean
  readonly value: unknown
}

const then = Promise.prototype.then

/** Waiting on memory: how it ended, and when. */
export function record({ tape, requests, realms, join }: RecordTools): void {
  const [asked, woken] = [tape.code(WAIT_ASYNC), tape.code(WOKEN)]
  realms.add('Atomics', (realm) => {
    const atomics = realm.Atomics as Holder
    recordCall(tape, atomics, 'wait', 'Atomics.wait', WAIT)
    recordCall(tape, atomics, 'notify', 'Atomics.notify', NOTIFY)
    const original = atomics['waitAsync'] as Native
    replace(atomics, 'waitAsync', function (this: unknown): unknown {
      // biome-ignore lint/complexity/noArguments: passed on as they are
      const args = arguments
      const answer = Reflect.apply(original, this, args) as Waiting
      tape.begin(asked)
      argue(tape, args)
      tape.result()
      tape.value(answer.async)
      if (!answer.async) tape.value(answer.value)
      tape.end()
      if (!answer.async) return answer
      const number = requests.next()
      const cause = tape.turn
      const note = (how: unknown): void => {
        join()
        tape.deliver(woken, cause)
        tape.value(number)
        tape.value(how)
        tape.end()
      }
      Reflect.apply(then, answer.value as Promise<unknown>, [note])
      return answer
    })
  })
}

/** Nothing waits. */
export function replay({ tape, requests, realms }: ReplayTools): void {
  const [asked, woken] = [tape.code(WAIT_ASYNC), tape.code(WOKEN)]
  const waiting = new Map<number, (how: unknown) => void>()
  tape.on(woken, () => {
    const number = tape.value() as number
    const how = tape.value()
    tape.end()
    const wake = waiting.get(number)
    if (!wake) return tape.diverge(`the program does not wait for ${number}`)
    waiting.delete(number)
    wake(how)
  })
  realms.add('Atomics', (realm) => {
    const atomics = realm.Atomics as Holder
    replayCall(tape, atomics, 'wait', 'Atomics.wait', WAIT)
    replayCall(tape, atomics, 'notify', 'Atomics.notify', NOTIFY)
    replace(atomics, 'waitAsync', function (this: unknown): unknown {
      tape.begin(asked)
      // biome-ignore lint/complexity/noArguments: only read
      argue(tape, arguments)
      tape.result()
      const waits = tape.value() as boolean
      const value = waits ? undefined : tape.value()
      tape.end()
      if (!waits) return { async: false, value }
      const answer = new Promise((resolve) => waiting.set(requests.next(), resolve))
      // Hooks number the promise too by which a recording hears of it.
      Reflect.apply(then, answer, [() => {}])
      return { async: true, value: answer }
    })
  })
}
