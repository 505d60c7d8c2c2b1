import type { RecordTools, ReplayTools } from './handles.js'
import type { Holder, Native } from './internals.js'
import { replace } from './synchronous.js'

const then = Promise.prototype.then
const pass = (made: unknown): unknown => made
const fail = (error: unknown): never => {
  throw error
}

type Compile = (source: unknown, imports?: unknown) => Promise<unknown>

/** As much of it as is used here: the compiler's own types come with the DOM's. */
interface Wasm extends Holder {
  compile: Compile
  instantiate: Compile
  readonly Module: new (source: unknown) => object
  readonly Instance: new (module: object, imports?: unknown) => object
}

/** The native side compiles them piece by piece as they arrive. */
const STREAMING = ['compileStreaming', 'instantiateStreaming']
const STREAMED = 'WebAssembly that is compiled as it streams'

/** A module that is compiled already has its instance at once. */
function isCompiled(wasm: Wasm, name: string, source: unknown): boolean {
  return name === 'instantiate' && source instanceof wasm.Module
}

/** Compiling takes a time of its own: only its end is recorded, and a replay compiles at that point. */
export function record({ tape, requests, realms, onUnfed }: RecordTools): void {
  const done = tape.code('WebAssembly done')
  realms.add('WebAssembly', (realm) => {
    const wasm = realm.WebAssembly as Wasm
    for (const name of ['compile', 'instantiate'] as const) {
      const original = wasm[name]
      replace(wasm, name, function (this: unknown, source: unknown): unknown {
        // biome-ignore lint/complexity/noArguments: passed on as they are
        const promise = Reflect.apply(original, this, arguments as never) as Promise<unknown>
        if (isCompiled(wasm, name, source)) return promise
        const number = requests.next()
        const cause = tape.turn
        const note = (): void => {
          tape.deliver(done, cause)
          tape.value(number)
          tape.end()
        }
        // What nobody catches has to stay so.
        return Reflect.apply(then, promise, [
          (made: unknown) => {
            note()
            return pass(made)
          },
          (error: unknown) => {
            note()
            return fail(error)
          },
        ])
      })
    }
    for (const name of STREAMING) {
      const original = wasm[name]
      if (typeof original !== 'function') continue
      replace(wasm, name, function (this: unknown): unknown {
        onUnfed(STREAMED)
        // biome-ignore lint/complexity/noArguments: passed on as they are
        return Reflect.apply(original as Native, this, arguments)
      })
    }
  })
}

export function replay({ tape, requests, realms }: ReplayTools): void {
  const waiting = new Map<number, () => void>()
  tape.on(tape.code('WebAssembly done'), () => {
    const number = tape.value() as number
    tape.end()
    const run = waiting.get(number)
    if (!run) return tape.diverge(`the program has not compiled module ${number}`)
    waiting.delete(number)
    run()
  })
  const answer = (compute: () => unknown): Promise<unknown> => {
    let settle: (() => void) | undefined
    const promise = new Promise((resolve, reject) => {
      settle = () => {
        try {
          resolve(compute())
        } catch (error) {
          reject(error)
        }
      }
    })
    waiting.set(requests.next(), settle!)
    // As many promises as while recording: hooks number them.
    return Reflect.apply(then, promise, [pass, fail])
  }
  realms.add('WebAssembly', (realm) => {
    const wasm = realm.WebAssembly as Wasm
    replace(wasm, 'compile', (source: unknown) => answer(() => new wasm.Module(source)))
    const { instantiate } = wasm
    replace(wasm, 'instantiate', function (this: unknown, source: unknown, imports?: unknown): unknown {
      // biome-ignore lint/complexity/noArguments: passed on as they are
      if (isCompiled(wasm, 'instantiate', source)) return Reflect.apply(instantiate, this, arguments as never)
      return answer(() => {
        const module = new wasm.Module(source)
        return { module, instance: new wasm.Instance(module, imports) }
      })
    })
  })
}
