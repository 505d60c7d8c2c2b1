/** What a program loads as code, or reads as its configuration. */
const NAMES = /\.(?:[cm]?[jt]sx?|json|wasm)$/

const DATA = /\.json$/

/** Whether that file runs; what is left of a program's files is its data, an input like every other. */
export function isCode(path: string): boolean {
  return !DATA.test(path)
}

/** Whether its name says that it is code. */
export function isNamedCode(path: string): boolean {
  return isCode(path) && NAMES.test(path)
}

/** A file's content that came back from a native call: it goes into the recording once, its hash onto the tape. */
export class Source {
  readonly path: string
  readonly bytes: Buffer
  /** It came back as text. */
  readonly isText: boolean

  constructor(path: string, bytes: Buffer, isText: boolean) {
    this.path = path
    this.bytes = bytes
    this.isText = isText
  }
}

type Args = ArrayLike<unknown>

const READ_ONLY = 0

/** Functions of the file system by which sources are read. */
const CALLS: ReadonlySet<string> = new Set([
  'readFileUtf8',
  'internalModuleReadJSON',
  'open',
  'openFileHandle',
  'fstat',
  'read',
  'close',
])

/** Index of the size among the numbers of a stat (src/node_file.h). */
export const STAT_SIZE = 8

interface OpenSource {
  readonly path: string
  /** As the file system said it; undefined where nobody asked. */
  size?: number
}

/** Finds sources among the answers of the file system. */
export class SourceFinder {
  /** Descriptors that were opened and not read yet. */
  readonly #open = new Map<unknown, OpenSource>()

  /** Whether that function may answer with one. */
  isAsked(name: string): boolean {
    return CALLS.has(name)
  }

  /** The answer of a call as it goes onto the tape. */
  find(name: string, args: Args, answer: unknown): unknown {
    const path = args[0]
    switch (name) {
      case 'readFileUtf8':
        return typeof answer === 'string' ? toSource(path, answer) : answer
      case 'internalModuleReadJSON':
        if (!Array.isArray(answer) || typeof answer[0] !== 'string') return answer
        return [toSource(path, answer[0]), ...answer.slice(1)]
      case 'open':
      case 'openFileHandle':
        this.#note(args, answer)
        return answer
      case 'fstat':
        this.#noteSize(path, answer)
        return answer
      case 'close':
        this.#open.delete(path)
        return answer
      default:
        return answer
    }
  }

  /** What was read into the program's buffer, where that is a whole source: Node's own loader asks for its size, and
   *  then for all of it. */
  take(args: Args, target: Uint8Array): Source | undefined {
    const open = this.#open.get(args[0])
    if (open === undefined) return undefined
    this.#open.delete(args[0])
    const { path, size } = open
    // A program may read the head of any file, or a part of it from anywhere.
    const isWhole = target.length > 0 && target.length === size && !(Number(args[4]) > 0)
    return isWhole ? new Source(path, Buffer.from(target), false) : undefined
  }

  #noteSize(fd: unknown, stat: unknown): void {
    const open = this.#open.get(fd)
    const size = (stat as Partial<ArrayLike<unknown>> | undefined)?.[STAT_SIZE]
    if (open && size !== undefined) open.size = Number(size)
  }

  #note(args: Args, answer: unknown): void {
    const [path, flags] = [args[0], args[1]]
    const fd = typeof answer === 'object' && answer !== null ? (answer as { fd?: unknown }).fd : answer
    if (typeof fd !== 'number') return
    if (flags === READ_ONLY && typeof path === 'string' && NAMES.test(path)) this.#open.set(fd, { path })
    else this.#open.delete(fd)
  }
}

/** A file that was read in one visit to the thread pool, where that is a source. */
export function findWhole(path: unknown, bytes: unknown): Source | undefined {
  if (typeof path !== 'string' || !NAMES.test(path)) return undefined
  return bytes instanceof Uint8Array && bytes.length > 0 ? new Source(path, Buffer.from(bytes), false) : undefined
}

/** A script without an ending says with its first line that it is one, or is what was started. */
function toSource(path: unknown, text: string): Source | string {
  if (typeof path !== 'string') return text
  if (!NAMES.test(path) && !text.startsWith('#!') && path !== process.mainModule?.filename) return text
  return new Source(path, Buffer.from(text), true)
}
