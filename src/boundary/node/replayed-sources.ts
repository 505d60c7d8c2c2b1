import type { Holder } from './internals.js'
import { isCode, isNamedCode, STAT_SIZE } from './sources.js'

/** What is to be done about the sources of a program that runs again. */
export interface SourceRules {
  /** What stands at that path here, where that shall be run and not what was recorded. */
  findLocal?(path: string): Buffer | undefined
  /** Present where only code may run that stands here. */
  readonly guard?: CodeGuard
}

export interface CodeGuard {
  /** Whether Node's own loader asks at the moment. */
  isLoading(): boolean
  /** What of the code at that path was read. Does not return where something else stands here. */
  check(path: string, code: string | Uint8Array, at: number): void
  /** The program's module hooks are asked, which may hand over code that stands in no file. */
  onHooks(): void
}

type Args = ArrayLike<unknown>

/** Place of the position among the arguments of a read; −1: from where the last one ended. */
const POSITION = 4

interface OpenFile {
  readonly path: string
  /** What is read in the place of what was recorded. */
  readonly local: Buffer | undefined
  /** Code that has to stand here. */
  readonly isGuarded: boolean
  read: number
}

/** Looks after the sources among what the file system answers. Modules are read in one piece, as text or through a
 *  descriptor. */
export class ReplayedSources {
  readonly #find: NonNullable<SourceRules['findLocal']>
  readonly #guard: CodeGuard | undefined
  readonly #guarded = new WeakSet<Args>()
  readonly #open = new Map<unknown, OpenFile>()

  constructor({ findLocal, guard }: SourceRules) {
    this.#find = findLocal ?? (() => undefined)
    this.#guard = guard
  }

  /** To be called when a call is made: who made it is known no later. */
  begin(name: string, args: Args): void {
    if (!this.#guard || !/^(?:readFile|readFileUtf8|open|openFileHandle)$/.test(name)) return
    const path = args[0]
    if (typeof path !== 'string' || !isCode(path)) return
    if (isNamedCode(path) || this.#guard.isLoading()) this.#guarded.add(args)
  }

  /** Whether the call reads a file that stands here: how much it asks for depends on that. */
  isLocal(name: string, args: Args): boolean {
    return name === 'read' && this.#open.get(args[0])?.local !== undefined
  }

  /** @returns what the call answers */
  answer(name: string, args: Args, value: unknown, targets: readonly Uint8Array[] | undefined): unknown {
    switch (name) {
      case 'readFileUtf8':
        return this.#text(args, value)
      case 'open':
      case 'openFileHandle':
        this.#note(args, value)
        return value
      case 'fstat': {
        const local = this.#open.get(args[0])?.local
        if (local && value instanceof Float64Array) value[STAT_SIZE] = local.length
        return value
      }
      case 'read':
        return this.#read(args, value, targets?.[0])
      case 'close':
        this.#open.delete(args[0])
        return value
      default:
        return value
    }
  }

  /** @returns what is told of a file that was read in one visit to the thread pool: an error, its bytes, a descriptor where
   *  it is too large for that, and its size */
  finish(args: Args, told: readonly unknown[]): unknown[] {
    const [error, bytes, fd, size, ...more] = told
    const path = args[0]
    if (error || typeof path !== 'string') return [...told]
    const local = this.#find(path)
    if (fd !== -1) {
      this.#note(args, fd)
      return [error, bytes, fd, local?.length ?? size, ...more]
    }
    const whole = local ?? (bytes as Uint8Array)
    if (this.#guarded.has(args)) this.#guard!.check(path, whole, 0)
    return [error, whole, fd, size, ...more]
  }

  #text(args: Args, value: unknown): unknown {
    const path = args[0]
    if (typeof path !== 'string' || typeof value !== 'string') return value
    const text = this.#find(path)?.toString() ?? value
    if (this.#guarded.has(args)) this.#guard!.check(path, text, 0)
    return text
  }

  #note(args: Args, value: unknown): void {
    const fd = typeof value === 'object' && value !== null ? (value as Holder)['fd'] : value
    const path = args[0]
    if (typeof path !== 'string') return
    const isGuarded = this.#guarded.has(args)
    const local = this.#find(path)
    if (isGuarded || local) this.#open.set(fd, { path, local, isGuarded, read: 0 })
    else this.#open.delete(fd)
  }

  #read(args: Args, value: unknown, target: Uint8Array | undefined): unknown {
    const file = this.#open.get(args[0])
    if (!file || !target) return value
    const { path, local, isGuarded } = file
    const asked = Number(args[POSITION] ?? -1)
    const at = asked >= 0 ? asked : file.read
    const size = local ? local.copy(target, 0, at) : Number(value)
    if (isGuarded) this.#guard!.check(path, target.subarray(0, size), at)
    if (asked < 0) file.read += size
    return size
  }
}
