import type { TakeBinding } from './addons.js'
import type { Holder, Internals, Native } from './internals.js'
import { OUTCOME, replace, takeOutcome } from './synchronous.js'
import type { TapeReader, TapeWriter } from './tape.js'

/** Bindings whose answers follow from what they are given, in every run. */
const PURE: ReadonlySet<string> = new Set([
  'block_list',
  'cjs_lexer',
  'diagnostics_channel',
  'encoding_binding',
  'icu',
  'internal_only_v8',
  'ipc_serdes',
  'mksnapshot',
  'options',
  'permission',
  'profiler',
  'serdes',
  'stream_pipe',
  'string_decoder',
  'symbols',
  'trace_events',
  'types',
  'url',
  'url_pattern',
  'util',
  'uv',
  'watchdog',
])

/** What people call the others. */
const NAMES: Readonly<Record<string, string>> = {
  wasi: 'WASI',
  webstorage: 'web storage',
  ffi: 'foreign functions',
  quic: 'QUIC',
  dtls: 'DTLS',
  locks: 'locks between threads',
}

/** Made like addons, of classes whose methods answer at once: wrapped like them. */
const LIKE_ADDONS: ReadonlySet<string> = new Set(['sqlite'])

const ASSUMED = 'answer of a binding that is not known'

type Meet = (label: string, original: Native) => Native

/** Whatever Node loads later and nobody here knows: its functions answer at once or are not fed, its objects are not. */
function install(
  internals: Internals,
  meetFunction: Meet,
  onObject: (label: string) => void,
  takeAddon: TakeBinding,
): void {
  const meet = (name: string, binding: Holder): void => {
    if (PURE.has(name)) return
    if (LIKE_ADDONS.has(name)) return takeAddon(name, binding)
    for (const key of Object.getOwnPropertyNames(binding)) {
      const value = binding[key]
      if (typeof value !== 'function') continue
      const named = NAMES[name]
      if (/^[A-Z]/.test(key)) binding[key] = meetClass(value, () => onObject(named ?? `${name}.${key}`))
      else if (named)
        replace(
          binding,
          key,
          meetNamed(value as Native, () => onObject(named)),
        )
      else replace(binding, key, meetFunction(`${name}.${key}`, value as Native))
    }
  }
  // Node loads some of them with modules that a preload needs.
  for (const name of Object.keys(NAMES)) {
    const binding = internals.findLoaded(name)
    if (binding) meet(name, binding)
  }
  internals.onBinding(meet)
}

function meetClass(type: Function, onMade: () => void): Function {
  return new Proxy(type, {
    construct(target, args, newTarget) {
      onMade()
      return Reflect.construct(target, args, newTarget) as object
    },
  })
}

function meetNamed(original: Native, onCalled: () => void): Native {
  return function (this: unknown): unknown {
    onCalled()
    // biome-ignore lint/complexity/noArguments: passed on as they are
    return Reflect.apply(original, this, arguments)
  }
}

/** Whether the tape can hold it: no function, and nothing native. */
function isPlain(value: unknown, depth = 0): boolean {
  if (typeof value === 'function' || typeof value === 'symbol') return false
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return true
  if (value instanceof ArrayBuffer || value instanceof Error) return true
  const prototype = Object.getPrototypeOf(value)
  if (depth > 8 || (prototype !== null && prototype !== Object.prototype && !Array.isArray(value))) return false
  return Object.values(value).every((one) => isPlain(one, depth + 1))
}

function argue(tape: TapeWriter | TapeReader, label: string, args: ArrayLike<unknown>): void {
  tape.argument(label)
  for (let index = 0; index < args.length; index++) tape.argument(args[index])
}

export interface Met {
  /** The program does something that the tape cannot hold. */
  onUnfed(label: string): void
  /** What that call answers is held by the tape; whether that is all that it does is not known. */
  onAssumed(label: string): void
}

export function record(
  internals: Internals,
  tape: TapeWriter,
  { onUnfed, onAssumed, takeAddon }: Met & { readonly takeAddon: TakeBinding },
): void {
  const code = tape.code(ASSUMED)
  const meet: Meet = (label, original) =>
    function (this: unknown): unknown {
      // biome-ignore lint/complexity/noArguments: passed on as they are
      const args = arguments
      if (tape.bypass) return Reflect.apply(original, this, args)
      const write = (outcome: number, value: unknown): void => {
        tape.begin(code)
        argue(tape, label, args)
        tape.result()
        tape.value(outcome)
        tape.value(value)
        tape.end()
      }
      let result: unknown
      try {
        result = Reflect.apply(original, this, args)
      } catch (error) {
        onAssumed(label)
        write(OUTCOME.threw, error)
        throw error
      }
      if (isPlain(result) && [...args].every((one) => isPlain(one))) onAssumed(label)
      else onUnfed(label)
      write(OUTCOME.returned, result)
      return result
    }
  install(internals, meet, onUnfed, takeAddon)
}

export function replay(internals: Internals, tape: TapeReader, takeAddon: TakeBinding): void {
  const code = tape.code(ASSUMED)
  const meet: Meet = (label, original) =>
    function (this: unknown): unknown {
      // biome-ignore lint/complexity/noArguments: passed on as they are
      const args = arguments
      if (tape.bypass) return Reflect.apply(original, this, args)
      tape.begin(code)
      argue(tape, label, args)
      return takeOutcome(tape)
    }
  install(internals, meet, (label) => tape.diverge(`the program uses ${label}, which is not fed`), takeAddon)
}
