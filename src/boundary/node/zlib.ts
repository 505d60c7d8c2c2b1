import { disguise } from './disguise.js'
import type { RecordTools, ReplayTools } from './handles.js'
import type { Holder, Internals, Native } from './internals.js'
import { replace } from './synchronous.js'

const ENGINES = ['Zlib', 'BrotliEncoder', 'BrotliDecoder', 'ZstdCompress', 'ZstdDecompress']

const NAMES = { done: 'zlib write done', failed: 'zlib write failed' } as const

function listEngines(internals: Internals): Holder[] {
  const zlib = internals.binding('zlib')
  return ENGINES.flatMap((name) => (zlib[name] ? [(zlib[name] as { prototype: Holder }).prototype] : []))
}

/** Compression in the thread pool is the same in every run: only when a write was done is recorded, or that it failed. */
export function record({ internals, tape, numbering }: RecordTools): void {
  const done = tape.code(NAMES.done)
  const failed = tape.code(NAMES.failed)
  // A synchronous write fails within the program's own call: that is computed again.
  const writing = new WeakSet<object>()
  const note = (code: typeof done, engine: object): void => {
    writing.delete(engine)
    tape.deliver(code, -1)
    tape.value(numbering.of(engine, tape.turn))
    tape.end()
  }
  const watchDone = standBefore((engine) => note(done, engine))
  const watchError = standBefore((engine) => {
    if (writing.has(engine)) note(failed, engine)
  })
  for (const prototype of listEngines(internals)) {
    const init = prototype['init'] as Native
    const write = prototype['write'] as Native
    replace(prototype, 'init', function (this: object): unknown {
      numbering.of(this, tape.turn)
      // biome-ignore lint/complexity/noArguments: passed on without an array per call
      const args = arguments
      const at = findCallback(args)
      if (at >= 0) args[at] = watchDone(args[at] as Native)
      return Reflect.apply(init, this, args)
    })
    replace(prototype, 'write', function (this: Holder): unknown {
      writing.add(this)
      watchErrors(this, watchError)
      // biome-ignore lint/complexity/noArguments: passed on without an array per call
      return Reflect.apply(write, this, arguments)
    })
  }
}

/** Where `init` is told what to call when a write is done. */
function findCallback(args: ArrayLike<unknown>): number {
  let at = args.length - 1
  while (at >= 0 && typeof args[at] !== 'function') at--
  return at
}

/** Has something done before what the native side calls on an engine. There is one stand-in for each callback: Node's own is
 *  that of all engines. */
function standBefore(act: (engine: object) => void): (callback: Native) => Native {
  const standIns = new WeakMap<Native, Native>()
  return (callback) => {
    const known = standIns.get(callback)
    if (known) return known
    const standIn = disguise(function (this: unknown): unknown {
      act(this as object)
      // biome-ignore lint/complexity/noArguments: passed on as they are
      return Reflect.apply(callback, this, arguments)
    }, callback)
    standIns.set(callback, standIn)
    standIns.set(standIn, standIn)
    return standIn
  }
}

/** The native side looks it up on the engine, where it stays a property like any other: an accessor on the prototype would
 *  take it away from those that the program may list. */
function watchErrors(engine: Holder, watch: (callback: Native) => Native): void {
  const callback = engine['onerror']
  if (typeof callback === 'function') engine['onerror'] = watch(callback as Native)
}

interface Written {
  readonly engine: Holder
  readonly args: ArrayLike<unknown>
}

/** An asynchronous write is made synchronously when its recorded end comes. */
export function replay({ internals, tape, contexts, numbering }: ReplayTools): void {
  /** Engines are kept while something is being written, as by the native side, and no longer. */
  const writing = new Map<number, Written>()
  const callbacks = new WeakMap<object, Native>()
  const done = tape.code(NAMES.done)
  const failed = tape.code(NAMES.failed)
  let failures = 0
  const watchError = standBefore(() => {
    failures++
  })
  const take = (): Written => {
    const number = tape.value() as number
    const one = writing.get(number)
    tape.end()
    if (!one) return tape.diverge('the program has not written to that engine')
    writing.delete(number)
    return one
  }
  const write = ({ engine, args }: Written): unknown => Reflect.apply(engine['writeSync'] as Native, engine, args)
  tape.on(done, () => {
    const one = take()
    const before = failures
    write(one)
    if (failures > before) return tape.diverge('the write fails')
    contexts.run(one.engine as never, () => Reflect.apply(callbacks.get(one.engine)!, one.engine, []))
  })
  tape.on(failed, () => {
    const one = take()
    const before = failures
    contexts.run(one.engine as never, () => write(one))
    if (failures === before) tape.diverge('the write does not fail')
  })
  for (const prototype of listEngines(internals)) {
    const init = prototype['init'] as Native
    replace(prototype, 'init', function (this: Holder): unknown {
      // biome-ignore lint/complexity/noArguments: passed on without an array per call
      const args = arguments
      const at = findCallback(args)
      if (at >= 0) callbacks.set(this, args[at] as Native)
      numbering.of(this)
      tape.release(this)
      contexts.capture(this)
      return Reflect.apply(init, this, args)
    })
    replace(prototype, 'write', function (this: Holder): unknown {
      watchErrors(this, watchError)
      // biome-ignore lint/complexity/noArguments: passed on without an array per call
      writing.set(numbering.of(this), { engine: this, args: arguments })
      return undefined
    })
  }
}
