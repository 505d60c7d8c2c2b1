import { crc32 } from '../../spool/crc.js'
import { type Change, type Memory, toMemoryBytes } from './addon-values.js'
import type { Holder } from './internals.js'

/** How much memory is looked at with each call. */
const SHARED_BYTES = 256 * 1024

type Receive = (value: unknown, key: string) => readonly [value: unknown, kept: unknown]

/** What one addon and the program both hold: its exports, and memory that hangs on them. Each side may set, at any time,
 *  what the other is to see. */
export class Mirror {
  /** Of the addon, for people. */
  readonly file: string
  readonly #receive: Receive
  #real: Holder | undefined
  #standIn: Holder | undefined
  #id = 0
  /** How many keys the real one had at last. */
  #count = 0
  /** What native code has set and the program has not seen. */
  readonly #set = new Map<string, unknown>()
  readonly #shared: { readonly id: number; readonly memory: Memory; crc: number }[] = []

  constructor(path: string, receive: Receive) {
    this.file = path.slice(path.lastIndexOf('/') + 1)
    this.#receive = receive
  }

  /** Native code meets accessors on what it exported: no call pays for a look at it.
   *  @param id of the stand-in */
  watch(real: object, standIn: object, id: number): void {
    this.#real = real as Holder
    this.#standIn = standIn as Holder
    this.#id = id
    const keys = Object.keys(real)
    this.#count = keys.length
    for (const key of keys) this.#join(key)
  }

  #join(key: string): void {
    const real = this.#real!
    const { value, writable, configurable } = Object.getOwnPropertyDescriptor(real, key)!
    if (!configurable || !writable) return
    let own: unknown = value
    let given: unknown = this.#standIn![key]
    Object.defineProperty(real, key, {
      get: () => {
        const current = Object.getOwnPropertyDescriptor(this.#standIn, key)?.value as unknown
        // A function of the program's that stands there is for the program: native code keeps its own.
        if (current !== given && current !== undefined && typeof current !== 'function') own = given = current
        return own
      },
      set: (next: unknown) => {
        own = next
        given = next
        this.#set.set(key, next)
      },
      enumerable: true,
      configurable: true,
    })
  }

  /** @returns whether the memory is small enough to be looked at */
  share(memory: Memory, id: number): boolean {
    if (memory.byteLength > SHARED_BYTES) return false
    this.#shared.push({ id, memory, crc: crc32(toMemoryBytes(memory)) })
    return true
  }

  /** To be called before native code runs. */
  note(): void {
    for (const one of this.#shared) one.crc = crc32(toMemoryBytes(one.memory))
  }

  /** Shows the program what native code has done. @returns what the tape is to hold of that */
  look(): Change[] {
    const changes: Change[] = []
    for (const one of this.#shared) {
      const crc = crc32(toMemoryBytes(one.memory))
      if (crc !== one.crc) changes.push([-1 - one.id, new Uint8Array(toMemoryBytes(one.memory))])
      one.crc = crc
    }
    return [...changes, ...this.bringSet()]
  }

  /** Of that, what it has set on its exports: memory it writes itself. */
  bringSet(): Change[] {
    if (this.#real && Object.keys(this.#real).length !== this.#count) this.#meetNew(this.#real)
    if (this.#set.size === 0) return []
    const changes = [...this.#set].map(([key, value]) => this.#bring(key, value))
    this.#set.clear()
    return changes
  }

  #meetNew(real: Holder): void {
    for (const key of Object.keys(real)) {
      const descriptor = Object.getOwnPropertyDescriptor(real, key)!
      if (descriptor.get) continue
      this.#set.set(key, descriptor.value)
      this.#join(key)
    }
    this.#count = Object.keys(real).length
  }

  #bring(key: string, real: unknown): Change {
    const [value, kept] = this.#receive(real, key)
    Reflect.set(this.#standIn!, key, value)
    return [-1 - this.#id, key, kept]
  }
}
