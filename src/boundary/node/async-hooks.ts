import type { RecordTools, ReplayTools } from './handles.js'
import type { Native } from './internals.js'
import { replace } from './synchronous.js'

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
 *  Node calls it from a native immediate, once for each hook. */
export function record({ tape, join }: RecordTools): void {
  const code = tape.code(NAME)
  let hooks = 0
  install((destroy) => {
    const number = hooks++
    return function (this: unknown, asyncId: unknown): unknown {
      join()
      tape.deliver(code, -1)
      tape.value(number)
      tape.value(asyncId)
      tape.end()
      return Reflect.apply(destroy, this, [asyncId])
    }
  })
}

export function replay({ tape }: ReplayTools): void {
  const hooks: Native[] = []
  tape.on(tape.code(NAME), () => {
    const destroy = hooks[tape.value() as number]
    const asyncId = tape.value()
    tape.end()
    if (!destroy) return tape.diverge('the program has no such hook')
    Reflect.apply(destroy, undefined, [asyncId])
  })
  install((destroy) => {
    hooks.push(destroy)
    return () => {}
  })
}
