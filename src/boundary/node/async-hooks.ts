import type { RecordTools, ReplayTools } from './handles.js'
import type { Native } from './internals.js'
import { replace } from './synchronous.js'
import { runTicks } from './ticks.js'

type Hooks = { [name in 'init' | 'before' | 'after' | 'destroy' | 'promiseResolve']?: Native }
type CreateHook = (hooks: Hooks) => object

const NAME = 'async resource destroyed'

/** A program's own `destroy`, and the hook that it is called on. */
interface Destroy {
  readonly call: Native
  self?: object
}

type Wrap = (hook: Native) => Native

function install(found: Destroy[], standFor: Wrap, wraps: { readonly init?: Wrap; readonly before?: Wrap }): void {
  const module = process.getBuiltinModule('node:async_hooks') as unknown as { createHook: CreateHook }
  const { createHook } = module
  replace(module, 'createHook', (hooks: Hooks) => {
    if (typeof hooks !== 'object' || hooks === null) return createHook(hooks)
    // They may be inherited.
    const { init, before, after, destroy, promiseResolve } = hooks
    const own = { init, before, after, destroy, promiseResolve } as Hooks
    for (const name of ['init', 'before'] as const) {
      const [hook, wrap] = [own[name], wraps[name]]
      if (typeof hook === 'function' && wrap) own[name] = wrap(hook)
    }
    if (typeof destroy !== 'function') return createHook(own)
    const one: Destroy = { call: destroy }
    found.push(one)
    own.destroy = standFor(destroy)
    one.self = createHook(own)
    return one.self
  })
}

const OUTSIDE = 'a call that a hook on asynchronous resources makes before a turn begins'

/** Of all hooks only `destroy` comes at a time that the program's own run does not give: the collector has a part in it.
 *  Node calls it from a native immediate; of very many, from a microtask wherever the collector stood. They are kept for
 *  the end of that phase of the loop, and are one turn. */
export function record({ internals, tape, checks, onUnfed }: RecordTools): void {
  const code = tape.code(NAME)
  const hooks: Destroy[] = []
  /** Each the number of a hook and the id of a resource. */
  let gone: number[] = []
  const keep = (): Native => {
    const number = hooks.length - 1
    return (asyncId: unknown) => void gone.push(number, asyncId as number)
  }
  const { async_hook_fields: fields, constants } = internals.binding('async_wrap') as unknown as AsyncWrap
  const { executionAsyncResource } = process.getBuiltinModule('node:async_hooks')
  install(hooks, keep, {
    // A resource that comes from outside is made on an empty stack.
    init: watch(() => fields[constants.kStackLength] === 0),
    // The native side calls it before anybody knows what will be delivered.
    before: watch(() => typeof (executionAsyncResource() as { getAsyncId?: unknown }).getAsyncId === 'function'),
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

  function watch(isOutside: () => boolean): Wrap {
    return (hook) =>
      function (this: unknown): unknown {
        const before = tape.begun
        // biome-ignore lint/complexity/noArguments: passed on as they are
        const result = Reflect.apply(hook, this, arguments) as unknown
        if (tape.begun !== before && isOutside()) onUnfed(OUTSIDE)
        return result
      }
  }
}

interface AsyncWrap {
  readonly async_hook_fields: Uint32Array
  readonly constants: Readonly<Record<'kStackLength', number>>
}

export function replay({ tape }: ReplayTools): void {
  const hooks: Destroy[] = []
  tape.on(tape.code(NAME), () => {
    const gone = tape.value() as number[]
    tape.end()
    if (gone.some((number, at) => at % 2 === 0 && !hooks[number])) return tape.diverge('the program has no such hook')
    callHooks(hooks, gone)
  })
  install(hooks, () => () => {}, {})
}

function callHooks(hooks: readonly Destroy[], gone: readonly number[]): void {
  try {
    for (let at = 0; at < gone.length; at += 2) {
      const { call, self } = hooks[gone[at]!]!
      Reflect.apply(call, self, [gone[at + 1]])
    }
  } catch (error) {
    // As Node ends where a hook throws.
    const { _rawDebug: say } = process as unknown as { _rawDebug(text: string): void }
    say(String((error as Error | undefined)?.stack ?? error))
    process.exit(1)
  }
}
