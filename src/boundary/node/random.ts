import { toBytes } from './entries.js'
import type { RecordTools, ReplayTools } from './handles.js'
import type { Holder, Native } from './internals.js'
import { loadArguments, saveArguments } from './requests.js'

type Job = Holder & { run(): unknown; ondone?: Native; oncomplete?: Native }
type JobClass = new (mode: unknown, buffer: ArrayBufferView | ArrayBuffer, offset: number, size: number) => Job

function toTarget(buffer: ArrayBufferView | ArrayBuffer, offset: number, size: number): Uint8Array {
  const bytes = ArrayBuffer.isView(buffer) ? toBytes(buffer) : new Uint8Array(buffer)
  return bytes.subarray(offset, offset + size)
}

/** Random bytes of `node:crypto`: values. It is not loaded yet when a preload runs, so its class can be replaced. */
export function record({ internals, tape, requests }: RecordTools): void {
  const binding = internals.binding('crypto')
  const Real = binding['RandomBytesJob'] as JobClass
  const asynchronous = binding['kCryptoJobAsync']
  const [now, later] = [tape.code('crypto.randomBytes'), tape.code('crypto.randomBytes completed')]
  binding['RandomBytesJob'] = class RandomBytesJob extends (Real as new (...args: never[]) => Job) {
    readonly #mode: unknown
    readonly #target: Uint8Array
    constructor(mode: unknown, buffer: ArrayBufferView, offset: number, size: number) {
      super(...([mode, buffer, offset, size] as never[]))
      this.#mode = mode
      this.#target = toTarget(buffer, offset ?? 0, size)
    }
    override run(): unknown {
      const target = this.#target
      tape.begin(now)
      tape.argument(target.length)
      if (this.#mode === asynchronous) {
        tape.result()
        tape.end()
        const number = requests.next()
        const cause = tape.turn
        const done = this.ondone as Native
        this.ondone = function (this: unknown): unknown {
          // biome-ignore lint/complexity/noArguments: passed on as they are
          const args = arguments
          tape.deliver(later, cause)
          tape.value(number)
          tape.bytes(target)
          saveArguments(tape, args)
          tape.end()
          return Reflect.apply(done, this, args)
        }
        return super.run()
      }
      const result = super.run()
      tape.result()
      tape.bytes(target)
      tape.end()
      return result
    }
  }
}

export function replay({ internals, tape, requests, contexts }: ReplayTools): void {
  const binding = internals.binding('crypto')
  const Real = binding['RandomBytesJob'] as JobClass
  const asynchronous = binding['kCryptoJobAsync']
  const [now, later] = [tape.code('crypto.randomBytes'), tape.code('crypto.randomBytes completed')]
  const waiting = new Map<number, { readonly job: Job; readonly target: Uint8Array }>()
  tape.on(later, () => {
    const number = tape.value() as number
    const one = waiting.get(number)
    if (!one) return tape.diverge(`the program has not asked for random bytes ${number}`)
    waiting.delete(number)
    one.target.set(tape.value() as Uint8Array)
    const args = loadArguments(tape)
    tape.end()
    contexts.run(one.job as never, () => Reflect.apply(one.job.ondone as Native, one.job, args))
  })
  binding['RandomBytesJob'] = class RandomBytesJob extends (Real as new (...args: never[]) => Job) {
    readonly #mode: unknown
    readonly #target: Uint8Array
    constructor(mode: unknown, buffer: ArrayBufferView, offset: number, size: number) {
      super(...([mode, buffer, offset, size] as never[]))
      this.#mode = mode
      this.#target = toTarget(buffer, offset ?? 0, size)
    }
    override run(): unknown {
      tape.begin(now)
      tape.argument(this.#target.length)
      tape.result()
      if (this.#mode === asynchronous) {
        tape.end()
        contexts.capture(this)
        waiting.set(requests.next(), { job: this, target: this.#target })
        return undefined
      }
      this.#target.set(tape.value() as Uint8Array)
      tape.end()
      return [undefined, undefined]
    }
  }
}
