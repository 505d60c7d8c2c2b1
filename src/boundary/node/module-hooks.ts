import type { RecordTools, ReplayTools } from './handles.js'
import { IdCounter } from './id-counter.js'
import type { Holder, Internals, Native } from './internals.js'
import type { MessageReader, MessageWriter } from './messages.js'
import { OwnScope } from './own-scope.js'
import { OUTCOME, replace } from './synchronous.js'
import type { Code, TapeWriter } from './tape.js'

const { add } = Atomics
const then = Promise.prototype.then

/** The ends of Node's line to the thread that runs the hooks (lib/internal/modules/esm/hooks.js): its worker, and the
 *  proxy that asks it. The proxy sleeps on shared memory until it is answered. */
interface Line {
  readonly proxy: { readonly prototype: { makeAsyncRequest: Ask; waitForWorker(): void } & object }
  readonly workers: Holder & { InternalWorker: WorkerClass }
}

type Ask = (method: string, transfer: readonly object[] | undefined, ...args: unknown[]) => Promise<unknown>

interface InternalWorker {
  postMessage(message: unknown, transfer?: readonly object[]): void
  receiveMessageSync(): { readonly message: unknown } | undefined
}

interface ThreadOptions {
  readonly workerData: { readonly lock: SharedArrayBuffer }
}

interface WorkerClass {
  new (file: string, options: ThreadOptions): InternalWorker
  readonly prototype: InternalWorker
}

/** @returns undefined where this Node has no such thread */
function findLine(internals: Internals): Line | undefined {
  try {
    // Keeps `receiveMessageOnPort` to itself when it is loaded: what it receives is none of the program's.
    const { HooksProxy, AsyncLoaderHookWorker } = internals.builtin('internal/modules/esm/hooks')
    const proxy = (HooksProxy ?? AsyncLoaderHookWorker) as Line['proxy'] | undefined
    return proxy && { proxy, workers: internals.builtin('internal/worker') as Line['workers'] }
  } catch {
    return undefined
  }
}

const NAMES = {
  asked: 'module hooks asked',
  answered: 'module hooks answered',
  received: 'module hooks answer',
} as const

/** Module hooks run on a thread that Node starts for itself. What it answered is taken down. */
export function record(tools: RecordTools, messages: MessageWriter): void {
  const { internals, tape, requests } = tools
  const line = findLine(internals)
  if (!line) return
  const [asked, answered, received] = [tape.code(NAMES.asked), tape.code(NAMES.answered), tape.code(NAMES.received)]
  const ids = new IdCounter(internals)
  const errors = findErrors(internals)
  const scope = new OwnScope((answers) => {
    tape.deliver(answered, answers[0]!.cause)
    tape.value(answers.length)
    for (const { number, outcome, value } of answers) {
      tape.value(number)
      tape.value(outcome)
      if (outcome === OUTCOME.threw) tape.value(errors.serialize(value))
      else messages.write(value)
    }
    tape.value(ids.value)
    tape.end()
  })
  const { prototype } = line.proxy
  const original = prototype.makeAsyncRequest
  replace(prototype, 'makeAsyncRequest', function (this: unknown, ...args: Parameters<Ask>): Promise<unknown> {
    const number = requests.next()
    if (seesPromises(internals)) tools.onUnfed('async_hooks together with module hooks')
    const promise = Reflect.apply(original, this, args)
    const cause = tape.turn
    note(tape, asked, ids.value)
    return new Promise((resolve, reject) => {
      Reflect.apply(then, promise, [
        (value: unknown) => scope.add({ number, outcome: OUTCOME.returned, value, cause, settle: resolve }),
        (value: unknown) => scope.add({ number, outcome: OUTCOME.threw, value, cause, settle: reject }),
      ])
    })
  })
  const { prototype: worker } = line.workers.InternalWorker
  const receive = worker.receiveMessageSync
  replace(worker, 'receiveMessageSync', function (this: unknown) {
    const answer = Reflect.apply(receive, this, [])
    tape.begin(received)
    tape.result()
    tape.value(answer !== undefined)
    if (answer) messages.write(answer.message)
    tape.end()
    return answer
  })
}

function note(tape: TapeWriter, code: Code, value: number): void {
  tape.begin(code)
  tape.result()
  tape.value(value)
  tape.end()
}

/** The same from the tape. Node's own JavaScript asks as it did, and no thread is started. */
export function replay(tools: ReplayTools, messages: MessageReader): void {
  const { internals, tape, requests } = tools
  const line = findLine(internals)
  if (!line) return
  const [asked, answered, received] = [tape.code(NAMES.asked), tape.code(NAMES.answered), tape.code(NAMES.received)]
  const ids = new IdCounter(internals)
  const errors = findErrors(internals)
  const waiting = new Map<number, { resolve(value: unknown): void; reject(error: unknown): void }>()
  tape.on(answered, () => {
    const settled: (() => void)[] = []
    for (let left = tape.value() as number; left > 0; left--) {
      const number = tape.value() as number
      const threw = tape.value() === OUTCOME.threw
      const value = threw ? errors.deserialize(tape.value() as Uint8Array) : messages.read().message
      const one = waiting.get(number)
      if (!one) return tape.diverge(`the program has not asked its module hooks for ${number}`)
      waiting.delete(number)
      settled.push(() => (threw ? one.reject(value) : one.resolve(value)))
    }
    ids.value = tape.value() as number
    tape.end()
    for (const settle of settled) settle()
  })
  const receive = (): { readonly message: unknown } | undefined => {
    tape.begin(received)
    tape.result()
    const answer = tape.value() ? { message: messages.read().message } : undefined
    tape.end()
    return answer
  }
  let worker: InternalWorker | undefined
  line.workers.InternalWorker = standIn(line.workers.InternalWorker, receive, (made) => {
    tools.sources.guard?.onHooks()
    worker = made
  })
  const { MessageChannel } = internals.builtin('internal/worker/io') as { MessageChannel: new () => { port2: object } }
  replace(
    line.proxy.prototype,
    'makeAsyncRequest',
    function (
      this: Line['proxy']['prototype'],
      ...[method, transfer = [], ...args]: Parameters<Ask>
    ): Promise<unknown> {
      const number = requests.next()
      try {
        this.waitForWorker()
        const { port2: port } = new MessageChannel()
        worker!.postMessage(Object.assign(Object.create(null), { method, args, port }), [port, ...transfer])
      } catch {
        // The recorded answer is that error.
      }
      tape.begin(asked)
      tape.result()
      ids.value = tape.value() as number
      tape.end()
      return new Promise((resolve, reject) => {
        waiting.set(number, { resolve, reject })
      })
    },
  )
}

/** A worker that is never started: the lock never holds anybody up, because every step raises it. */
function standIn(
  Real: WorkerClass,
  receive: InternalWorker['receiveMessageSync'],
  onMade: (worker: InternalWorker) => void,
) {
  return class InternalWorker extends Real {
    readonly #lock: Int32Array

    constructor(file: string, options: ThreadOptions) {
      super(file, options)
      this.#lock = new Int32Array(options.workerData.lock)
      add(this.#lock, 0, 1)
      onMade(this)
    }

    override postMessage(message: unknown, transfer?: readonly object[]): void {
      add(this.#lock, 0, 1)
      super.postMessage(message, transfer)
    }

    override receiveMessageSync(): { readonly message: unknown } | undefined {
      add(this.#lock, 0, 1)
      return receive()
    }
  }
}

/** Node's own way of sending an error to another thread. */
function findErrors(internals: Internals) {
  const serdes = (): Holder => internals.builtin('internal/error_serdes')
  return {
    serialize: (error: unknown) =>
      Reflect.apply(serdes()['serializeError'] as Native, undefined, [error]) as Uint8Array,
    deserialize: (bytes: Uint8Array) => Reflect.apply(serdes()['deserializeError'] as Native, undefined, [bytes]),
  }
}

/** Whether hooks of the program's are told of each promise: those of the proxy are not the same in a replay.
 *  AsyncLocalStorage of Node 20 is one, which keeps what it learns to itself. */
function seesPromises(internals: Internals): boolean {
  const { getHookArrays } = internals.builtin('internal/async_hooks') as { getHookArrays(): readonly [object[]] }
  return getHookArrays()[0].some((hook) =>
    Object.getOwnPropertySymbols(hook).some((symbol) => {
      const init = (hook as Record<symbol, unknown>)[symbol]
      return symbol.description === 'init' && typeof init === 'function' && !String(init).includes('storageList')
    }),
  )
}
