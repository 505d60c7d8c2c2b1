import { crc32 } from '../../spool/crc.js'
import { toBytes } from './entries.js'

/** Stands in a kept value for what the tape cannot hold itself. */
export const MARK = '\0addon'

/** A property: key, its flags, and either its value or the functions that get and set it. */
export type Member =
  | readonly [key: unknown, flags: number, value: unknown]
  | readonly [unknown, number, unknown, unknown]

export type Mark =
  | { readonly [MARK]: 'known' | 'given' | 'promise' | 'opaque'; readonly id: number }
  | { readonly [MARK]: 'symbol' | 'intrinsic'; readonly name: string }
  | { readonly [MARK]: 'items'; readonly items: readonly unknown[] }
  | { readonly [MARK]: 'memory'; readonly id: number; readonly memory: Memory }
  | { readonly [MARK]: 'made'; readonly id: number; readonly members: readonly Member[] }
  | { readonly [MARK]: 'object'; readonly id: number; readonly proto: unknown; readonly members: readonly Member[] }
  | (FunctionMark & { readonly proto: unknown; readonly members: readonly Member[] })

export interface FunctionMark {
  readonly [MARK]: 'function'
  readonly id: number
  readonly name: string
  readonly length: number
  /** How its calls are called. */
  readonly label: string
  readonly prototype: unknown
}

export function isMark(value: unknown): value is Mark {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, MARK)
}

const FLAGS = { enumerable: 1, configurable: 2, writable: 4 } as const

export function toFlags({ enumerable, configurable, writable }: PropertyDescriptor): number {
  return (enumerable ? FLAGS.enumerable : 0) + (configurable ? FLAGS.configurable : 0) + (writable ? FLAGS.writable : 0)
}

export function fromFlags(flags: number): PropertyDescriptor {
  return { enumerable: (flags & FLAGS.enumerable) > 0, configurable: (flags & FLAGS.configurable) > 0 }
}

export function isWritable(flags: number): boolean {
  return (flags & FLAGS.writable) > 0
}

const ITERATOR = Object.getPrototypeOf(Object.getPrototypeOf([][Symbol.iterator]())) as object

/** Objects of the engine's that an addon's may inherit from. */
export const INTRINSICS: ReadonlyMap<string, object> = new Map(
  Object.entries({
    Object: Object.prototype,
    Function: Function.prototype,
    Array: Array.prototype,
    Error: Error.prototype,
    Promise: Promise.prototype,
    Iterator: ITERATOR,
  }),
)

const NAMES = new Map([...INTRINSICS].map(([name, object]) => [object, name]))

export function findIntrinsic(value: object): string | undefined {
  return NAMES.get(value)
}

/** @returns undefined for a symbol that only its maker has */
export function toSymbolName(symbol: symbol): string | undefined {
  const registered = Symbol.keyFor(symbol)
  if (registered !== undefined) return `${REGISTERED}${registered}`
  return Object.getOwnPropertyNames(Symbol).find((name) => WELL_KNOWN[name] === symbol)
}

export function fromSymbolName(name: string): symbol {
  return name.startsWith(REGISTERED) ? Symbol.for(name.slice(REGISTERED.length)) : (WELL_KNOWN[name] as symbol)
}

const REGISTERED = 'for '
const WELL_KNOWN = Symbol as unknown as Readonly<Record<string, unknown>>

/** Objects whose content says all about them. */
export function isContent(value: object): boolean {
  if (ArrayBuffer.isView(value)) return !(value.buffer instanceof SharedArrayBuffer)
  return value instanceof ArrayBuffer || value instanceof Date || value instanceof RegExp || value instanceof Error
}

export function isPlainObject(value: object): boolean {
  const prototype = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

/** How much of what the program gives is looked at. */
const MOST = 64
const DEPTH = 3

/** Whether all of a value is data that nobody knows by its identity. */
export function isData(value: unknown, isKnown: (value: object) => boolean, depth = 0): boolean {
  if (typeof value === 'symbol' || typeof value === 'function') return false
  if (typeof value !== 'object' || value === null) return true
  if (isKnown(value) || depth > 32) return false
  if (isContent(value)) return true
  if (Array.isArray(value)) return value.every((item) => isData(item, isKnown, depth + 1))
  if (!isPlainObject(value)) return false
  const items = Object.values(value)
  return Reflect.ownKeys(value).length === items.length && items.every((item) => isData(item, isKnown, depth + 1))
}

/** An argument as it is compared before the call: memory by its size alone, because it may be there to be written to.
 *  @param findKnown number of what an addon made; 0 for others */
export function toCompared(value: unknown, findKnown: (value: object) => number, depth = 0): unknown {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return value
  const id = findKnown(value)
  if (id > 0) return `\0known ${id}`
  if (typeof value === 'function') return value
  if (isMemory(value)) return `\0memory ${value.byteLength}`
  if (depth >= DEPTH) return value
  if (Array.isArray(value)) return value.slice(0, MOST).map((item) => toCompared(item, findKnown, depth + 1))
  if (!isPlainObject(value)) return value
  const entries = Object.entries(value).slice(0, MOST)
  return Object.fromEntries(entries.map(([key, item]) => [key, toCompared(item, findKnown, depth + 1)]))
}

export type Memory = ArrayBufferView | ArrayBuffer

export function isMemory(value: object): value is Memory {
  return (ArrayBuffer.isView(value) && !(value.buffer instanceof SharedArrayBuffer)) || value instanceof ArrayBuffer
}

export function toMemoryBytes(memory: Memory): Uint8Array {
  return memory instanceof ArrayBuffer ? new Uint8Array(memory) : toBytes(memory)
}

/** Every object that the program hands over with a value, as deep as it is looked at; the same in a replay. */
export function visit(value: unknown, meet: (value: object) => void, depth = 0): void {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return
  meet(value)
  if (depth >= DEPTH || typeof value === 'function') return
  const items = Array.isArray(value) ? value : isPlainObject(value) ? Object.values(value) : []
  for (let index = 0; index < items.length && index < MOST; index++) visit(items[index], meet, depth + 1)
}

type Snapshot =
  | { readonly at: number; readonly memory: Memory; crc: number }
  | {
      readonly at: number
      readonly object: Record<string, unknown>
      readonly before: Readonly<Record<string, unknown>>
    }

/** What a native call did to what it was given: bytes of memory, or one property. A place below −1 is that of what the
 *  addon itself made: −1 less its number. */
export type Change = readonly [at: number, bytes: Uint8Array] | readonly [at: number, key: string, value: unknown]

/** Remembers what a native call is given. */
export class Watch {
  readonly #snapshots: Snapshot[] = []

  /** @param at the argument's place; −1 for `this` */
  add(at: number, value: unknown): void {
    if (typeof value !== 'object' || value === null) return
    if (isMemory(value)) this.#snapshots.push({ at, memory: value, crc: crc32(toMemoryBytes(value)) })
    else if (!isContent(value)) {
      const object = value as Record<string, unknown>
      if (Object.keys(object).length <= MOST) this.#snapshots.push({ at, object, before: readAll(object) })
    }
  }

  /** What may be written to while nobody calls. */
  get memories(): readonly Memory[] {
    return this.#snapshots.flatMap((one) => ('memory' in one ? [one.memory] : []))
  }

  /** What was written to since the last look. */
  listWritten(): readonly Memory[] {
    return this.#snapshots.flatMap((one) => ('memory' in one && isWritten(one) ? [one.memory] : []))
  }

  /** What memory holds that was only read, and what changed. */
  look(keep: (value: unknown) => unknown): {
    readonly read: readonly (readonly [number, number])[]
    readonly changes: Change[]
  } {
    const changes: Change[] = []
    const read: (readonly [number, number])[] = []
    for (const one of this.#snapshots) {
      if ('memory' in one) {
        if (isWritten(one)) changes.push([one.at, new Uint8Array(toMemoryBytes(one.memory))])
        // The memory that small buffers share holds what was there before.
        else if (ArrayBuffer.isView(one.memory)) read.push([one.at, one.crc])
        continue
      }
      for (const [key, value] of Object.entries(readAll(one.object))) {
        if (!Object.hasOwn(one.before, key) || one.before[key] !== value) changes.push([one.at, key, keep(value)])
      }
    }
    return { read, changes }
  }
}

/** A native property may refuse to be read, as that of a closed database. */
function readAll(object: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const found = Object.create(null) as Record<string, unknown>
  for (const key of Object.keys(object)) found[key] = tryRead(object, key)
  return found
}

/** @returns undefined also where that throws */
export function tryRead(object: object, key: PropertyKey): unknown {
  try {
    return (object as Readonly<Record<PropertyKey, unknown>>)[key]
  } catch {
    return undefined
  }
}

function isWritten(snapshot: Extract<Snapshot, { memory: unknown }>): boolean {
  const crc = crc32(toMemoryBytes(snapshot.memory))
  if (crc === snapshot.crc) return false
  snapshot.crc = crc
  return true
}

/** Whether memory holds what it held when it was recorded. */
export function isSame(memory: unknown, crc: number): boolean {
  return typeof memory === 'object' && memory !== null && isMemory(memory) && crc32(toMemoryBytes(memory)) === crc
}

/** Whether an addon can take memory that it gave away from every reader: a look at that ends the process, so nothing of
 *  its may be looked at. */
export function isProtecting(exports: unknown): boolean {
  return typeof exports === 'object' && exports !== null && Object.keys(exports).some((name) => /mprotect/i.test(name))
}

/** How often memory is looked at that native code once had, and how much of it. */
const LOOKS = 16
const LOOK_BYTES = 64 * 1024

/** Finds out whether native code writes to memory that it was given, or gave, in an earlier call. */
export class KeptMemory {
  readonly #kept: { readonly ref: WeakRef<Memory>; left: number; crc: number }[] = []

  add(memory: Memory): void {
    if (memory.byteLength <= LOOK_BYTES) this.#kept.push({ ref: new WeakRef(memory), left: LOOKS, crc: 0 })
  }

  /** To be called before native code runs. */
  note(): void {
    for (let index = this.#kept.length - 1; index >= 0; index--) {
      const one = this.#kept[index]!
      const memory = one.ref.deref()
      if (memory && one.left-- > 0) one.crc = crc32(toMemoryBytes(memory))
      else this.#kept.splice(index, 1)
    }
  }

  /** @returns whether it has written to any but `given`, which is known to be its own at the moment */
  isWritten(given: readonly Memory[]): boolean {
    return this.#kept.some(({ ref, crc }) => {
      const memory = ref.deref()
      return memory !== undefined && !given.includes(memory) && crc32(toMemoryBytes(memory)) !== crc
    })
  }
}

const { [Symbol.hasInstance]: isInstance } = Function.prototype

/** Native code asks its own class whether an object is of it: so are those that inherit from its stand-in. */
export function welcome(real: Function, standIn: Function): void {
  if (Object.hasOwn(real, Symbol.hasInstance)) return
  Object.defineProperty(real, Symbol.hasInstance, {
    value: (one: unknown) => Reflect.apply(isInstance, real, [one]) || Reflect.apply(isInstance, standIn, [one]),
    configurable: true,
  })
}
