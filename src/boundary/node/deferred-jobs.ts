import { toBytes } from './entries.js'
import type { RecordTools, ReplayTools } from './handles.js'
import type { Holder, Native } from './internals.js'
import { promiseDone } from './job-promise.js'

type Job = Holder & { run(): unknown; ondone?: Native }
type JobClass = new (...args: unknown[]) => Job

/** Their results follow from their arguments: only when they were done is recorded, and a replay computes them again at
 *  that point. */
const JOBS = [
  'PBKDF2Job',
  'ScryptJob',
  'Argon2Job',
  'HKDFJob',
  'HashJob',
  'HmacJob',
  'KmacJob',
  'CShakeJob',
  'TurboShakeJob',
  'KangarooTwelveJob',
  'AESCipherJob',
  'ChaCha20Poly1305CipherJob',
  'CheckPrimeJob',
  'DHBitsJob',
  'ECDHBitsJob',
  'KEMDecapsulateJob',
  'DHKeyExportJob',
  'DSAKeyExportJob',
  'ECKeyExportJob',
  'RSAKeyExportJob',
]

const then = Promise.prototype.then

/** Work of the thread pool that is the same in every run. */
export function record(tools: RecordTools): void {
  const { internals, tape, requests, chaos } = tools
  const crypto = internals.binding('crypto')
  const done = tape.code('crypto job done')
  for (const name of JOBS) {
    const Real = crypto[name] as JobClass | undefined
    if (!Real) continue
    const own = {
      [name]: class extends Real {
        readonly #mode: unknown
        constructor(mode: unknown, ...args: unknown[]) {
          super(mode, ...args)
          this.#mode = mode
        }
        override run(): unknown {
          if (this.#mode === crypto['kCryptoJobSync']) return super.run()
          const number = requests.next()
          const cause = tape.turn
          const note = (): void => {
            tape.deliver(done, cause)
            tape.value(number)
            tape.end()
          }
          if (this.#mode !== crypto['kCryptoJobAsync']) {
            const promise = super.run() as Promise<unknown>
            Reflect.apply(then, promise, [note, note])
            return promise
          }
          const callback = this.ondone as Native
          const deliver = function (this: unknown): unknown {
            note()
            // biome-ignore lint/complexity/noArguments: passed on as they are
            return Reflect.apply(callback, this, arguments)
          }
          this.ondone = chaos ? chaos.anyOrder(deliver) : deliver
          return super.run()
        }
      },
    }
    crypto[name] = own[name]
  }
}

export function replay(tools: ReplayTools): void {
  const { internals, tape, requests, contexts } = tools
  const crypto = internals.binding('crypto')
  const waiting = new Map<number, { readonly job: Job; readonly run: () => unknown }>()
  tape.on(tape.code('crypto job done'), () => {
    const number = tape.value() as number
    tape.end()
    const one = waiting.get(number)
    if (!one) return tape.diverge(`the program has not started job ${number}`)
    waiting.delete(number)
    const result = one.run() as unknown[]
    contexts.run(one.job as never, () => Reflect.apply(one.job.ondone as Native, one.job, result))
  })
  for (const name of JOBS) {
    const Real = crypto[name] as JobClass | undefined
    if (!Real) continue
    const own = {
      [name]: class extends Real {
        readonly #mode: unknown
        /** A synchronous job reads its arguments where they stand, and nothing else may hold them. */
        readonly #kept: readonly unknown[]
        constructor(mode: unknown, ...args: unknown[]) {
          const kept = mode === crypto['kCryptoJobSync'] ? args : args.map(copyBytes)
          super(crypto['kCryptoJobSync'], ...kept)
          this.#mode = mode
          this.#kept = kept
        }
        override run(): unknown {
          const run = (): unknown => this.#kept && super.run()
          if (this.#mode === crypto['kCryptoJobSync']) return run()
          contexts.capture(this)
          waiting.set(requests.next(), { job: this, run })
          if (this.#mode === crypto['kCryptoJobAsync']) return undefined
          return promiseDone(this)
        }
      },
    }
    crypto[name] = own[name]
  }
}

/** The program may write to them, or let go of them, before an asynchronous job is run. */
function copyBytes(value: unknown): unknown {
  if (value instanceof ArrayBuffer) return value.slice(0)
  return ArrayBuffer.isView(value) ? Buffer.from(toBytes(value)) : value
}
