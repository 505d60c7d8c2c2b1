import { types } from 'node:util'
import { getClassName } from './class-names.js'
import { isPlaceholder } from './placeholder.js'

export type JsonValue = string | number | boolean | null | readonly JsonValue[] | { readonly [key: string]: JsonValue }

/** Values shown in all; further ones are `{ "$type": "cut" }`. */
const NODES = 2_000_000

/** The stable JSON form of any decoded value, as `--json` prints it. What JSON can say stands as it is; the rest is an
 *  object with a `$type` from this list, and an object of the program's with a `$type` of its own is `object`:
 *
 *  `undefined` · `number` {value: "NaN" | "Infinity" | "-Infinity" | "-0"} · `bigint` {value: digits} ·
 *  `date` {value: ISO text or null} · `map` {entries: [[key, value]]} · `set` {values} · `regexp` {source, flags,
 *  lastIndex} · `bytes` {name, base64} · `error` {name, message, stack, cause?, fields} · `url` {href} ·
 *  `query` {text} · `boxed` {value} · `instance` {name, fields} · `array` {length, fields}: holes or extra properties ·
 *  `object` {entries} · `placeholder` {kind, name, preview} · `cycle` {path}: the value at that pointer, which it is
 *  part of · `cut`. An instance of a class that extends a built-in has that type and a `name`, with `fields` if any. */
export function toJson(value: unknown): JsonValue {
  return new Projection().project(value, '')
}

type Fields = Record<string, JsonValue>

class Projection {
  readonly #open = new Map<object, string>()
  #nodes = NODES

  project(value: unknown, path: string): JsonValue {
    switch (typeof value) {
      case 'string':
      case 'boolean':
        return value
      case 'number':
        return Number.isFinite(value) && !Object.is(value, -0) ? value : tag('number', { value: toNumeral(value) })
      case 'bigint':
        return tag('bigint', { value: String(value) })
      case 'undefined':
        return tag('undefined')
      case 'object':
        return value === null ? null : this.#object(value, path)
      default:
        return tag('placeholder', { kind: typeof value, name: '', preview: typeof value })
    }
  }

  #object(value: object, path: string): JsonValue {
    if (--this.#nodes < 0) return tag('cut')
    const above = this.#open.get(value)
    if (above !== undefined) return tag('cycle', { path: above })
    this.#open.set(value, path)
    const projected = this.#content(value, path)
    this.#open.delete(value)
    return projected
  }

  #content(value: object, path: string): JsonValue {
    if (isPlaceholder(value)) {
      return tag('placeholder', { kind: value.$type, name: value.name, preview: value.preview })
    }
    const name = getClassName(Object.getPrototypeOf(value) as object | null)
    if (Array.isArray(value)) return this.#array(value, name, path)
    const built = this.#builtIn(value, name, path)
    if (built !== undefined) return this.#extend(built, value, name, path)
    if (name !== 'Object' && name !== 'null') return tag('instance', { name, fields: this.#fields(value, path) })
    return this.#fields(value, path)
  }

  #array(value: readonly unknown[], name: string, path: string): JsonValue {
    const keys = Object.keys(value)
    if (name === 'Array' && keys.length === value.length && (keys.at(-1) ?? '-1') === String(value.length - 1)) {
      return value.map((member, i) => this.project(member, `${path}/${i}`))
    }
    const form = { length: value.length, fields: this.#fields(value, path) }
    return tag('array', name === 'Array' ? form : { name, ...form })
  }

  #fields(value: object, path: string): JsonValue {
    const entries = Object.entries(value).map(([key, inner]): [string, JsonValue] => [
      key,
      this.project(inner, `${path}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`),
    ])
    if (Object.hasOwn(value, '$type')) return tag('object', { entries })
    return Object.fromEntries(entries)
  }

  #builtIn(value: object, name: string, path: string): Fields | undefined {
    const inner = (part: unknown) => this.project(part, path)
    if (value instanceof Date) return tag('date', { value: Number.isNaN(value.getTime()) ? null : value.toISOString() })
    if (value instanceof Map)
      return tag('map', { entries: [...value].map(([key, member]) => [inner(key), inner(member)]) })
    if (value instanceof Set) return tag('set', { values: [...value].map(inner) })
    if (value instanceof RegExp)
      return tag('regexp', { source: value.source, flags: value.flags, lastIndex: value.lastIndex })
    if (ArrayBuffer.isView(value)) {
      return tag('bytes', {
        name,
        base64: Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64'),
      })
    }
    if (value instanceof ArrayBuffer) return tag('bytes', { name, base64: Buffer.from(value).toString('base64') })
    if (value instanceof URL) return tag('url', { href: value.href })
    if (value instanceof URLSearchParams) return tag('query', { text: value.toString() })
    if (types.isBoxedPrimitive(value))
      return tag('boxed', { value: inner((value as { valueOf(): unknown }).valueOf()) })
    if (value instanceof Error) return this.#error(value, path)
    return undefined
  }

  #error(error: Error, path: string): Fields {
    const form = tag('error', { name: error.name, message: error.message, stack: error.stack ?? '' })
    const cause: Fields = Object.hasOwn(error, 'cause') ? { cause: this.project(error.cause, `${path}/cause`) } : {}
    return { ...form, ...cause, fields: this.#fields(error, path) }
  }

  /** Class and fields that a built-in has beside its content. */
  #extend(form: Fields, value: object, name: string, path: string): JsonValue {
    if (form.$type === 'error' || form.$type === 'bytes' || types.isBoxedPrimitive(value)) return form
    const usual = name === 'URL' || name === 'URLSearchParams' || name === 'RegExp' || name.toLowerCase() === form.$type
    const fields = Object.keys(value).length > 0 ? { fields: this.#fields(value, path) } : {}
    return { ...form, ...(usual ? {} : { name }), ...fields }
  }
}

function tag(type: string, parts: Fields = {}): Fields {
  return { $type: type, ...parts }
}

function toNumeral(value: number): string {
  return Object.is(value, -0) ? '-0' : String(value)
}
