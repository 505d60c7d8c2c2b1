import type { Holder, Internals, Native } from '../../src/boundary/node/internals.js'
import { replace } from '../../src/boundary/node/synchronous.js'

/** What only reads. Node versions name more of them than one has. */
const READING: ReadonlySet<string> = new Set([
  ...['access', 'existsSync', 'stat', 'lstat', 'fstat', 'statfs', 'readdir', 'readlink', 'realpath', 'close'],
  ...[
    'open',
    'openFileHandle',
    'read',
    'readBuffers',
    'readFileUtf8',
    'getFormatOfExtensionlessFile',
    'legacyMainResolve',
  ],
  ...['internalModuleStat', 'internalModuleReadJSON', 'internalReadFileSync', 'internalReadFileString', 'rmSyncCheck'],
  ...['getStatValues', 'statValues', 'bigintStatValues'],
])

/** Those that take flags, as their second argument. */
const OPENING: ReadonlySet<string> = new Set(['open', 'openFileHandle', 'readFileUtf8'])

const FUNCTIONS: Readonly<Record<string, readonly string[]>> = {
  spawn_sync: ['spawn'],
  cares_wrap: ['getaddrinfo', 'getnameinfo'],
  process_methods: ['_kill', '_debugProcess', '_debugEnd', 'chdir', 'execve', 'reallyExit', 'abort'],
  heap_utils: ['triggerHeapSnapshot'],
}

const STREAM = ['writeBuffer', 'writev', 'writeUtf8String', 'writeAsciiString', 'writeLatin1String', 'writeUcs2String']
const SOCKET = [...STREAM, 'shutdown', 'bind', 'bind6', 'listen', 'connect', 'connect6', 'open']

const METHODS: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  process_wrap: { Process: ['spawn', 'kill'] },
  tcp_wrap: { TCP: SOCKET },
  pipe_wrap: { Pipe: SOCKET },
  tty_wrap: { TTY: [...STREAM, 'setRawMode'] },
  udp_wrap: { UDP: ['open', 'bind', 'bind6', 'connect', 'connect6', 'send', 'send6'] },
  worker: { Worker: ['startThread'] },
}

const OF_PROCESS = ['_kill', '_debugProcess', '_debugEnd', 'reallyExit', 'abort', 'dlopen']

/** Keeps what is evaluated in a replayed program from doing anything to the world: it may read. To be made below the
 *  boundary, which asks it whatever it does not take from the tape. */
export class Effects {
  /** Somebody looks. */
  isRefused = false

  constructor(internals: Internals) {
    const files = internals.binding('fs')
    const { O_WRONLY, O_RDWR, O_CREAT, O_TRUNC, O_APPEND } = process.getBuiltinModule('node:fs').constants
    const writing = O_WRONLY | O_RDWR | O_CREAT | O_TRUNC | O_APPEND
    for (const name of Object.getOwnPropertyNames(files)) {
      if (typeof files[name] !== 'function' || /^[A-Z]/.test(name)) continue
      if (OPENING.has(name)) this.#guard(files, name, `fs.${name}`, (args) => (Number(args[1]) & writing) !== 0)
      else if (!READING.has(name)) this.#guard(files, name, `fs.${name}`)
    }
    for (const [binding, names] of Object.entries(FUNCTIONS)) {
      for (const name of names) this.#guard(internals.binding(binding), name, `${binding}.${name}`)
    }
    for (const [binding, classes] of Object.entries(METHODS)) {
      for (const [type, names] of Object.entries(classes)) {
        const { prototype } = internals.binding(binding)[type] as { readonly prototype: Holder }
        for (const name of names) this.#guard(prototype, name, `${type}.${name}`)
      }
    }
    for (const name of OF_PROCESS) this.#guard(process as unknown as Holder, name, `process.${name}`)
  }

  #guard(holder: Holder, name: string, label: string, isMeant?: (args: ArrayLike<unknown>) => boolean): void {
    const original = holder[name]
    if (typeof original !== 'function') return
    const effects = this
    replace(holder, name, function (this: unknown): unknown {
      // biome-ignore lint/complexity/noArguments: passed on without an array per call
      const args = arguments
      if (effects.isRefused && (!isMeant || isMeant(args))) throw toError(label)
      return Reflect.apply(original as Native, this, args)
    })
  }
}

function toError(label: string): Error {
  return new Error(`${label} is refused: what is evaluated in a replay reads, and does nothing to this machine.`)
}
