import { disguise } from './disguise.js'
import type { RecordTools, ReplayTools } from './handles.js'
import type { Realms } from './realms.js'

const nothing = (): void => {}

/** The collector says when a target is gone. */
export function record({ tape, realms, join }: RecordTools): void {
  const collected = tape.code('FinalizationRegistry')
  installRegistries(realms, (Real, registry, callback) => {
    const real = new Real<number>((cell) => {
      const held = registry.take(cell)
      if (!held) return
      join()
      tape.deliver(collected, -1)
      tape.value(registry.number)
      tape.value(cell)
      tape.end()
      callback(held.value)
    })
    return {
      register: (target, cell, token) => real.register(target, cell, token),
      unregister: (token) => void real.unregister(token),
    }
  })
}

export function replay({ tape, realms }: ReplayTools): void {
  const registries: { take(cell: number): { value: unknown } | undefined; callback: (value: unknown) => void }[] = []
  tape.on(tape.code('FinalizationRegistry'), () => {
    const registry = registries[tape.value() as number]
    const held = registry?.take(tape.value() as number)
    tape.end()
    if (!registry || !held) return tape.diverge('nothing is registered there')
    registry.callback(held.value)
  })
  installRegistries(realms, (_, registry, callback) => {
    registries[registry.number] = { take: (cell) => registry.take(cell), callback }
    return { register: nothing, unregister: nothing }
  })
}

interface Cells {
  readonly number: number
  take(cell: number): { readonly value: unknown } | undefined
}

interface Engine {
  register(target: WeakKey, cell: number, token?: WeakKey): void
  unregister(token: WeakKey): void
}

type Open = (Real: FinalizationRegistryConstructor, cells: Cells, callback: (value: unknown) => void) => Engine

/** A registry whose cells have numbers: what is held stays with the program, the engine only says when. */
function installRegistries(realms: Realms, open: Open): void {
  let registries = 0
  let last = 0
  realms.add('FinalizationRegistry', (realm) => {
    const Real = realm.FinalizationRegistry
    const standIn = class Registry {
      readonly #cells = new Map<number, { readonly value: unknown }>()
      readonly #engine: Engine
      /** Cells by the token with which they can be taken back. */
      readonly #tokens = new WeakMap<WeakKey, number[]>()
      constructor(callback: (value: unknown) => void) {
        const cells = this.#cells
        this.#engine = open(
          Real,
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
        if (Object.is(target, value))
          throw new TypeError('FinalizationRegistry.prototype.register: target and holdings must not be same')
        const cell = last
        this.#engine.register(target, cell, token)
        last++
        this.#cells.set(cell, { value })
        if (token === undefined) return
        const cells = this.#tokens.get(token)
        if (cells) cells.push(cell)
        else this.#tokens.set(token, [cell])
      }
      unregister(token: WeakKey): boolean {
        this.#engine.unregister(token)
        const cells = this.#tokens.get(token) ?? []
        this.#tokens.delete(token)
        return cells.filter((cell) => this.#cells.delete(cell)).length > 0
      }
    }
    disguise(standIn, Real)
    for (const name of ['register', 'unregister'] as const) disguise(standIn.prototype[name], Real.prototype[name])
    Object.defineProperty(realm, 'FinalizationRegistry', { value: standIn, writable: true, configurable: true })
  })
}
