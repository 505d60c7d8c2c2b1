import type { RecordTools, ReplayTools } from './handles.js'
import type { Holder, Native } from './internals.js'
import { promiseDone, toCause } from './job-promise.js'
import { KeyHandles } from './key-handles.js'
import { argueAll } from './synchronous.js'

type Job = Holder & { run(): unknown; ondone?: Native }
type JobClass = new (...args: unknown[]) => Job
type Outcome = readonly [error: unknown, result: unknown]

/** Work of `node:crypto` in which chance has a part: keys, primes, signatures, padding. What came out is recorded, where a
 *  scheme knows no chance too: whether it does stands within the key. */
const JOBS = [
  'RsaKeyPairGenJob',
  'DsaKeyPairGenJob',
  'DhKeyPairGenJob',
  'EcKeyPairGenJob',
  'NidKeyPairGenJob',
  'NamedKeyPairGenJob',
  'SecretKeyGenJob',
  'RandomPrimeJob',
  'SignJob',
  'RSACipherJob',
  'KEMEncapsulateJob',
]

const then = Promise.prototype.then

/** Its modules are not loaded when a preload runs, so the classes can be replaced. */
function replaceJobs(crypto: Holder, extend: (name: string, Real: JobClass) => JobClass): void {
  for (const name of JOBS) {
    const Real = crypto[name] as JobClass | undefined
    if (!Real) continue
    const own = extend(name, Real)
    Object.defineProperty(own, 'name', { value: name, configurable: true })
    crypto[name] = own
  }
}

export function record({ internals, tape, requests }: RecordTools): void {
  const crypto = internals.binding('crypto')
  const keys = new KeyHandles(internals)
  const { kCryptoJobSync, kCryptoJobAsync } = crypto
  replaceJobs(crypto, (name, Real) => {
    const [now, later] = [tape.code(`crypto.${name}`), tape.code(`crypto.${name} done`)]
    const save = ([error, result]: Outcome): void => {
      tape.value(error)
      tape.value(keys.keep(result))
      tape.end()
    }
    return class extends Real {
      readonly #mode: unknown
      readonly #args: readonly unknown[]
      constructor(mode: unknown, ...args: unknown[]) {
        super(mode, ...args)
        this.#mode = mode
        this.#args = args
      }
      override run(): unknown {
        tape.begin(now)
        argueAll(tape, this.#args)
        if (this.#mode === kCryptoJobSync) {
          const outcome = super.run() as Outcome
          tape.result()
          save(outcome)
          return outcome
        }
        tape.result()
        tape.end()
        const number = requests.next()
        const cause = tape.turn
        const deliver = (error: unknown, result: unknown): void => {
          tape.deliver(later, cause)
          tape.value(number)
          save([error, result])
        }
        if (this.#mode !== kCryptoJobAsync) {
          const promise = super.run() as Promise<unknown>
          const [ok, failed] = [
            (result: unknown) => deliver(undefined, result),
            (error: unknown) => deliver(toCause(error), undefined),
          ]
          Reflect.apply(then, promise, [ok, failed])
          return promise
        }
        const callback = this.ondone as Native
        this.ondone = function (this: unknown, error: unknown, result: unknown): unknown {
          deliver(error, result)
          // biome-ignore lint/complexity/noArguments: passed on as they are
          return Reflect.apply(callback, this, arguments)
        }
        return super.run()
      }
    }
  })
}

/** Nothing is computed. */
export function replay({ internals, tape, requests, contexts }: ReplayTools): void {
  const crypto = internals.binding('crypto')
  const keys = new KeyHandles(internals)
  const { kCryptoJobSync, kCryptoJobAsync } = crypto
  const waiting = new Map<number, Job>()
  const load = (): Outcome => {
    const outcome: Outcome = [tape.value(), keys.revive(tape.value())]
    tape.end()
    return outcome
  }
  replaceJobs(crypto, (name, Real) => {
    const [now, later] = [tape.code(`crypto.${name}`), tape.code(`crypto.${name} done`)]
    tape.on(later, () => {
      const number = tape.value() as number
      const job = waiting.get(number)
      if (!job) return tape.diverge(`the program has not started job ${number}`)
      waiting.delete(number)
      const outcome = load()
      contexts.run(job as never, () => Reflect.apply(job.ondone as Native, job, outcome))
    })
    return class extends Real {
      readonly #mode: unknown
      readonly #args: readonly unknown[]
      constructor(mode: unknown, ...args: unknown[]) {
        super(mode, ...args)
        this.#mode = mode
        this.#args = args
      }
      override run(): unknown {
        tape.begin(now)
        argueAll(tape, this.#args)
        tape.result()
        if (this.#mode === kCryptoJobSync) return load()
        tape.end()
        contexts.capture(this)
        waiting.set(requests.next(), this)
        if (this.#mode === kCryptoJobAsync) return undefined
        return promiseDone(this)
      }
    }
  })
}
