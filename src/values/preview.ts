import { getClassName } from './class-names.js'
import { isPlaceholder } from './placeholder.js'

/** What a terminal would act upon, or what would turn the line around. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not reach a terminal
const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]/u

const OBJECT_PROTOTYPE = Object.prototype
const ARRAY_PROTOTYPE = Array.prototype

const NAME = /^[A-Za-z_$][\w$]*$/

/** One line for people, of any decoded value: `{ id: 7, items: [2 more…`. At most `maxLength` characters, none of which
 *  a terminal acts upon. Looks at no more of the value than it shows. */
export function preview(value: unknown, maxLength = 120): string {
  const line = new Line(maxLength)
  line.add(value, 0)
  return line.text()
}

/** The text with everything escaped that a terminal would act upon. */
export function toPrintable(text: string): string {
  if (!UNPRINTABLE.test(text)) return text
  let clean = ''
  for (const char of text) {
    clean += UNPRINTABLE.test(char) ? `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}` : char
  }
  return clean
}

class Line {
  readonly #limit: number
  /** What the value at hand is part of: few enough to look through. */
  readonly #open: object[] = []
  #text = ''

  constructor(limit: number) {
    this.#limit = limit
  }

  get #full(): boolean {
    return this.#text.length > this.#limit
  }

  text(): string {
    if (!this.#full) return this.#text
    const cut = this.#text.slice(0, Math.max(0, this.#limit - 1))
    return `${/[\ud800-\udbff]$/.test(cut) ? cut.slice(0, -1) : cut}…`
  }

  add(value: unknown, depth: number): void {
    if (this.#full) return
    if (typeof value !== 'object' || value === null) this.#text += toLeaf(value, this.#limit)
    else if (isPlaceholder(value)) this.#text += toPrintable(`[${value.preview || value.name || value.$type}]`)
    else if (this.#open.includes(value)) this.#text += '[cycle]'
    else if (depth > 20) this.#text += '…'
    else {
      this.#open.push(value)
      this.#object(value, depth)
      this.#open.pop()
    }
  }

  #object(value: object, depth: number): void {
    if (Object.getPrototypeOf(value) === OBJECT_PROTOTYPE) this.#fields('', value, depth)
    else if (Array.isArray(value)) this.#list(this.#named(value, 'Array'), '[', value, ']', depth)
    else this.#special(value, depth)
  }

  #special(value: object, depth: number): void {
    if (value instanceof Date) this.#text += Number.isNaN(value.getTime()) ? 'Invalid Date' : value.toISOString()
    else if (value instanceof RegExp) this.#text += toPrintable(String(value))
    else if (value instanceof URL || value instanceof URLSearchParams) this.#text += toPrintable(String(value))
    else if (value instanceof Error) this.#text += `[${toPrintable(`${value.name}: ${value.message}`)}]`
    else if (
      value instanceof Number ||
      value instanceof Boolean ||
      value instanceof String ||
      value instanceof BigInt
    ) {
      this.#text += `[${getClassName(Object.getPrototypeOf(value))}: `
      this.add(value.valueOf(), depth)
      this.#text += ']'
    } else if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) this.#bytes(value)
    else if (value instanceof Map) this.#map(value, depth)
    else if (value instanceof Set) this.#list(`${this.#sized(value)} `, '{', value, '}', depth)
    else this.#fields(this.#named(value, 'Object'), value, depth)
  }

  #named(value: object, usual: string): string {
    const prototype = Object.getPrototypeOf(value) as object | null
    if (prototype === ARRAY_PROTOTYPE) return ''
    const name = getClassName(prototype)
    return name === usual || name === 'null' ? '' : `${toPrintable(name)} `
  }

  #sized(value: ReadonlyMap<unknown, unknown> | ReadonlySet<unknown>): string {
    return `${toPrintable(getClassName(Object.getPrototypeOf(value)))}(${value.size})`
  }

  #bytes(value: ArrayBufferView | ArrayBuffer): void {
    const bytes = ArrayBuffer.isView(value)
      ? new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
      : new Uint8Array(value)
    const shown = Buffer.from(bytes.subarray(0, 16)).toString('hex')
    this.#text += `${getClassName(Object.getPrototypeOf(value))}(${bytes.length}) <${shown}${bytes.length > 16 ? '…' : ''}>`
  }

  #list(name: string, start: string, values: Iterable<unknown>, end: string, depth: number): void {
    this.#text += `${name}${start}`
    let first = true
    for (const value of values) {
      if (!first) this.#text += ', '
      first = false
      this.add(value, depth + 1)
      if (this.#full) return
    }
    this.#text += end
  }

  #map(value: ReadonlyMap<unknown, unknown>, depth: number): void {
    this.#text += `${this.#sized(value)} {`
    let first = true
    for (const [key, inner] of value) {
      this.#text += first ? ' ' : ', '
      first = false
      this.add(key, depth + 1)
      this.#text += ' => '
      this.add(inner, depth + 1)
      if (this.#full) return
    }
    this.#text += first ? '}' : ' }'
  }

  #fields(name: string, value: object, depth: number): void {
    this.#text += `${name}{`
    let first = true
    for (const key in value) {
      if (!Object.hasOwn(value, key)) continue
      this.#text += `${first ? ' ' : ', '}${toKey(key)}: `
      first = false
      this.add((value as Record<string, unknown>)[key], depth + 1)
      if (this.#full) return
    }
    this.#text += first ? '}' : ' }'
  }
}

/** What JSON need not escape, and a terminal does not act upon. */
const CLEAR = /^[ !#-[\]-~]*$/

function toQuoted(text: string): string {
  return CLEAR.test(text) ? `"${text}"` : toPrintable(JSON.stringify(text))
}

/** Keys of records come again and again; texts of them are kept, of the first so many. */
const keys = new Map<string, string>()
const MAX_KEYS = 1_000

function toKey(key: string): string {
  const known = keys.get(key)
  if (known !== undefined) return known
  const text = NAME.test(key) ? key : toPrintable(JSON.stringify(key))
  if (keys.size < MAX_KEYS && key.length <= 64) keys.set(key, text)
  return text
}

function toLeaf(value: unknown, limit: number): string {
  if (typeof value === 'number') return Object.is(value, -0) ? '-0' : String(value)
  if (typeof value === 'string') return toQuoted(value.length > limit ? value.slice(0, limit + 1) : value)
  if (typeof value === 'bigint') return `${value}n`
  if (typeof value === 'function') return '[function]'
  return toPrintable(String(value))
}
