import { types } from 'node:util'
import { Placeholder } from '../values/placeholder.js'
import { toRaw } from './graph.js'
import { shapeOf } from './shape.js'

/** A deep copy that later changes of `value` don't reach: plain data, class instances by prototype and own enumerable
 *  fields, Map, Set, Date, typed arrays; cycles and shared references stay what they are. Functions and objects that
 *  can't be copied stand in it themselves. Runs each getter of the program's once; one that throws leaves a placeholder. */
export function cloneValue<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value
  return new Cloner().clone(value) as T
}

class Cloner {
  readonly #done = new Map<object, unknown>()
  /** Copies whose content is still to come. Not the call stack: a state may be nested deeper than that reaches. */
  readonly #waiting: (() => void)[] = []

  clone(value: object): unknown {
    const copy = this.#copy(value)
    for (let fill = this.#waiting.pop(); fill !== undefined; fill = this.#waiting.pop()) fill()
    return copy
  }

  #copy(value: unknown): unknown {
    if (typeof value !== 'object' || value === null) return value
    const raw = toRaw(value)
    const done = this.#done.get(raw)
    if (done !== undefined) return done
    const copy = types.isProxy(raw) ? raw : this.#start(raw)
    this.#done.set(raw, copy)
    return copy
  }

  #start(raw: object): unknown {
    const shape = shapeOf(raw)
    if (shape === 'array') return this.#array(raw as unknown[])
    if (shape === 'object')
      return this.#fields(raw, Object.create(Object.getPrototypeOf(raw) as object | null) as object)
    if (types.isMap(raw)) return this.#map(raw)
    if (types.isSet(raw)) return this.#set(raw)
    if (types.isDate(raw)) return withClassOf(raw, new Date(Date.prototype.getTime.call(raw)))
    if (Buffer.isBuffer(raw)) return Buffer.from(raw)
    if (types.isTypedArray(raw)) return raw.slice()
    return raw
  }

  #array(raw: unknown[]): unknown {
    const copy = withClassOf(raw, new Array<unknown>(raw.length))
    this.#fields(raw, copy)
    return copy
  }

  #fields(raw: object, copy: object): object {
    this.#waiting.push(() => {
      for (const key of Object.keys(raw)) {
        const value = this.#copy(read(raw, key))
        if (key === '__proto__') {
          Object.defineProperty(copy, key, { value, writable: true, enumerable: true, configurable: true })
        } else (copy as Record<string, unknown>)[key] = value
      }
    })
    return copy
  }

  #map(raw: ReadonlyMap<unknown, unknown>): unknown {
    const copy = new Map<unknown, unknown>()
    this.#waiting.push(() => {
      Map.prototype.forEach.call(raw, (value, key) => copy.set(this.#copy(key), this.#copy(value)))
    })
    return withClassOf(raw, copy)
  }

  #set(raw: ReadonlySet<unknown>): unknown {
    const copy = new Set<unknown>()
    this.#waiting.push(() => {
      Set.prototype.forEach.call(raw, (member) => copy.add(this.#copy(member)))
    })
    return withClassOf(raw, copy)
  }
}

function withClassOf<T extends object>(raw: object, copy: T): T {
  const prototype = Object.getPrototypeOf(raw) as object | null
  return prototype === Object.getPrototypeOf(copy) ? copy : (Object.setPrototypeOf(copy, prototype) as T)
}

function read(object: object, key: string): unknown {
  try {
    return (object as Record<string, unknown>)[key]
  } catch (error) {
    return new Placeholder(
      'unreadable',
      key,
      `reading it throws ${error instanceof Error ? error.message : typeof error}`,
    )
  }
}
