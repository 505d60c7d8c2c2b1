import { EventEmitter } from 'node:events'
import { types } from 'node:util'
import t from 'tap'
import { createDecoder } from '../../src/values/decoder.js'
import { createEncoder } from '../../src/values/encoder.js'
import { isPlaceholder } from '../../src/values/placeholder.js'
import { preview } from '../../src/values/preview.js'
import { toJson } from '../../src/values/to-json.js'
import { getterRuns, Hostile, toRandom } from './hostile.js'

/** The table of values, as this test reads it: why `decoded` isn't what it says of `original`; undefined when it is. */
class Table {
  readonly #met = new Map<object, unknown>()
  /** Getters were run by the encoder; what they returned is known to the generator only through the decoded value. */
  check(original: unknown, decoded: unknown, path = ''): string | undefined {
    if (typeof original === 'symbol') return this.#placeholder(decoded, 'symbol', path)
    if (typeof original === 'function') return this.#placeholder(decoded, 'function', path)
    if (typeof original !== 'object' || original === null)
      return this.#is(Object.is(original, decoded), path, 'another primitive')
    if (this.#met.has(original))
      return this.#is(this.#met.get(original) === decoded, path, 'a shared reference was parted')
    this.#met.set(original, decoded)
    return this.#object(original, decoded, path)
  }

  #is(holds: boolean, path: string, otherwise: string): string | undefined {
    return holds ? undefined : `${path}: ${otherwise}`
  }

  #placeholder(decoded: unknown, type: string, path: string): string | undefined {
    return this.#is(
      isPlaceholder(decoded) && decoded.$type === type,
      path,
      `no placeholder ${type}: ${preview(decoded)}`,
    )
  }

  #object(original: object, decoded: unknown, path: string): string | undefined {
    if (isRevoked(original)) return this.#placeholder(decoded, 'unreadable', path)
    if (isHost(original)) return this.#placeholder(decoded, 'host', path)
    if (typeof decoded !== 'object' || decoded === null || isPlaceholder(decoded)) return `${path}: ${preview(decoded)}`
    return (
      this.#class(original, decoded, path) ??
      this.#inner(original, decoded, path) ??
      this.#fields(original, decoded, path)
    )
  }

  #class(original: object, decoded: object, path: string): string | undefined {
    const expected = nameOf(original)
    return this.#is(nameOf(decoded) === expected, path, `class ${nameOf(decoded)} instead of ${expected}`)
  }

  #inner(a: object, b: object, path: string): string | undefined {
    if (a instanceof Date) return this.#is(Object.is(a.getTime(), (b as Date).getTime()), path, 'another time')
    if (a instanceof RegExp) {
      return this.#is(String(a) === String(b) && a.lastIndex === (b as RegExp).lastIndex, path, 'another pattern')
    }
    if (a instanceof URL || a instanceof URLSearchParams)
      return this.#is(String(a) === String(b), path, 'another address')
    if (ArrayBuffer.isView(a)) {
      return this.#is(ArrayBuffer.isView(b) && toBytes(a).equals(toBytes(b)), path, 'other bytes')
    }
    if (a instanceof ArrayBuffer)
      return this.#is(Buffer.from(a).equals(Buffer.from(b as ArrayBuffer)), path, 'other bytes')
    if (types.isBoxedPrimitive(a)) {
      return this.#is(Object.is((a as Number).valueOf(), (b as Number).valueOf()), path, 'another boxed value')
    }
    if (a instanceof Map) return this.#list([...a].flat(), [...(b as Map<unknown, unknown>)].flat(), path)
    if (a instanceof Set) return this.#list([...a], [...(b as Set<unknown>)], path)
    if (a instanceof Error) {
      const same = b instanceof Error && a.message === b.message && a.name === b.name && a.stack === b.stack
      if (!same || Object.hasOwn(a, 'cause') !== Object.hasOwn(b, 'cause')) return `${path}: another error`
      return this.check(a.cause, b.cause, `${path}/cause`)
    }
    if (Array.isArray(a)) return this.#is(Array.isArray(b) && a.length === b.length, path, 'another length')
    return undefined
  }

  #list(a: readonly unknown[], b: readonly unknown[], path: string): string | undefined {
    if (a.length !== b.length) return `${path}: ${b.length} members instead of ${a.length}`
    for (let i = 0; i < a.length; i++) {
      const found = this.check(a[i], b[i], `${path}/#${i}`)
      if (found) return found
    }
    return undefined
  }

  #fields(a: object, b: object, path: string): string | undefined {
    if (types.isTypedArray(a) || types.isStringObject(a)) return undefined
    const emitter = a instanceof EventEmitter
    const keys = Object.keys(a).filter(
      (key) => !emitter || !['_events', '_eventsCount', '_maxListeners', 'domain'].includes(key),
    )
    if (keys.length !== Object.keys(b).length) return `${path}: keys ${Object.keys(b)} instead of ${keys}`
    for (const key of keys) {
      if (!Object.hasOwn(b, key)) return `${path}: no ${JSON.stringify(key)}`
      const found = this.#field(a, b, key, `${path}/${key}`)
      if (found) return found
    }
    return undefined
  }

  #field(a: object, b: object, key: string, path: string): string | undefined {
    const value = (b as Record<string, unknown>)[key]
    if (key === 'thrower') return this.#placeholder(value, 'unreadable', path)
    // Asking the getter for what it should be would be running it twice.
    if (key === 'counted') return undefined
    return this.check((a as Record<string, unknown>)[key], value, path)
  }
}

function nameOf(object: object): string {
  const prototype = Object.getPrototypeOf(object) as { constructor?: { name: string } } | null
  if (prototype === null) return 'null'
  return Object.hasOwn(prototype, 'constructor') ? (prototype.constructor?.name ?? '') : 'Object'
}

function isRevoked(value: object): boolean {
  try {
    Object.getPrototypeOf(value)
    return false
  } catch {
    return true
  }
}

const HOSTS = ['Promise', 'WeakMap', 'WeakSet', 'WeakRef', 'Socket', 'PassThrough', 'NumberFormat', 'AbortSignal']

function isHost(value: object): boolean {
  if (value === process.env || value === process || value === globalThis) return true
  if (types.isGeneratorObject(value) || types.isMapIterator(value)) return true
  return HOSTS.includes(nameOf(value))
}

function toBytes(view: ArrayBufferView): Buffer {
  return Buffer.from(view.buffer, view.byteOffset, view.byteLength)
}

t.test('[V2] every value comes back as the table says, whatever stood before it', async (t) => {
  const rounds = process.env.RETROSCOPE_LONG ? 100_000 : 5_000
  const hostile = new Hostile(toRandom(20))
  const encoder = createEncoder()
  const decoder = createDecoder()
  const early: { bytes: Buffer; text: string }[] = []
  for (let round = 0; round < rounds; round++) {
    const value = hostile.value()
    const bytes = Buffer.from(encoder.encode(value))
    const dictionary = encoder.takeDictionary()
    if (dictionary) decoder.learn(Buffer.from(dictionary))
    const decoded = decoder.decode(bytes)
    const found = new Table().check(value, decoded)
    if (found) return t.fail(`round ${round}${found}: ${preview(decoded, 400)}`)
    const again = JSON.stringify(toJson(decoder.decode(Buffer.from(encoder.encode(decoded)))))
    if (again !== JSON.stringify(toJson(decoded))) return t.fail(`round ${round}: not the same when encoded again`)
    if (preview(decoded, 80).length > 80) return t.fail(`round ${round}: a preview of more than 80 characters`)
    if (round % 100 === 0) early.push({ bytes, text: JSON.stringify(toJson(decoded)) })
  }
  t.ok(
    early.every(({ bytes, text }) => JSON.stringify(toJson(decoder.decode(bytes))) === text),
    'later dictionaries read what earlier ones read',
  )
  t.equal(getterRuns.most, 1, 'no getter ran twice')
  t.ok(getterRuns.thrown > 100, 'throwing getters were met')
})
