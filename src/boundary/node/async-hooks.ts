import type { RecordTools, ReplayTools } from './handles.js'
import type { Native } from './internals.js'
import { replace } from './synchronous.js'
import { runTicks } from './ticks.js'

interface Hooks {
  destroy?: Native
}

type CreateHook = (hooks: Hooks) => object

const NAME = 'async resource destroyed'

function install(wrap: (destroy: Native) => Native): void {
  const module = process.getBuiltinModule('node:async_hooks') as unknown as { createHook: CreateHook }
  const { createHook } = module
  replace(module, 'createHook', (hooks: Hooks) => {
    const { destroy } = hooks
    return createHook(typeof destroy === 'function' ? { ...hooks, destroy: wrap(destroy) } : hooks)
  })
}

/** Of all hooks only `destroy` comes at a time that the program's own run does not give: the collector has a part in it.
 *  Node calls it from a native immediate; of very many, from a microtask wherever the collector stood. They are kept for
 *  the end of that phase of the loop, and are one turn. */
export function record({ tape, checks }: RecordTools): void {
  const code = tape.code(NAME)
  const hooks: Native[] = []
  /** Each the number of a hook and the id of a resource. */
  let gone: number[] = []
  install((destroy) => {
    const number = hooks.push(destroy) - 1
    return (asyncId: unknown) => void gone.push(number, asyncId as number)
  })
  checks.push(() => {
    if (gone.length === 0) return
    const taken = gone
    gone = []
    tape.deliver(code, -1)
    tape.value(taken)
    tape.end()
    callHooks(hooks, taken)
    runTicks()
  })
}

export function replay({ tape }: ReplayTools): void {
  const hooks: Native[] = []
  tape.on(tape.code(NAME), () => {
    const gone = tape.value() as number[]
    tape.end()
    if (gone.some((number, at) => at % 2 === 0 && !hooks[number])) return tape.diverge('the program has no such hook')
    callHooks(hooks, gone)
  })
  install((destroy) => {
    hooks.push(destroy)
    return () => {}
  })
}

function callHooks(hooks: readonly Native[], gone: readonly number[]): void {
  try {
    for (let at = 0; at < gone.length; at += 2) Reflect.apply(hooks[gone[at]!]!, undefined, [gone[at + 1]])
  } catch (error) {
    // As Node ends where a hook throws.
    const { _rawDebug: say } = process as unknown as { _rawDebug(text: string): void }
    say(String((error as Error | undefined)?.stack ?? error))
    process.exit(1)
  }
}
