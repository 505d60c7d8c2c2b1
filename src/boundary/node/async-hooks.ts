import { disguise } from './disguise.js'
import type { RecordTools, ReplayTools } from './handles.js'
import type { Native } from './internals.js'
import { replace } from './synchronous.js'
import { runTicks } from './ticks.js'

type Hooks = { [name in 'init' | 'before' | 'after' | 'destroy' | 'promiseResolve']?: Native }
type CreateHook = (hooks: Hooks) => object

const NAME = 'async resource destroyed'

/** A program's own `destroy`, which the stand-in in its place holds, and the hook that it is called on. */
interface Destroy {
  readonly number: number
  readonly call: Native
  self?: object
}

type Wrap = (hook: Native) => Native

interface StandIns {
  destroy(one: Destroy): Native
  readonly init?: Wrap
  readonly before?: Wrap
  /** Called with each hook that has a `destroy`. */
  readonly onMade?: (hook: object, one: Destroy) => void
}

/** @returns Node's own way to make a hook */
function install(standIns: StandIns): CreateHook {
  const module = process.getBuiltinModule('node:async_hooks') as unknown as { createHook: CreateHook }
  const { createHook } = module
  let last = -1
  const standFor = (name: string | symbol, hook: Native, made: { one?: Destroy }): Native => {
    if (name === 'destroy') {
      made.one = { number: ++last, call: hook }
      return disguise(standIns.destroy(made.one), hook)
    }
    const wrap = name === 'init' || name === 'before' ? standIns[name] : undefined
    return wrap ? disguise(wrap(hook), hook) : hook
  }
  replace(module, 'createHook', (hooks: Hooks) => {
    if ((typeof hooks !== 'object' || hooks === null) && typeof hooks !== 'function') return createHook(hooks)
    const made: { one?: Destroy } = {}
    // Node reads each member once, also those that only newer versions know, and says what is wrong with it.
    const read = (_: object, name: string | symbol): unknown => {
      const member: unknown = Reflect.get(hooks, name)
      return typeof member === 'function' ? standFor(name, member as Native, made) : member
    }
    const hook = createHook(new Proxy({}, { get: read }))
    if (!made.one) return hook
    made.one.self = hook
    standIns.onMade?.(hook, made.one)
    return hook
  })
  return createHook
}

const OUTSIDE = 'a call that a hook on asynchronous resources makes before a turn begins'

/** Of all hooks only `destroy` comes at a time that the program's own run does not give: the collector has a part in it.
 *  Node calls it from a native immediate; of very many, from a microtask wherever the collector stood. They are kept for
 *  the end of that phase of the loop, and are one turn. */
export function record({ internals, tape, checks, onUnfed }: RecordTools): void {
  const code = tape.code(NAME)
  let gone = new Gone()
  const { async_hook_fields: fields, constants } = internals.binding('async_wrap') as unknown as AsyncWrap
  const { executionAsyncResource } = process.getBuiltinModule('node:async_hooks')
  install({
    destroy: (one) => (asyncId: unknown) => gone.add(one, asyncId as number),
    // A resource that comes from outside is made on an empty stack.
    init: watch(() => fields[constants.kStackLength] === 0),
    // The native side calls it before anybody knows what will be delivered.
    before: watch(() => typeof (executionAsyncResource() as { getAsyncId?: unknown }).getAsyncId === 'function'),
  })
  checks.push(() => {
    if (gone.ids.length === 0) return
    const taken = gone
    gone = new Gone()
    tape.deliver(code, -1)
    tape.value(taken.toNumbers())
    tape.end()
    taken.tell()
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

/** Hooks that are enabled are kept by Node, and known by their numbers here. One that is disabled may still have to be told
 *  of what was gone before: up to the next time that anything is told. */
export function replay({ tape }: ReplayTools): void {
  const known = new Map<number, Destroy>()
  const all = new WeakMap<object, Destroy>()
  let disabled = new Set<Destroy>()
  tape.on(tape.code(NAME), () => {
    const numbers = tape.value() as number[]
    tape.end()
    const gone = new Gone()
    for (let at = 0; at < numbers.length; at += 2) {
      const one = known.get(numbers[at]!)
      if (!one) return tape.diverge('the program has no such hook')
      gone.add(one, numbers[at + 1]!)
    }
    for (const one of disabled) known.delete(one.number)
    disabled = new Set()
    gone.tell()
  })
  const createHook = install({ destroy: () => () => {}, onMade: (hook, one) => all.set(hook, one) })
  const prototype = Object.getPrototypeOf(createHook({})) as { enable: Native; disable: Native }
  watchCalls(prototype, 'enable', (hook) => {
    const one = all.get(hook)
    if (!one) return
    disabled.delete(one)
    known.set(one.number, one)
  })
  watchCalls(prototype, 'disable', (hook) => {
    const one = all.get(hook)
    if (one && known.has(one.number)) disabled.add(one)
  })
}

function watchCalls<T extends string>(holder: Record<T, Native>, name: T, act: (self: object) => void): void {
  const original = holder[name]
  replace(holder, name, function (this: object): unknown {
    act(this)
    return Reflect.apply(original, this, [])
  })
}

/** Ids of resources that are gone, each with a hook that is to be told. */
class Gone {
  readonly #hooks: Destroy[] = []
  readonly ids: number[] = []

  add(hook: Destroy, id: number): void {
    this.#hooks.push(hook)
    this.ids.push(id)
  }

  /** As the tape has them: in turn the number of a hook and an id. */
  toNumbers(): number[] {
    const numbers: number[] = []
    for (let at = 0; at < this.ids.length; at++) numbers.push(this.#hooks[at]!.number, this.ids[at]!)
    return numbers
  }

  tell(): void {
    try {
      for (let at = 0; at < this.ids.length; at++) {
        const { call, self } = this.#hooks[at]!
        Reflect.apply(call, self, [this.ids[at]])
      }
    } catch (error) {
      // As Node ends where a hook throws.
      const { _rawDebug: say } = process as unknown as { _rawDebug(text: string): void }
      say(String((error as Error | undefined)?.stack ?? error))
      process.exit(1)
    }
  }
}
