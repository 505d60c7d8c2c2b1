import type { Holder, Internals, Native } from './internals.js'

/** Modules of Node's own that ask the clock and keep it from before any program: the age of a `File`, whether a line
 *  ended with one key or two, what stands in a UUID of version 7, in an archive and in a file system of memory. */
const CLOCKED = [
  'internal/file',
  'internal/readline/interface',
  'readline',
  'internal/crypto/random',
  'internal/zip/entry',
  'internal/vfs/file_handle',
  'internal/vfs/providers/memory',
  'internal/vfs/stats',
]

/** A module of Node's own, as its loader knows it (lib/internal/bootstrap/realm.js). */
interface Builtin {
  readonly id: string
  readonly exports: Holder
  loaded: boolean
  loading: boolean
  compileForInternalLoader(): unknown
}

/** Has those that are not loaded yet take another clock: all other things that are primordial stay as they are. */
export function install(internals: Internals, now: () => number): void {
  const { BuiltinModule } = internals.builtin('internal/bootstrap/realm') as unknown as {
    BuiltinModule: { map: Map<string, Builtin> }
  }
  const primordials = Object.create(internals.primordials, { DateNow: { value: now } }) as object
  for (const id of CLOCKED) {
    const module = BuiltinModule.map.get(id)
    if (module && !module.loaded) module.compileForInternalLoader = () => compile(internals, module, primordials)
  }
}

function compile(internals: Internals, module: Builtin, primordials: object): unknown {
  if (module.loaded || module.loading) return module.exports
  const compileFunction = internals.binding('builtins')['compileFunction'] as Native
  module.loading = true
  try {
    const evaluate = compileFunction(module.id) as Native
    evaluate(module.exports, internals.builtin, module, process, internals.binding, primordials)
    module.loaded = true
  } finally {
    module.loading = false
  }
  const { moduleLoadList } = process as unknown as { moduleLoadList: string[] }
  moduleLoadList.push(`NativeModule ${module.id}`)
  return module.exports
}
