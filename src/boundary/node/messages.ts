import type { Handle, RecordTools, ReplayTools } from './handles.js'
import type { Holder, Internals } from './internals.js'
import { findMessageClasses, PortMaker } from './port-maker.js'
import { isSharing } from './shared-memory.js'
import type { TapeWriter } from './tape.js'

/** Here the native side leaves the ports that came with a message, for the event that is made of it. */
export const RECEIVED = Symbol.for('nodejs.internal.kCurrentlyReceivingPorts')

/** Node's message to a new worker: what to run. It carries shared memory and environment data beside that. */
export const LOAD_SCRIPT = 'loadScript'

export interface Port extends Handle {
  [RECEIVED]?: readonly Port[] | undefined
}

/** A port within a message, by its number. */
const PORT = '\0port'

/** What of all that arrives V8 makes by itself; shared memory it refuses when that is written. */
const CLONED: ReadonlySet<string> = new Set(
  [
    'Map',
    'Set',
    'Date',
    'RegExp',
    'Error',
    'ArrayBuffer',
    'SharedArrayBuffer',
    'DataView',
    'Boolean',
    'Number',
    'String',
    'BigInt',
  ]
    .concat(['Int8Array', 'Uint8Array', 'Uint8ClampedArray', 'Int16Array', 'Uint16Array', 'Int32Array', 'Uint32Array'])
    .concat(['Float16Array', 'Float32Array', 'Float64Array', 'BigInt64Array', 'BigUint64Array'])
    .map((name) => `[object ${name}]`),
)

type IsPort = (value: object) => boolean

/** A message as the tape can keep it: ports in it by their numbers, as deep as plain objects and arrays go.
 *  @throws TypeError at what is native */
function toKept(
  value: unknown,
  isPort: IsPort,
  number: (port: Handle) => number,
  depth = 0,
  made = new Map<object, object>(),
): unknown {
  if (typeof value !== 'object' || value === null || depth > 8) return value
  const known = made.get(value)
  if (known) return known
  const add = <T extends object>(kept: T): T => {
    made.set(value, kept)
    return kept
  }
  if (isPort(value)) return add({ [PORT]: number(value as Handle) })
  const keep = (item: unknown): unknown => toKept(item, isPort, number, depth + 1, made)
  if (Array.isArray(value)) {
    const kept = add<unknown[]>([])
    kept.length = value.length
    for (const index of value.keys()) if (index in value) kept[index] = keep(value[index])
    return kept
  }
  if (Object.getPrototypeOf(value) !== Object.prototype) {
    if (CLONED.has(Object.prototype.toString.call(value))) return value
    if (isKey(value)) return add(keepKey(value))
    throw new TypeError('a native object')
  }
  const kept = add<Holder>({})
  for (const [key, item] of Object.entries(value)) define(kept, key, keep(item))
  return kept
}

/** A key within a message: its kind, and its bytes. */
const KEY = '\0key'

type Key = import('node:crypto').KeyObject

function isKey(value: object): value is Key {
  return /KeyObject$/.test(value.constructor?.name) && process.getBuiltinModule('node:util').types.isKeyObject(value)
}

function keepKey(key: Key): object {
  const type = key.type === 'public' ? 'spki' : 'pkcs8'
  const bytes = key.type === 'secret' ? key.export() : key.export({ format: 'der', type } as never)
  return { [KEY]: key.type, bytes }
}

function reviveKey({ [KEY]: kind, bytes }: { readonly [KEY]: Key['type']; readonly bytes: Buffer }): Key {
  const { createSecretKey, createPublicKey, createPrivateKey } = process.getBuiltinModule('node:crypto')
  const key = Buffer.from(bytes)
  if (kind === 'secret') return createSecretKey(key)
  if (kind === 'public') return createPublicKey({ key, format: 'der', type: 'spki' })
  return createPrivateKey({ key, format: 'der', type: 'pkcs8' })
}

/** One may be called `__proto__`. */
function define(target: Holder, key: string, value: unknown): void {
  Object.defineProperty(target, key, { value, writable: true, enumerable: true, configurable: true })
}

function fromKept(value: unknown, revive: (number: number) => unknown, made = new Map<object, unknown>()): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (made.has(value)) return made.get(value)
  const add = (given: unknown): unknown => {
    made.set(value, given)
    return given
  }
  if (KEY in value) return add(reviveKey(value as never))
  if (PORT in value) return add(revive((value as Record<string, number>)[PORT]!))
  add(value)
  if (Array.isArray(value)) {
    for (const index of value.keys()) if (index in value) value[index] = fromKept(value[index], revive, made)
    return value
  }
  if (Object.getPrototypeOf(value) !== Object.prototype) return value
  for (const [key, item] of Object.entries(value)) define(value as Holder, key, fromKept(item, revive, made))
  return value
}

/** What esbuild asks its worker synchronously: the memory is a bell, which it waits for and never reads. */
function isWaitedFor(message: unknown): boolean {
  const { sharedBuffer: bell, id, command, args } = (message ?? {}) as Holder
  return bell instanceof SharedArrayBuffer && bell.byteLength === 8 && Number.isInteger(id) && !!command && !!args
}

/** @returns undefined for a message that brings more than plain data */
export function serializePlain(internals: Internals, message: unknown): Uint8Array | undefined {
  const { MessagePort } = findMessageClasses(internals)
  try {
    const isPort = (value: object): boolean => value instanceof MessagePort
    const refuse = (): never => {
      throw new TypeError('a port')
    }
    if (isSharing({ bypass: false }, message)) return undefined
    return process.getBuiltinModule('node:v8').serialize(toKept(message, isPort, refuse))
  } catch {
    return undefined
  }
}

/** Writes what arrived, with the ports that it brought; the reader is `MessageReader`. */
export class MessageWriter {
  readonly #tape: TapeWriter
  readonly #isPort: IsPort
  readonly #number: (port: Handle) => number
  readonly #onMet: (label: string) => void

  constructor({ tape, internals, numbering, onUnfed }: RecordTools) {
    const { MessagePort } = findMessageClasses(internals)
    this.#tape = tape
    this.#isPort = (value) => value instanceof MessagePort
    this.#number = (port) => numbering.of(port, tape.turn)
    this.#onMet = onUnfed
  }

  /** @param ports those that came with it, in the order in which they were made; where they are not told, each is found
   *  in the message */
  write(message: unknown, ports?: readonly Handle[]): void {
    let bytes: Uint8Array | undefined
    const numbers: number[] = []
    const number = (port: Handle): number => numbers[numbers.push(this.#number(port)) - 1]!
    try {
      // A view of shared memory would be written as a copy.
      if (isSharing(this.#tape, message)) throw new TypeError('shared memory')
      bytes = process.getBuiltinModule('node:v8').serialize(toKept(message, this.#isPort, number))
    } catch {
      this.#onMet('a message with shared memory or a native object')
    }
    this.#tape.value(bytes)
    const made = ports?.map(this.#number) ?? [...new Set(numbers)].sort((a, b) => a - b)
    this.#tape.value(made.length)
    for (const one of made) this.#tape.value(one)
  }

  /** What the program posts is compared; what it shares goes on without the tape. */
  watch(message: unknown): void {
    const { type, isInternal, workerData } = (message ?? {}) as Holder
    // Node's own thread for module hooks: what it answers is recorded.
    if (type === LOAD_SCRIPT && isInternal) return
    if (isWaitedFor(message)) return
    if (isSharing(this.#tape, type === LOAD_SCRIPT ? workerData : message)) this.#onMet('memory shared between threads')
  }
}

export class MessageReader {
  readonly #tools: ReplayTools
  readonly #maker: PortMaker

  constructor(tools: ReplayTools) {
    this.#tools = tools
    this.#maker = new PortMaker(tools.internals)
  }

  /** Whether the port that is being made is none of the program's. */
  get isMaking(): boolean {
    return this.#maker.isMaking
  }

  read(): { readonly message: unknown; readonly ports: readonly Port[] } {
    const { tape, numbering } = this.#tools
    const bytes = tape.value() as Uint8Array | undefined
    const ports: Port[] = []
    for (let left = tape.value() as number; left > 0; left--) {
      const number = tape.value() as number
      const port = this.#maker.make() as Port
      if (numbering.of(port) !== number) tape.diverge(`port ${numbering.of(port)} arrives in the place of ${number}`)
      ports.push(port)
    }
    const message = bytes && process.getBuiltinModule('node:v8').deserialize(bytes)
    return { message: fromKept(message, (number) => tape.find(number)), ports }
  }
}
