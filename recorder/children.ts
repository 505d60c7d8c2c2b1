import { getSystemErrorName } from 'node:util'
import type { ErrorRecord } from '../src/events.js'
import type { ThreadPath } from '../src/ids.js'
import { dropPreload, injectPairs, RECORDING_VARIABLE } from './injection.js'
import { findObstacle, runsProgram, type TreeNode, toCommandLine } from './tree.js'

/** What Node hands to its `process_wrap` and `spawn_sync` bindings. */
interface SpawnOptions {
  file?: string
  args?: readonly string[]
  envPairs?: readonly string[]
  stdio?: readonly { readonly type: string; readonly fd?: number }[]
}

/** Newer Node versions (24.21, 26) hand them over one by one. */
const IN_ORDER = { file: 0, args: 1, envPairs: 3, stdio: 4 } as const

function toOptions(given: readonly unknown[]): SpawnOptions {
  if (typeof given[0] !== 'string') return given[0] as SpawnOptions
  return Object.fromEntries(Object.entries(IN_ORDER).map(([name, index]) => [name, given[index]]))
}

function withOurs(given: readonly unknown[], { args, envPairs }: Announced): unknown[] {
  if (typeof given[0] === 'string') return given.with(IN_ORDER.args, args).with(IN_ORDER.envPairs, envPairs)
  return [{ ...(given[0] as SpawnOptions), args, envPairs }]
}

/** Node's native handle of a child. */
interface ProcessHandle {
  pid?: number
  spawn(...args: unknown[]): number
  close(callback?: () => void): void
}

interface SyncResult {
  readonly pid: number
  readonly status: number | null
  readonly signal: string | null
  readonly error?: number
}

interface Bindings {
  readonly asynchronous: { readonly Process: { readonly prototype: ProcessHandle } }
  readonly synchronous: { spawn(options: SpawnOptions): SyncResult }
}

/** A child between its start and its end. */
interface Child {
  readonly path: ThreadPath
  readonly command: string
  readonly expected: boolean
  /** Which of this process's own stdout and stderr it writes to. */
  readonly inherits: readonly number[]
}

/** What the child is started with in the place of what the program gave. */
interface Announced extends Child {
  readonly args: readonly string[]
  readonly envPairs: readonly string[]
  readonly unrecorded?: string
}

/** Puts the preload into every child of this thread and logs its life. It stands at the bindings, below `child_process`
 *  and `cluster`: there the environment is a list of Node's own making, so nothing of the program's is changed, no
 *  function of its changes its name, no stack shows a frame of ours, and `child_process` isn't loaded before it is used.
 *  @returns a function that undoes it; undefined where this Node keeps its bindings to itself */
export function watchChildren(node: TreeNode): (() => void) | undefined {
  const bindings = findBindings()
  if (!bindings) return undefined
  const undo = [
    watchAsynchronous(node, bindings.asynchronous.Process.prototype),
    watchSynchronous(node, bindings.synchronous),
  ]
  return () => {
    for (const step of undo) step()
  }
}

/** `process.binding` hands both out without a warning of its own; one for pending deprecations is held back. */
function findBindings(): Bindings | undefined {
  const { emitWarning } = process
  try {
    process.emitWarning = () => {}
    const { binding } = process as unknown as { binding(name: string): unknown }
    const asynchronous = binding('process_wrap') as Bindings['asynchronous']
    const synchronous = binding('spawn_sync') as Bindings['synchronous']
    if (typeof asynchronous.Process.prototype.spawn !== 'function' || typeof synchronous.spawn !== 'function') return
    return { asynchronous, synchronous }
  } catch {
    return undefined
  } finally {
    process.emitWarning = emitWarning
  }
}

function watchAsynchronous(node: TreeNode, prototype: ProcessHandle): () => void {
  const { spawn, close } = prototype
  const running = new WeakMap<ProcessHandle, { child: Child; owner: object | undefined }>()
  replace(prototype, 'spawn', function (this: ProcessHandle, ...args) {
    const options = toOptions(args)
    const child = announce(node, options)
    const given = child ? withOurs(args, child) : args
    const error = Reflect.apply(spawn, this, given)
    if (!child) return error
    logStart(node, child, error === 0 ? this.pid : undefined)
    if (error === 0) {
      const owner = findOwner(this)
      running.set(this, { child, owner })
      if (owner) node.setPeer(owner, child.path)
    } else logEnd(node, child, null, undefined, toErrorRecord(error, options.file))
    return error
  })
  // Node closes the handle in `onexit`, when the child object has its code and before any listener of the program.
  replace(prototype, 'close', function (this: ProcessHandle, ...args) {
    const entry = running.get(this)
    if (entry) {
      running.delete(this)
      const { exitCode = null, signalCode } = (entry.owner ?? {}) as {
        exitCode?: number | null
        signalCode?: string | null
      }
      logEnd(node, entry.child, exitCode, signalCode ?? undefined)
    }
    return Reflect.apply(close, this, args)
  })
  return () => {
    prototype.spawn = spawn
    Reflect.deleteProperty(prototype, 'close')
  }
}

function watchSynchronous(node: TreeNode, binding: Bindings['synchronous']): () => void {
  const { spawn } = binding
  replace(binding, 'spawn', function (this: unknown, ...args) {
    const options = args[0]
    const child = announce(node, options)
    if (!child) return Reflect.apply(spawn, this, args)
    logStart(node, child)
    node.flush()
    const result = Reflect.apply(spawn, this, [{ ...options, args: child.args, envPairs: child.envPairs }])
    const error = result.error ? toErrorRecord(result.error, options.file) : undefined
    logEnd(node, child, result.status, result.signal ?? undefined, error)
    return result
  })
  return () => {
    binding.spawn = spawn
  }
}

/** @returns undefined for what can't be a child of a program: it is passed on as it is */
function announce(node: TreeNode, options: SpawnOptions): Announced | undefined {
  const { file, args: words = [], envPairs } = options ?? {}
  if (typeof file !== 'string' || !Array.isArray(envPairs)) return undefined
  const args = dropPreload(words, node.injection.preload)
  const path = node.nextPath()
  const command = toCommandLine(node.redact([file, ...args.slice(1)]))
  const obstacle = findObstacle(file, args, envPairs) ?? findOtherRecording(node, envPairs)
  const inherits = listInherited(options)
  if (obstacle) return { path, command, inherits, args, envPairs, expected: false, unrecorded: obstacle }
  return {
    path,
    command,
    inherits,
    args,
    envPairs: injectPairs(envPairs, node.injection, path),
    expected: runsProgram(file, args),
  }
}

function listInherited({ stdio = [] }: SpawnOptions): number[] {
  const shared = stdio
    .slice(1, 3)
    .flatMap(({ type, fd }) => (/^(inherit|fd)$/.test(type) && fd !== undefined ? [fd] : []))
  return [...new Set(shared)].filter((fd) => fd === 1 || fd === 2)
}

/** A `retroscope record` inside the recorded program takes care of its own tree. */
function findOtherRecording(node: TreeNode, pairs: readonly string[]): string | undefined {
  const other = pairs.find((pair) => pair.startsWith(`${RECORDING_VARIABLE}=`))?.slice(RECORDING_VARIABLE.length + 1)
  return other && other !== node.injection.recording ? `it is recorded elsewhere, in ${other}` : undefined
}

function logStart(node: TreeNode, child: Child & { unrecorded?: string }, pid?: number): void {
  node.log({
    op: 'child',
    path: child.path,
    type: 'main',
    command: child.command,
    ...(pid !== undefined && { pid }),
    ...(child.inherits.length > 0 && { inherits: child.inherits }),
    ...(child.unrecorded !== undefined && { unrecorded: child.unrecorded }),
  })
}

function logEnd(node: TreeNode, child: Child, code: number | null, signal?: string, error?: ErrorRecord): void {
  if (child.expected && !error && !node.wasClaimed(child.path)) {
    const unrecorded = 'it ended without having run the preload'
    node.log({ op: 'child', path: child.path, type: 'main', command: child.command, unrecorded })
  }
  node.log({ op: 'childExit', path: child.path, code, ...(signal && { signal }), ...(error && { error }) })
}

function toErrorRecord(errno: number, file: string | undefined): ErrorRecord {
  return { name: 'Error', message: `spawn ${file ?? ''} ${getSystemErrorName(errno)}`, code: getSystemErrorName(errno) }
}

/** The ChildProcess that owns a handle, which Node keeps under a symbol of its own. */
function findOwner(handle: ProcessHandle): object | undefined {
  const symbol = Object.getOwnPropertySymbols(handle).find(({ description }) => description === 'owner_symbol')
  return symbol && (handle as unknown as Record<symbol, object>)[symbol]
}

/** Puts `body` in the place of a method, under its name and length. */
function replace<T extends object, K extends string & keyof T>(
  target: T,
  name: K,
  body: T[K] extends (...args: infer A) => infer R ? (this: T, ...args: A) => R : never,
): void {
  const original = target[name] as Function
  Object.defineProperty(body, 'name', { value: original.name, configurable: true })
  Object.defineProperty(body, 'length', { value: original.length, configurable: true })
  Object.defineProperty(target, name, {
    value: body,
    writable: true,
    enumerable: Object.hasOwn(target, name),
    configurable: true,
  })
}
