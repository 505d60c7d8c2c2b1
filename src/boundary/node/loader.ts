import { disguise } from './disguise.js'
import type { Holder, Internals, Native } from './internals.js'
import { recordCall, replayCall } from './synchronous.js'
import type { TapeReader, TapeWriter } from './tape.js'

/** What a package's `package.json` says, asked natively by Node 22 and later. */
const ON_MODULES = [
  'readPackageJSON',
  'getNearestParentPackageJSON',
  'getNearestParentPackageJSONType',
  'getPackageScopeConfig',
  'getPackageType',
]

/** Modules of Node's own that keep functions of a binding, or what these answered, from before any preload. In the order
 *  in which they need each other. */
const KEEPING = ['package_json_reader', 'esm/resolve', 'esm/loader', 'run_main'].map(
  (name) => `internal/modules/${name}`,
)

/** A module of Node's own, as its loader knows it (lib/internal/bootstrap/realm.js). */
interface Builtin {
  exports: Holder
  loaded: boolean
  compileForInternalLoader(): unknown
}

interface Module {
  _stat: Native
  _readPackage: Native
  runMain: Native
  register: Native
  _initPaths(): void
}

type Patch = (holder: Holder, name: string, label: string) => void

/** Where modules are and what kind they are: questions that Node's loaders ask the disk. The file system's own functions
 *  have to be in place already. */
function install(internals: Internals, patch: Patch, meetStat: (original: Stat) => Stat): void {
  const modules = findBinding(internals, 'modules')
  for (const name of modules ? ON_MODULES : []) patch(modules!, name, `modules.${name}`)
  const { Module } = internals.builtin('internal/modules/cjs/loader') as unknown as { Module: Module }
  const reader = internals.builtin('internal/modules/package_json_reader')
  const loader = internals.builtin('internal/modules/esm/loader')
  const before = { ...reader, ...loader, ...internals.builtin('internal/modules/run_main') }
  for (const id of KEEPING) loadAnew(internals, id)
  forgetRealPaths(internals)
  if (Module.runMain === before['executeUserEntryPoint']) {
    Module.runMain = internals.builtin('internal/modules/run_main')['executeUserEntryPoint'] as Native
  }
  // The other loader's hooks would be none of this one's.
  if (Module.register === before['register']) Module.register = loader['register'] as Native
  if (modules) return
  // Node 20 asks natively from a constant of its loader; these two it lets anybody replace.
  supplant(Module, '_stat', meetStat(Module._stat as Stat) as Native)
  if (Module._readPackage === before['readPackage']) supplant(Module, '_readPackage', reader['readPackage'] as Native)
}

function findBinding(internals: Internals, name: string): Holder | undefined {
  try {
    return internals.binding(name)
  } catch {
    return undefined
  }
}

/** Evaluates a module of Node's own once more, so that it takes its functions from the patched bindings and its caches are
 *  empty. Whoever holds its exports gets the new ones. */
function loadAnew(internals: Internals, id: string): void {
  const { BuiltinModule } = internals.builtin('internal/bootstrap/realm') as unknown as {
    BuiltinModule: { map: Map<string, Builtin> }
  }
  const module = BuiltinModule.map.get(id)
  if (!module?.loaded) return
  const { exports } = module
  module.exports = {}
  module.loaded = false
  try {
    module.compileForInternalLoader()
    Object.assign(exports, module.exports)
    ;(process as unknown as { moduleLoadList: string[] }).moduleLoadList.pop()
  } finally {
    module.exports = exports
    module.loaded = true
  }
}

/** The loader keeps which directories are no links. Those on the way to a preload of ours are none of the program's. */
function forgetRealPaths(internals: Internals): void {
  const fs = process.getBuiltinModule('node:fs') as unknown as Holder
  const { toRealPath, loaderMethods } = internals.builtin('internal/modules/helpers') as {
    toRealPath?: Native
    loaderMethods?: { realpathSync: Native }
  }
  const ask = toRealPath ?? loaderMethods?.realpathSync
  const { realpathSync } = fs
  fs['realpathSync'] = (path: string, options: Record<symbol, Map<string, string>>) => {
    for (const key of Object.getOwnPropertySymbols(options)) options[key]?.clear()
    return path
  }
  try {
    ask?.('/')
  } finally {
    fs['realpathSync'] = realpathSync
  }
}

/** Node warns once of whoever replaces such a function: that shall be the program. */
function supplant(module: Module, name: '_stat' | '_readPackage', value: Native): void {
  const { get, set } = Object.getOwnPropertyDescriptor(module, name)!
  const emitWarning = Object.getOwnPropertyDescriptor(process, 'emitWarning')!
  Object.defineProperty(process, 'emitWarning', { ...emitWarning, value: () => {} })
  try {
    set!.call(module, value)
  } finally {
    Object.defineProperty(process, 'emitWarning', emitWarning)
  }
  let warned = false
  Object.defineProperty(module, name, {
    get: get!,
    set: disguise((replaced: Native) => {
      if (!warned) {
        const text = `Module.${name} is an experimental feature and might change at any time`
        process.emitWarning(text, 'ExperimentalWarning')
      }
      warned = true
      set!.call(module, replaced)
    }, set!),
    configurable: true,
    enumerable: false,
  })
}

export function record(internals: Internals, tape: TapeWriter): void {
  install(
    internals,
    (holder, name, label) => recordCall(tape, holder, name, label),
    (stat) => recordStat(tape, stat),
  )
}

type Stat = (path: string) => number

/** More than half of what the loader of Node 20 asks, it has asked before, and its answer is the same: only others are taken
 *  down, each with the number of those since the last. */
function recordStat(tape: TapeWriter, original: Stat): Stat {
  const code = tape.code('Module._stat')
  const known = new Map<string, number>()
  let repeated = 0
  return function stat(path) {
    const answer = original(path)
    if (tape.bypass) return answer
    if (known.get(path) === answer) {
      repeated++
      return answer
    }
    tape.begin(code)
    tape.argument(path)
    tape.argument(repeated)
    tape.result()
    tape.value(answer)
    tape.end()
    known.set(path, answer)
    repeated = 0
    return answer
  }
}

function replayStat(tape: TapeReader, original: Stat): Stat {
  const code = tape.code('Module._stat')
  const known = new Map<string, number>()
  let repeated = 0
  return function stat(path) {
    if (tape.bypass) return original(path)
    const before = known.get(path)
    if (before !== undefined && !tape.isNext(code, path, repeated)) {
      repeated++
      return before
    }
    tape.begin(code)
    tape.argument(path)
    tape.argument(repeated)
    tape.result()
    const answer = tape.value() as number
    tape.end()
    known.set(path, answer)
    repeated = 0
    return answer
  }
}

/** The same from the tape: no file of the program's needs to be there. */
export function replay(internals: Internals, tape: TapeReader): void {
  install(
    internals,
    (holder, name, label) => replayCall(tape, holder, name, label),
    (stat) => replayStat(tape, stat),
  )
  const { Module } = internals.builtin('internal/modules/cjs/loader') as unknown as { Module: Module }
  // Beside the program's own Node there may be modules, too.
  Module._initPaths()
}
