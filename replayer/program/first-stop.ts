import type { Holder, Internals } from '../../src/boundary/node/internals.js'
import { replace } from '../../src/boundary/node/synchronous.js'

interface Connection {
  dispatch(message: string): void
  disconnect(): void
}

interface Message {
  readonly method?: string
  readonly result?: { readonly breakpointId?: string }
  readonly error?: object
  readonly params?: {
    readonly scriptId?: string
    readonly url?: string
    readonly callFrames?: readonly { readonly location: { readonly scriptId: string } }[]
  }
}

type Emit = (this: unknown, event: string | symbol, ...args: unknown[]) => boolean

// The program may put its own in their place.
const { apply } = Reflect
const { parse, stringify } = JSON

const NODE = '^node:'
const WASM = '^wasm:'
const LIBRARIES = /[\\/]node_modules[\\/]/

/** Brings a program to the next line of its own. Within its process: a step takes microseconds, and to come through Node's
 *  own code takes hundreds. */
export class FirstStop {
  readonly #connection: Connection
  readonly #dispatch: Connection['dispatch']
  readonly #disconnect: Connection['disconnect']
  readonly #others: RegExp
  readonly #onStop: () => void
  readonly #urls = new Map<string, string>()
  #awaitsFirst = false
  #breakpoint: string | undefined
  #undo: () => unknown = () => {}
  #steps = false
  #done = false
  #ended = false

  /** To be made before the program's first line: it keeps Node's own functions.
   *  @param places the file that this is part of, and the one that the program runs
   *  @param onStop it stands at a line of its own, and runs on when this returns and nobody is connected */
  constructor(internals: Internals, places: { preload: string; main: string }, onStop: () => void) {
    const { Connection } = internals.binding('inspector') as Holder & {
      Connection: new (hear: (message: string) => void) => Connection
    }
    const { dispatch, disconnect } = Connection.prototype as Connection
    this.#connection = withoutIds(internals, () => new Connection((message) => this.#hear(message)))
    this.#dispatch = dispatch
    this.#disconnect = disconnect
    this.#onStop = onStop
    const others = [NODE, WASM, `${toPattern(places.preload)}$`]
    // A library is none of the program's own files, unless it is what was started.
    this.#others = new RegExp((LIBRARIES.test(places.main) ? others : [...others, LIBRARIES.source]).join('|'))
  }

  /** From here on. */
  begin(): void {
    this.#post('Debugger.enable')
    this.#undo = standAside(
      () => this.#post('Debugger.disable'),
      () => this.#watch(),
    )
    this.#awaitsFirst = ![...this.#urls.values()].some((url) => this.#isOwn(url))
    if (this.#awaitsFirst) return
    // biome-ignore lint/suspicious/noDebugger: here the stepping begins
    debugger
  }

  /** Somebody else has it. */
  end(): void {
    if (this.#ended) return
    this.#ended = true
    apply(this.#disconnect, this.#connection, [])
    this.#undo()
  }

  #watch(): void {
    this.#post('Debugger.enable')
    this.#post('Debugger.setBlackboxPatterns', { patterns: [this.#others.source] })
  }

  #post(method: string, params: object = {}): void {
    apply(this.#dispatch, this.#connection, [stringify({ id: 1, method, params })])
  }

  #isOwn(url: string): boolean {
    return url !== '' && !this.#others.test(url)
  }

  #hear(text: string): void {
    const { method, params, result, error } = parse(text) as Message
    if (result?.breakpointId) this.#breakpoint = result.breakpointId
    // A script without a line to stop at.
    if (error && !this.#steps && !this.#done) this.#awaitsFirst = true
    if (method === 'Debugger.scriptParsed') this.#onScript(params!.scriptId!, params!.url!)
    else if (method === 'Debugger.paused') this.#onPaused(params!.callFrames![0]?.location.scriptId)
  }

  /** Before its first line the program has nothing to step into: its first script is stopped at. */
  #onScript(scriptId: string, url: string): void {
    this.#urls.set(scriptId, url)
    if (!this.#awaitsFirst || !this.#isOwn(url)) return
    this.#awaitsFirst = false
    this.#post('Debugger.setBreakpoint', { location: { scriptId, lineNumber: 0 } })
  }

  #onPaused(scriptId: string | undefined): void {
    if (this.#done) return
    const url = this.#urls.get(scriptId ?? '') ?? ''
    if (!this.#isOwn(url)) {
      // A `debugger` in what is passed over would not stop.
      if (!this.#steps) this.#watch()
      this.#steps = true
      // What Node has in its start-up snapshot belongs to no context, and stops in spite of the patterns.
      return this.#post('Debugger.stepInto')
    }
    this.#done = true
    if (this.#breakpoint) this.#post('Debugger.removeBreakpoint', { breakpointId: this.#breakpoint })
    // Node still waits for the end of the stops before this one, which had nobody to end them.
    this.#post('Debugger.resume')
    this.#onStop()
  }
}

function toPattern(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
}

/** The last events of a process come in no native callback scope. To be told of a stop would be one, with ticks and
 *  microtasks at its end. @returns takes that back */
function standAside(leave: () => void, back: () => void): () => unknown {
  const holder = Object.getPrototypeOf(process) as { emit: Emit }
  const { emit } = holder
  const own = Object.getOwnPropertyDescriptor(holder, 'emit')
  replace(holder, 'emit', function (this: unknown, event: string | symbol): boolean {
    // biome-ignore lint/complexity/noArguments: passed on as they are
    const args = arguments as unknown as unknown[]
    if (this !== process || (event !== 'beforeExit' && event !== 'exit')) return apply(emit, this, args)
    leave()
    try {
      return apply(emit, this, args)
    } finally {
      if (event === 'beforeExit') back()
    }
  })
  return () => (own ? Object.defineProperty(holder, 'emit', own) : Reflect.deleteProperty(holder, 'emit'))
}

/** What is made takes no number of the program's. */
function withoutIds<T>(internals: Internals, make: () => T): T {
  const { async_id_fields: fields, constants } = internals.binding('async_wrap') as unknown as {
    async_id_fields: Float64Array
    constants: { readonly kAsyncIdCounter: number }
  }
  const last = fields[constants.kAsyncIdCounter]!
  const made = make()
  fields[constants.kAsyncIdCounter] = last
  return made
}
