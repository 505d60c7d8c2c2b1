import { types } from 'node:util'
import { getClassName } from './class-names.js'
import type { Copier, Wire } from './copier.js'
import { TAG } from './wire.js'

type Getter = (this: unknown) => never

function getterOf(prototype: object, key: PropertyKey): Getter {
  return Object.getOwnPropertyDescriptor(prototype, key)?.get as Getter
}

const TYPED = Object.getPrototypeOf(Uint8Array.prototype) as object
const typedName = getterOf(TYPED, Symbol.toStringTag) as (this: unknown) => string
const typedBuffer = getterOf(TYPED, 'buffer') as (this: unknown) => ArrayBuffer
const typedOffset = getterOf(TYPED, 'byteOffset') as (this: unknown) => number
const typedLength = getterOf(TYPED, 'length') as (this: unknown) => number
const typedBytes = getterOf(TYPED, 'byteLength') as (this: unknown) => number
const regexpSource = getterOf(RegExp.prototype, 'source') as (this: unknown) => string
const regexpFlags = getterOf(RegExp.prototype, 'flags') as (this: unknown) => string

const VIEWS = {
  Int8Array,
  Uint8Array,
  Uint8ClampedArray,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  Float32Array,
  Float64Array,
  BigInt64Array,
  BigUint64Array,
} as const

/** Kinds of objects whose content isn't in their properties. Some cannot be looked into, some must not be. */
export function toHostName(value: object): string | undefined {
  if (value === process.env) return 'process.env'
  if (value === process) return 'process'
  if (value === globalThis) return 'globalThis'
  if (types.isPromise(value)) return 'Promise'
  if (types.isWeakMap(value)) return 'WeakMap'
  if (types.isWeakSet(value)) return 'WeakSet'
  if (types.isGeneratorObject(value)) return 'Generator'
  if (types.isMapIterator(value) || types.isSetIterator(value)) return 'Iterator'
  if (types.isExternal(value)) return 'External'
  return undefined
}

/** The wire form of an instance of a built-in class; undefined when it is none. Reads through the class's own methods,
 *  never through what the program put over them. */
export function copyBuiltIn(value: object, prototype: object | null, copier: Copier): Wire | undefined {
  const name = getClassName(prototype)
  const extend = (builtIn: string, toBase: () => Wire, keys = Object.keys(value)) =>
    copier.extended(value, name, builtIn, toBase, keys)
  if (types.isMap(value)) return extend('Map', () => copyMap(value, copier))
  if (types.isSet(value)) return extend('Set', () => copySet(value, copier))
  if (types.isDate(value)) {
    return extend('Date', () => copier.remember(value, new Date(Date.prototype.getTime.call(value))))
  }
  if (types.isRegExp(value)) return extend('RegExp', () => copyRegExp(value, copier))
  if (types.isTypedArray(value)) {
    const builtIn = name === 'Buffer' ? 'Buffer' : typedName.call(value)
    return extend(builtIn, () => copyView(value, prototype, copier), [])
  }
  if (types.isDataView(value)) return extend('DataView', () => copyDataView(value, copier))
  if (types.isAnyArrayBuffer(value)) return extend(name, () => copyBuffer(value, copier))
  if (types.isBoxedPrimitive(value)) return copyBoxed(value, copier)
  if (types.isNativeError(value) || isErrorLike(value)) return copyError(value, name, copier)
  return copyUrl(value, copier)
}

function copyMap(map: ReadonlyMap<unknown, unknown>, copier: Copier): Wire {
  const wire = copier.remember(map, new Map<Wire, Wire>())
  Map.prototype.forEach.call(map, (entry, key) => {
    const value = typeof key === 'string' ? copier.keyed(key, entry) : copier.copy(entry)
    wire.set(copier.copy(key), value)
  })
  return wire
}

function copySet(set: ReadonlySet<unknown>, copier: Copier): Wire {
  const wire = copier.remember(set, new Set<Wire>())
  Set.prototype.forEach.call(set, (member) => wire.add(copier.copy(member)))
  return wire
}

function copyRegExp(value: RegExp, copier: Copier): Wire {
  const source = copier.copy(regexpSource.call(value))
  const { lastIndex } = value
  return copier.remember(value, {
    $type: TAG.regexp,
    source,
    flags: regexpFlags.call(value),
    lastIndex: typeof lastIndex === 'number' ? lastIndex : 0,
  })
}

function copyView(value: object, prototype: object | null, copier: Copier): Wire {
  const name = typedName.call(value)
  const bytes = typedBytes.call(value)
  const View = VIEWS[name as keyof typeof VIEWS]
  if (View === undefined || !copier.affords(bytes)) {
    return copier.remember(value, copier.placeholder('bytes', `${bytes} bytes`, name))
  }
  const isBuffer = prototype === Buffer.prototype
  if (bytes === 0) return copier.remember(value, { $type: TAG.empty, name: isBuffer ? 'Buffer' : name })
  const [buffer, offset, length] = [typedBuffer.call(value), typedOffset.call(value), typedLength.call(value)]
  return copier.remember(value, isBuffer ? Buffer.from(buffer, offset, length) : new View(buffer, offset, length))
}

function copyDataView(value: DataView, copier: Copier): Wire {
  let view: DataView
  try {
    const [offset, length] = [viewOffset.call(value), viewLength.call(value)]
    if (length === 0) return copier.remember(value, { $type: TAG.empty, name: 'DataView' })
    view = new DataView(viewBuffer.call(value), offset, length)
  } catch {
    return copier.remember(value, { $type: TAG.empty, name: 'DataView' })
  }
  if (copier.affords(view.byteLength)) return copier.remember(value, view)
  return copier.remember(value, copier.placeholder('bytes', `${view.byteLength} bytes`, 'DataView'))
}

const viewOffset = getterOf(DataView.prototype, 'byteOffset') as (this: unknown) => number
const viewLength = getterOf(DataView.prototype, 'byteLength') as (this: unknown) => number
const viewBuffer = getterOf(DataView.prototype, 'buffer') as (this: unknown) => ArrayBuffer

function copyBuffer(value: ArrayBufferLike, copier: Copier): Wire {
  let bytes: Uint8Array
  try {
    bytes = new Uint8Array(value)
  } catch {
    return copier.remember(value, copier.placeholder('bytes', '0 bytes', 'detached ArrayBuffer'))
  }
  if (!copier.affords(bytes.length)) {
    return copier.remember(value, copier.placeholder('bytes', `${bytes.length} bytes`, 'ArrayBuffer'))
  }
  if (bytes.length === 0) return copier.remember(value, { $type: TAG.empty, name: 'ArrayBuffer' })
  return copier.remember(value, Uint8Array.prototype.slice.call(bytes).buffer)
}

function copyBoxed(value: object, copier: Copier): Wire {
  if (types.isSymbolObject(value)) return copier.copy(Symbol.prototype.valueOf.call(value))
  const inner: unknown = types.isNumberObject(value)
    ? Number.prototype.valueOf.call(value)
    : types.isStringObject(value)
      ? String.prototype.valueOf.call(value)
      : types.isBooleanObject(value)
        ? Boolean.prototype.valueOf.call(value)
        : BigInt.prototype.valueOf.call(value)
  return copier.remember(value, { $type: TAG.boxed, value: copier.copy(inner) })
}

function isErrorLike(value: object): boolean {
  let link: object | null = value
  for (let depth = 0; depth < 20 && link !== null; depth++) {
    if (link === Error.prototype) return true
    if (types.isProxy(link)) return false
    link = Object.getPrototypeOf(link)
  }
  return false
}

const ERROR_FIELDS: ReadonlySet<string> = new Set(['name', 'message', 'stack', 'cause'])

function copyError(error: object, className: string, copier: Copier): Wire {
  const wire: Record<string, Wire> = copier.remember(error, {
    $type: TAG.error,
    class: copier.copy(className),
    name: '',
    message: '',
    stack: '',
    causes: [],
    fields: null,
  })
  for (const key of ['name', 'message', 'stack']) wire[key] = copier.copy(readText(error, key))
  const causes = wire.causes as Wire[]
  if (Object.hasOwn(error, 'cause')) causes.push(copier.copy((error as { cause: unknown }).cause))
  wire.fields = copier.fields(error, {}, (key) => ERROR_FIELDS.has(key))
  if (Object.hasOwn(error, 'errors')) {
    ;(wire.fields as Record<string, Wire>).errors = copier.copy((error as { errors: unknown }).errors)
  }
  return wire
}

function readText(error: object, key: string): string {
  try {
    const text = (error as Record<string, unknown>)[key]
    return typeof text === 'string' ? text : ''
  } catch {
    return ''
  }
}

const urlHref = getterOf(URL.prototype, 'href') as (this: unknown) => string

function copyUrl(value: object, copier: Copier): Wire | undefined {
  if (value instanceof URL) return copier.remember(value, { $type: TAG.url, href: copier.copy(urlHref.call(value)) })
  if (value instanceof URLSearchParams) {
    const text = URLSearchParams.prototype.toString.call(value)
    return copier.remember(value, { $type: TAG.query, text: copier.copy(text) })
  }
  return undefined
}
