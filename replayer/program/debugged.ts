import type { Internals } from '../../src/boundary/node/internals.js'
import { replace } from '../../src/boundary/node/synchronous.js'
import { Effects } from './effects.js'
import { FirstStop } from './first-stop.js'

interface Inspector {
  /** Speaks to debuggers alone. */
  readonly console: object
  open(port: number, host: string): void
  url(): string
  waitForDebugger(): boolean
  registerAsyncHook(enable: () => void, disable: () => void): void
  setConsoleExtensionInstaller(install: (api: object) => void): void
}

interface AsyncIds {
  readonly async_id_fields: Float64Array
  readonly constants: { readonly kAsyncIdCounter: number }
}

/** Tells where the inspector listens. @returns says that somebody has come */
type Tell = (inspector: string) => () => void

const { apply, defineProperty, deleteProperty, getOwnPropertyDescriptor } = Reflect

/** A program that a debugger may look at while it runs again. Nothing in here runs on its own while the program is stopped:
 *  who holds it says when somebody looks (`held-program.ts`). */
export class Debugged {
  readonly #inspector: Inspector
  readonly #tape: { bypass: boolean }
  readonly #ids: AsyncIds
  readonly #first: FirstStop
  readonly #effects: Effects
  #tell: Tell | undefined
  #before:
    | { readonly bypass: boolean; readonly id: number; readonly console: PropertyDescriptor | undefined }
    | undefined

  /** To be made before the program's first line, and before the boundary: it keeps Node's own functions. */
  constructor(internals: Internals, tape: { bypass: boolean }, places: { preload: string; main: string }) {
    const inspector = internals.binding('inspector') as unknown as Inspector
    this.#inspector = inspector
    this.#ids = internals.binding('async_wrap') as unknown as AsyncIds
    this.#tape = tape
    this.#effects = new Effects(internals)
    // For a debugger's sake Node would number promises, and the program's own numbers would shift.
    const nothing = (): void => {}
    inspector.registerAsyncHook(nothing, nothing)
    this.#keepExtensions(internals)
    this.#first = new FirstStop(internals, places, () => this.#onStop())
    replace(process.getBuiltinModule('node:inspector'), 'url', () => undefined)
  }

  /** Stops at the next line of the program's own, and stands there while somebody comes.
   *  @param seam where who comes finds `look` */
  stand(seam: object, tell: Tell): void {
    this.#tell = tell
    defineProperty(seam, 'debugged', { value: this })
    this.#past(() => this.#first.begin())
  }

  #onStop(): void {
    this.#past(() => {
      muted(() => this.#inspector.open(0, '127.0.0.1'))
      const met = this.#tell!(this.#inspector.url())
      this.#inspector.waitForDebugger()
      met()
    })
  }

  /** Takes nothing from the tape. */
  #past(act: () => void): void {
    const { bypass } = this.#tape
    this.#tape.bypass = true
    apply(act, undefined, [])
    this.#tape.bypass = bypass
  }

  /** While somebody looks, it is he who asks for the time, reads a file or makes a promise: nothing of it is the program's. */
  look(begins: boolean): void {
    this.#first.end()
    const { async_id_fields: fields, constants } = this.#ids
    const before = this.#before
    if (begins && !before) {
      const console = getOwnPropertyDescriptor(globalThis, 'console')
      this.#before = { bypass: this.#tape.bypass, id: fields[constants.kAsyncIdCounter]!, console }
      this.#tape.bypass = true
      this.#effects.isRefused = true
      if (console) defineProperty(globalThis, 'console', { ...toPlain(console), value: this.#inspector.console })
    } else if (!begins && before) {
      this.#before = undefined
      if (before.console) defineProperty(globalThis, 'console', before.console)
      fields[constants.kAsyncIdCounter] = before.id
      this.#effects.isRefused = false
      this.#tape.bypass = before.bypass
    }
  }

  /** What a breakpoint asks or prints on its own, while the program runs. */
  quietly(look: (console: object) => unknown): unknown {
    if (this.#before) return look(this.#inspector.console)
    this.look(true)
    try {
      return look(this.#inspector.console)
    } finally {
      this.look(false)
    }
  }

  /** What a debugger's console has beside the program's globals is made with a look at the working directory. */
  #keepExtensions(internals: Internals): void {
    const { installConsoleExtensions } = internals.builtin('internal/util/inspector') as unknown as {
      installConsoleExtensions(api: object): void
    }
    this.#inspector.setConsoleExtensionInstaller((api) => {
      this.#past(() => installConsoleExtensions(api))
    })
  }
}

function toPlain({ configurable, enumerable }: PropertyDescriptor): PropertyDescriptor {
  return { configurable: configurable ?? false, enumerable: enumerable ?? false, writable: true }
}

/** Node emits an event when its inspector opens: at it, a cluster's primary would signal its workers. */
function muted(body: () => void): void {
  const own = getOwnPropertyDescriptor(process, 'emit')
  defineProperty(process, 'emit', { value: () => false, configurable: true })
  try {
    apply(body, undefined, [])
  } finally {
    if (own) defineProperty(process, 'emit', own)
    else deleteProperty(process, 'emit')
  }
}
