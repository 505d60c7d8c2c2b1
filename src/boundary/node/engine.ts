import type { RecordTools, ReplayTools } from './handles.js'
import { replace } from './synchronous.js'

const then = Promise.prototype.then
const nothing = (): void => {}

type Compile = (source: unknown, imports?: unknown) => Promise<unknown>

/** As much of it as is used here: the compiler's own types come with the DOM's. */
interface Wasm {
  compile: Compile
  instantiate: Compile
  readonly Module: new (source: unknown) => object
  readonly Instance: new (module: object, imports?: unknown) => object
}

const wasm = (globalThis as unknown as { WebAssembly: Wasm }).WebAssembly

/** What the engine itself does at a time of its own: compiling WebAssembly, collecting garbage. */
export function record({ tape, requests }: RecordTools): void {
  const done = tape.code('WebAssembly done')
  for (const name of ['compile', 'instantiate'] as const) {
    const original = wasm[name]
    replace(wasm, name, function (this: unknown): unknown {
      // biome-ignore lint/complexity/noArguments: passed on as they are
      const promise = Reflect.apply(original, this, arguments as never) as Promise<unknown>
      const [number, cause] = [requests.next(), tape.turn]
      const note = (): void => {
        tape.deliver(done, cause)
        tape.value(number)
        tape.end()
      }
      Reflect.apply(then, promise, [note, note])
      return promise
    })
  }
  const Real = FinalizationRegistry
  const collected = tape.code('FinalizationRegistry')
  installRegistry((registry, callback) => {
    const real = new Real<number>((cell) => {
      const held = registry.take(cell)
      if (!held) return
      tape.deliver(collected, -1)
      tape.value(registry.number)
      tape.value(cell)
      tape.end()
      callback(held.value)
    })
    return {
      register: (target, cell, token) => real.register(target, cell, token),
      unregister: (token) => real.unregister(token),
    }
  })
}

export function replay({ tape, requests }: ReplayTools): void {
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
    Reflect.apply(then, promise, [nothing, nothing])
    waiting.set(requests.next(), settle!)
    return promise
  }
  replace(wasm, 'compile', (source: unknown) => answer(() => new wasm.Module(source)))
  replace(wasm, 'instantiate', (source: unknown, imports?: unknown) =>
    answer(() => {
      if (source instanceof wasm.Module) return new wasm.Instance(source, imports)
      const module = new wasm.Module(source)
      return { module, instance: new wasm.Instance(module, imports) }
    }),
  )
  const registries: { take(cell: number): { value: unknown } | undefined; callback: (value: unknown) => void }[] = []
  tape.on(tape.code('FinalizationRegistry'), () => {
    const registry = registries[tape.value() as number]
    const held = registry?.take(tape.value() as number)
    tape.end()
    if (!registry || !held) return tape.diverge('nothing is registered there')
    registry.callback(held.value)
  })
  installRegistry((registry, callback) => {
    registries[registry.number] = { take: (cell) => registry.take(cell), callback }
    return { register: nothing, unregister: () => true }
  })
}

interface Cells {
  readonly number: number
  take(cell: number): { readonly value: unknown } | undefined
}

interface Engine {
  register(target: WeakKey, cell: number, token?: WeakKey): void
  unregister(token: WeakKey): boolean
}

/** A registry whose cells have numbers: what is held stays with the program, the engine only says when. */
function installRegistry(open: (cells: Cells, callback: (value: unknown) => void) => Engine): void {
  let registries = 0
  let last = 0
  const standIn = class Registry {
    readonly #cells = new Map<number, { readonly value: unknown }>()
    readonly #engine: Engine
    constructor(callback: (value: unknown) => void) {
      const cells = this.#cells
      this.#engine = open(
        {
          number: registries++,
          take(cell) {
            const held = cells.get(cell)
            cells.delete(cell)
            return held
          },
        },
        callback,
      )
    }
    register(target: WeakKey, value: unknown, token?: WeakKey): void {
      const cell = last++
      this.#cells.set(cell, { value })
      this.#engine.register(target, cell, token)
    }
    unregister(token: WeakKey): boolean {
      return this.#engine.unregister(token)
    }
  }
  Object.defineProperty(standIn, 'name', { value: 'FinalizationRegistry', configurable: true })
  Object.defineProperty(globalThis, 'FinalizationRegistry', { value: standIn, writable: true, configurable: true })
}
