import type { RecordTools, ReplayTools } from './handles.js'
import type { Holder, Internals, Native } from './internals.js'
import { replace } from './synchronous.js'

const ENGINES = ['Zlib', 'BrotliEncoder', 'BrotliDecoder', 'ZstdCompress', 'ZstdDecompress']

const NAMES = ['zlib write done', 'zlib write failed'] as const

function listEngines(internals: Internals): Holder[] {
  const zlib = internals.binding('zlib')
  return ENGINES.flatMap((name) => (zlib[name] ? [(zlib[name] as { prototype: Holder }).prototype] : []))
}

/** Compression in the thread pool is the same in every run: only when a write was done is recorded, or that it failed. */
export function record({ internals, tape, numbering }: RecordTools): void {
  const [done, failed] = NAMES.map((name) => tape.code(name))
  // A synchronous write fails within the program's own call: that is computed again.
  const writing = new WeakSet<object>()
  const note = (code: typeof done, engine: object): void => {
    writing.delete(engine)
    tape.deliver(code!, -1)
    tape.value(numbering.of(engine, tape.turn))
    tape.end()
  }
  for (const prototype of listEngines(internals)) {
    const [init, write] = [prototype['init'] as Native, prototype['write'] as Native]
    replace(prototype, 'init', function (this: object, ...args: unknown[]): unknown {
      const engine = this
      numbering.of(engine, tape.turn)
      const at = args.findIndex((one) => typeof one === 'function')
      const callback = args[at] as Native
      args[at] = function (this: unknown): unknown {
        note(done, engine)
        // biome-ignore lint/complexity/noArguments: passed on as they are
        return Reflect.apply(callback, this, arguments)
      }
      return Reflect.apply(init, this, args)
    })
    replace(prototype, 'write', function (this: object): unknown {
      writing.add(this)
      // biome-ignore lint/complexity/noArguments: passed on without an array per call
      return Reflect.apply(write, this, arguments)
    })
    watchErrors(prototype, (engine, callback) => {
      return function (this: unknown): unknown {
        if (writing.has(engine)) note(failed, engine)
        // biome-ignore lint/complexity/noArguments: passed on as they are
        return Reflect.apply(callback, this, arguments)
      }
    })
  }
}

/** Stands between what is put on an engine and the native side, which looks it up there. */
function watchErrors(prototype: Holder, wrap: (engine: object, callback: Native) => Native): void {
  const wrapped = new WeakMap<object, Native>()
  Object.defineProperty(prototype, 'onerror', {
    configurable: true,
    get(this: object) {
      return wrapped.get(this)
    },
    set(this: object, callback: Native) {
      wrapped.set(this, wrap(this, callback))
    },
  })
}

interface Written {
  readonly engine: Holder
  readonly callback: Native
  args?: unknown[]
}

/** An asynchronous write is made synchronously when its recorded end comes. */
export function replay({ internals, tape, contexts, numbering }: ReplayTools): void {
  const engines = new Map<number, Written>()
  const [done, failed] = NAMES.map((name) => tape.code(name))
  let failures = 0
  const take = (): Written & { args: unknown[] } => {
    const one = engines.get(tape.value() as number)
    tape.end()
    if (!one?.args) return tape.diverge('the program has not written to that engine')
    const { engine, callback, args } = one
    delete one.args
    return { engine, callback, args }
  }
  const write = ({ engine, args }: ReturnType<typeof take>): unknown =>
    Reflect.apply(engine['writeSync'] as Native, engine, args)
  tape.on(done!, () => {
    const one = take()
    const before = failures
    write(one)
    if (failures > before) return tape.diverge('the write fails')
    contexts.run(one.engine as never, () => Reflect.apply(one.callback, one.engine, []))
  })
  tape.on(failed!, () => {
    const one = take()
    const before = failures
    contexts.run(one.engine as never, () => write(one))
    if (failures === before) tape.diverge('the write does not fail')
  })
  for (const prototype of listEngines(internals)) {
    const init = prototype['init'] as Native
    replace(prototype, 'init', function (this: Holder, ...args: unknown[]): unknown {
      const callback = args.find((one) => typeof one === 'function') as Native
      engines.set(numbering.of(this), { engine: this, callback })
      contexts.capture(this)
      return Reflect.apply(init, this, args)
    })
    replace(prototype, 'write', function (this: Holder, ...args: unknown[]): unknown {
      engines.get(numbering.of(this))!.args = args
      return undefined
    })
    watchErrors(prototype, (_, callback) => {
      return function (this: unknown): unknown {
        failures++
        // biome-ignore lint/complexity/noArguments: passed on as they are
        return Reflect.apply(callback, this, arguments)
      }
    })
  }
}
