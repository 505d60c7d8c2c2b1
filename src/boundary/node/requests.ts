import type { Chaos } from './chaos.js'
import type { Contexts } from './context.js'
import type { Native } from './internals.js'
import type { Code, TapeReader, TapeWriter } from './tape.js'

/** A native request object: Node's JavaScript puts `oncomplete` on it, the native side calls that once. */
export interface Request {
  oncomplete?: Native
  getAsyncId?(): number
}

/** Writes more than the arguments of a completion: what the native side left in the program's buffers. */
export type SaveExtra = (tape: TapeWriter, args: ArrayLike<unknown>) => void
/** Puts it back. */
export type LoadExtra = (tape: TapeReader) => void

/** Numbers requests and writes down how each completed. */
export class RequestRecorder {
  readonly #tape: TapeWriter
  readonly #chaos: Chaos | undefined
  #last = 0

  constructor(tape: TapeWriter, chaos?: Chaos) {
    this.#tape = tape
    this.#chaos = chaos
  }

  /** To be called with the request before the native call is made, or right after it where it may refuse.
   *  @param before called when the completion is about to be delivered */
  follow(code: Code, request: Request, save?: SaveExtra, before?: () => void): void {
    const tape = this.#tape
    const number = this.next()
    const cause = tape.turn
    let callback = request.oncomplete
    const late = typeof callback !== 'function'
    const oncomplete = function (this: unknown): unknown {
      // biome-ignore lint/complexity/noArguments: passed on as they are
      const args = arguments
      before?.()
      tape.deliver(code, cause)
      tape.value(number)
      save?.(tape, args)
      saveArguments(tape, args, request)
      tape.end()
      // The program shall find what it put there, and no frame of ours under its callback's.
      if (late) put(request, callback)
      else request.oncomplete = callback as Native
      return Reflect.apply(callback as Native, this, args)
    }
    if (!late) request.oncomplete = oncomplete
    else
      awaitCallback(request, oncomplete, (given) => {
        callback = given
      })
  }

  /** The same for requests that the system completes in any order. */
  followAny(code: Code, request: Request, save?: SaveExtra): void {
    this.follow(code, request, save)
    if (this.#chaos) request.oncomplete = this.#chaos.anyOrder(request.oncomplete as Native)
  }

  next(): number {
    return ++this.#last
  }
}

function put(request: Request, callback: Native | undefined): void {
  Object.defineProperty(request, 'oncomplete', {
    value: callback,
    writable: true,
    enumerable: true,
    configurable: true,
  })
}

/** A message to another process is sent before it is said what to do when that is done. */
function awaitCallback(request: Request, standIn: Native, onGiven: (callback: Native) => void): void {
  let given = false
  Object.defineProperty(request, 'oncomplete', {
    configurable: true,
    enumerable: true,
    get: () => (given ? standIn : undefined),
    set(callback: Native) {
      given = true
      onGiven(callback)
    },
  })
}

/** Knows the requests that wait and completes them as recorded. */
export class RequestReplayer {
  readonly #tape: TapeReader
  readonly #contexts: Contexts
  readonly #waiting = new Map<number, { readonly request: Request; readonly load: LoadExtra | undefined }>()
  readonly #known = new Set<Code>()
  #last = 0

  constructor(tape: TapeReader, contexts: Contexts) {
    this.#tape = tape
    this.#contexts = contexts
  }

  follow(code: Code, request: Request, load?: LoadExtra): void {
    this.#contexts.capture(request)
    this.#waiting.set(this.next(), { request, load })
    if (!this.#known.has(code)) this.expect(code)
  }

  /** Deliveries of that kind complete a request. */
  expect(code: Code): void {
    this.#known.add(code)
    this.#tape.on(code, () => this.#complete())
  }

  next(): number {
    return ++this.#last
  }

  #complete(): void {
    const tape = this.#tape
    const number = tape.value() as number
    const waiting = this.#waiting.get(number)
    if (!waiting) return tape.diverge(`the program has not made request ${number}`)
    this.#waiting.delete(number)
    const { request, load } = waiting
    load?.(tape)
    const args = loadArguments(tape, request)
    tape.end()
    this.#contexts.run(request, () => Reflect.apply(request.oncomplete as Native, request, args))
  }
}

/** Marks the place of the request itself among its arguments. */
const SELF = '\0self'

export function saveArguments(tape: TapeWriter, args: ArrayLike<unknown>, self?: unknown): void {
  tape.value(args.length)
  for (let index = 0; index < args.length; index++) {
    const value = args[index]
    tape.value(value === self && self !== undefined ? SELF : value)
  }
}

export function loadArguments(tape: TapeReader, self?: unknown): unknown[] {
  const args: unknown[] = []
  for (let left = tape.value() as number; left > 0; left--) {
    const value = tape.value()
    args.push(value === SELF ? self : value)
  }
  return args
}
