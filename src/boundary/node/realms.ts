import { isProxy } from 'node:util/types'
import type { Temporal } from './calendars.js'
import type { Seed } from './seed.js'
import { replace } from './synchronous.js'

/** As much of a realm's global object as the boundary touches. */
export interface Realm {
  readonly Function: FunctionConstructor
  Date: DateConstructor
  WeakRef: WeakRefConstructor
  FinalizationRegistry: FinalizationRegistryConstructor
  readonly Math: Math
  readonly Atomics: object
  readonly WebAssembly: object
  /** Not in a Node that was built without it. */
  readonly Intl?: typeof Intl
  /** From Node 26 on. */
  readonly Temporal?: Temporal
}

type Vm = typeof import('node:vm')
type Context = Parameters<Vm['isContext']>[0]

/** A seed goes for all realms of a process, so each would draw the same numbers: every further realm of a thread starts
 *  somewhere else in the sequence. Some 5 ns for each number that it leaves out. */
const STRIDE = 997
const MOST_DRAWS = 1 << 14

/** The realms of a thread: its own, and one for each `vm` context, in the order in which they are made. */
export class Realms {
  readonly #installers: { readonly name: keyof Realm; readonly install: (realm: Realm) => void }[] = []
  readonly #seen = new WeakSet<object>()
  #contexts = 0
  readonly seed: Seed

  constructor(seed: Seed) {
    this.seed = seed
  }

  /** What is done to each realm before the program runs anything in it.
   *  @param name what of the realm it is done to */
  add(name: keyof Realm, install: (realm: Realm) => void): void {
    this.#installers.push({ name, install })
    install(globalThis as unknown as Realm)
  }

  /** Contexts are met where they are made, and where something is first run in one that `vm` has made on the way. */
  watch(): void {
    const vm = process.getBuiltinModule('node:vm')
    const createContext = vm.createContext
    const { prototype } = vm.Script
    const runInContext = prototype.runInContext
    // A program may have given a context another `globalThis`.
    const readGlobal = new vm.Script('this')
    const enter = (context: Context): Realm => Reflect.apply(runInContext, readGlobal, [context]) as Realm
    const meet = (context: Context): void => this.#meet(vm, context, enter)
    replace(vm, 'createContext', function (this: unknown): unknown {
      // biome-ignore lint/complexity/noArguments: passed on as they are
      const context = Reflect.apply(createContext, this, arguments as never) as Context
      meet(context)
      return context
    })
    replace(prototype, 'runInContext', function (this: unknown, context: Context): unknown {
      meet(context)
      // biome-ignore lint/complexity/noArguments: passed on as they are
      return Reflect.apply(runInContext, this, arguments as never)
    })
  }

  #meet(vm: Vm, context: Context, enter: (context: Context) => Realm): void {
    if (typeof context !== 'object' || context === null || this.#seen.has(context) || !vm.isContext(context)) return
    this.#seen.add(context)
    const realm = enter(context)
    const isOwn = (name: keyof Realm): boolean => !isGiven(context, realm, name)
    const draws = this.seed.isGiven ? 0 : (++this.#contexts * STRIDE) % MOST_DRAWS
    if (isOwn('Math')) for (let left = draws; left > 0; left--) realm.Math.random()
    const own = this.#installers.filter(({ name }) => isOwn(name))
    for (const { install } of own) install(realm)
    // What is defined on the realm's global object gets onto the program's, too: there it would be listed.
    if (context !== realm) for (const { name } of own) Reflect.deleteProperty(context, name)
  }
}

/** Whether the program has put something of its own, or of another realm, in the place of what a context would have. */
function isGiven(context: object, realm: object, name: string): boolean {
  // A plain one has no object of the program's.
  if (context === realm) return false
  for (let one: object | null = context; one; one = Object.getPrototypeOf(one) as object | null) {
    // It answers for every name. To be asked is for the program only.
    if (isProxy(one) || Object.hasOwn(one, name)) return true
  }
  return false
}
