import { disguise } from './disguise.js'
import type { RecordTools, ReplayTools } from './handles.js'
import type { Holder, Internals, Native } from './internals.js'
import { type CallPlan, recordCall, replace, replayCall } from './synchronous.js'
import type { Code, TapeReader, TapeWriter } from './tape.js'

/** What the engine says about compiled code, which is never the same twice. */
const PROPERTIES: readonly string[] = ['cachedDataRejected', 'cachedDataProduced', 'cachedData']

/** Node keeps compiled code in files by itself, below every binding: a replay neither reads nor writes them. */
const IN_MODULE = ['enableCompileCache', 'getCompileCacheDir', 'flushCompileCache']

interface CacheOptions {
  readonly cachedData?: unknown
  readonly produceCachedData?: unknown
}

type ScriptClass = new (...args: unknown[]) => object

/** Places of the two in the arguments of the native constructor. */
const [CACHED_DATA, PRODUCE] = [4, 5]

type Patch = (holder: Holder, name: string, label: string, plan?: CallPlan) => void

function install(internals: Internals, patch: Patch): void {
  for (const [binding, name] of [
    ['contextify', 'ContextifyScript'],
    ['module_wrap', 'ModuleWrap'],
  ] as const) {
    const type = internals.binding(binding)[name] as { readonly prototype: Holder } | undefined
    if (type) patch(type.prototype, 'createCachedData', `${name}.createCachedData`)
  }
  const module = process.getBuiltinModule('node:module') as unknown as Holder
  for (const name of IN_MODULE) {
    if (typeof module[name] !== 'function') continue
    patch(module, name, `module.${name}`, { covers: true })
    const patched = module[name] as Native
    replace(module, name, function (this: unknown): unknown {
      // They load it for the directory, and it asks the system when it is loaded.
      process.getBuiltinModule('node:os')
      // biome-ignore lint/complexity/noArguments: passed on as they are
      return Reflect.apply(patched, this, arguments)
    })
  }
}

/** Code that was compiled before, or is kept for later. */
export function record({ internals, tape }: RecordTools): void {
  install(internals, (holder, name, label, plan) => recordCall(tape, holder, name, label, plan))
  const code = tape.code('compiled code')
  watchScripts((Real, args) => {
    const script = Reflect.construct(Real.type, args, Real.target) as Holder
    if (usesCache(args[CACHED_DATA], args[PRODUCE])) save(tape, code, script)
    return script
  })
  watchFunctions((original, source, parameters, options) => {
    const compiled = original(source, parameters, options) as Holder
    if (usesCache(options?.cachedData, options?.produceCachedData)) save(tape, code, compiled)
    return compiled
  })
}

export function replay({ internals, tape }: ReplayTools): void {
  install(internals, (holder, name, label, plan) => replayCall(tape, holder, name, label, plan))
  const code = tape.code('compiled code')
  watchScripts((Real, args) => {
    if (!usesCache(args[CACHED_DATA], args[PRODUCE])) return Reflect.construct(Real.type, args, Real.target)
    const plain = [...args]
    plain[CACHED_DATA] = undefined
    plain[PRODUCE] = false
    return load(tape, code, Reflect.construct(Real.type, plain, Real.target) as Holder)
  })
  watchFunctions((original, source, parameters, options) => {
    if (!usesCache(options?.cachedData, options?.produceCachedData)) return original(source, parameters, options)
    const plain = { ...options, cachedData: undefined, produceCachedData: false }
    return load(tape, code, original(source, parameters, plain) as Holder)
  })
}

function usesCache(cachedData: unknown, produceCachedData: unknown): boolean {
  return cachedData !== undefined || produceCachedData === true
}

/** All own properties, in their order. */
function save(tape: TapeWriter, code: Code, compiled: Holder): void {
  tape.begin(code)
  tape.result()
  const names = Object.keys(compiled)
  tape.value(names.length)
  for (const name of names) {
    tape.value(name)
    tape.value(PROPERTIES.includes(name) ? compiled[name] : undefined)
  }
  tape.end()
}

function load(tape: TapeReader, code: Code, compiled: Holder): Holder {
  tape.begin(code)
  tape.result()
  for (let left = tape.value() as number; left > 0; left--) {
    const name = tape.value() as string
    const recorded = tape.value()
    const value = PROPERTIES.includes(name) ? recorded : compiled[name]
    Reflect.deleteProperty(compiled, name)
    compiled[name] = value
  }
  tape.end()
  return compiled
}

/** `vm.Script` calls its parent's constructor, which it looks up with each call. */
function watchScripts(make: (Real: { type: ScriptClass; target: Function }, args: unknown[]) => object): void {
  const { Script } = process.getBuiltinModule('node:vm')
  const type = Object.getPrototypeOf(Script) as ScriptClass
  const standIn = function (this: unknown, ...args: unknown[]): object {
    return make({ type, target: new.target as unknown as Function }, args)
  }
  standIn.prototype = type.prototype
  Object.setPrototypeOf(Script, disguise(standIn, type))
}

type Compile = (source: unknown, parameters: unknown, options: CacheOptions | undefined) => unknown

function watchFunctions(compile: (original: Compile, ...args: Parameters<Compile>) => unknown): void {
  const vm = process.getBuiltinModule('node:vm') as unknown as Holder
  const original = vm['compileFunction'] as Native & Compile
  replace(vm, 'compileFunction', (source: unknown, parameters: unknown, options: CacheOptions | undefined) =>
    compile(original, source, parameters, options),
  )
}
