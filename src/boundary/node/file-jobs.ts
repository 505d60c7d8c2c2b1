import { toBytes } from './entries.js'
import type { RecordTools, ReplayTools } from './handles.js'
import type { Holder, Internals, Native } from './internals.js'
import { loadArguments, saveArguments } from './requests.js'
import { findWhole } from './sources.js'
import { replace } from './synchronous.js'
import type { TapeReader, TapeWriter } from './tape.js'

type Job = Holder & { run(path?: unknown): unknown; ondone?: Native }
type JobClass = (new (...args: unknown[]) => Job) & { readonly prototype: Holder }

/** Whole files and directories in one visit to the thread pool (Node 26 and later). */
const JOBS = ['ReadFileJob', 'WriteFileJob', 'CpDirJob'] as const

/** It answers with an error, the file's bytes, a descriptor where that is too large for one visit, and its size. */
const READING = 'ReadFileJob'

/** `node:fs` took these classes before any preload: what it constructs them with is what these were asked. */
const ASKING = ['readFile', 'writeFile'] as const

/** What a job was constructed with is kept by the native side alone. */
class Orders {
  readonly #given = new WeakMap<object, ArrayLike<unknown>>()
  #asked: ArrayLike<unknown> = []

  /** Sees what goes into jobs from here on. */
  watch(internals: Internals): void {
    const binding = internals.binding('fs')
    const given = this.#given
    for (const name of JOBS) {
      const Real = binding[name] as JobClass
      const Seen = class extends Real {
        constructor(...args: unknown[]) {
          super(...args)
          given.set(this, args)
        }
      }
      Object.defineProperty(Seen, 'name', { value: name, configurable: true })
      binding[name] = Seen
    }
    const fs = process.getBuiltinModule('node:fs') as unknown as Holder
    for (const name of ASKING) this.#watchAsking(fs, name)
  }

  #watchAsking(fs: Holder, name: string): void {
    const original = fs[name] as Native
    const ask = (args: ArrayLike<unknown>): void => {
      this.#asked = args
    }
    replace(fs, name, function (this: unknown): unknown {
      // biome-ignore lint/complexity/noArguments: passed on without an array per call
      const args = arguments
      ask(args)
      try {
        return Reflect.apply(original, this, args)
      } finally {
        ask([])
      }
    })
  }

  /** Writes what is compared of a job that is about to run. */
  argue(tape: TapeWriter | TapeReader, job: object): void {
    const args = this.#given.get(job) ?? this.#asked
    for (let index = 0; index < args.length; index++) {
      const value = args[index]
      if (value instanceof ArrayBuffer || ArrayBuffer.isView(value)) tape.digest(toArgumentBytes(value))
      else if (typeof value !== 'function') tape.argument(value)
    }
  }
}

function toArgumentBytes(value: ArrayBuffer | ArrayBufferView): Uint8Array {
  return ArrayBuffer.isView(value) ? toBytes(value) : new Uint8Array(value)
}

function listJobs(internals: Internals): [name: string, prototype: Holder][] {
  const binding = internals.binding('fs')
  return JOBS.flatMap((name) => {
    const Job = binding[name] as JobClass | undefined
    return Job ? [[name, Job.prototype]] : []
  })
}

export function record({ internals, tape, requests, chaos }: RecordTools): void {
  const jobs = listJobs(internals)
  if (jobs.length === 0) return
  const orders = new Orders()
  for (const [name, prototype] of jobs) {
    const [now, later] = [tape.code(`fs.${name}`), tape.code(`fs.${name} done`)]
    const reads = name === READING
    const run = prototype['run'] as Native
    replace(prototype, 'run', function (this: Job, path: unknown): unknown {
      // biome-ignore lint/complexity/noArguments: passed on as they are
      const given = arguments
      if (tape.bypass) return Reflect.apply(run, this, given)
      tape.begin(now)
      tape.argument(path)
      orders.argue(tape, this)
      const number = requests.next()
      const cause = tape.turn
      const callback = this.ondone as Native
      const deliver = function (this: unknown): unknown {
        // biome-ignore lint/complexity/noArguments: passed on as they are
        const args = arguments
        tape.deliver(later, cause)
        tape.value(number)
        saveArguments(tape, reads ? keepSource(path, args) : args)
        tape.end()
        return Reflect.apply(callback, this, args)
      }
      this.ondone = chaos ? chaos.anyOrder(deliver) : deliver
      const refused = Reflect.apply(run, this, given)
      tape.result()
      tape.value(refused)
      tape.end()
      return refused
    })
  }
  orders.watch(internals)
}

/** What a job tells, with a hash in the place of a source. */
function keepSource(path: unknown, args: ArrayLike<unknown>): ArrayLike<unknown> {
  const source = findWhole(path, args[1])
  return source ? Array.from(args, (value, index) => (index === 1 ? source : value)) : args
}

interface Waiting {
  readonly job: Job
  readonly given: ArrayLike<unknown>
}

/** The same from the tape: no file is touched. */
export function replay({ internals, tape, requests, contexts, files }: ReplayTools): void {
  const jobs = listJobs(internals)
  if (jobs.length === 0) return
  const orders = new Orders()
  const waiting = new Map<number, Waiting>()
  for (const [name, prototype] of jobs) {
    const [now, later] = [tape.code(`fs.${name}`), tape.code(`fs.${name} done`)]
    const reads = name === READING
    const run = prototype['run'] as Native
    replace(prototype, 'run', function (this: Job, path: unknown): unknown {
      // biome-ignore lint/complexity/noArguments: passed on as they are
      const given = arguments
      if (tape.bypass) return Reflect.apply(run, this, given)
      if (reads) files.begin('readFile', given)
      tape.begin(now)
      tape.argument(path)
      orders.argue(tape, this)
      const number = requests.next()
      tape.result()
      const refused = tape.value()
      tape.end()
      if (refused !== undefined) return refused
      contexts.capture(this as never)
      waiting.set(number, { job: this, given })
      return undefined
    })
    tape.on(later, () => {
      const number = tape.value() as number
      const asked = waiting.get(number)
      if (!asked) return tape.diverge(`the program has not started job ${number}`)
      waiting.delete(number)
      const { job, given } = asked
      const told = loadArguments(tape)
      tape.end()
      const args = reads ? files.finish(given, told) : told
      contexts.run(job as never, () => Reflect.apply(job.ondone as Native, job, args))
    })
  }
  orders.watch(internals)
}
