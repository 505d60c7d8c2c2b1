const OBJECT_PROTOTYPE = Object.prototype
const sourceOf = Function.prototype.toString

/** What kind of object a prototype makes. `data`: its own enumerable fields are what it is. `host`: it holds something
 *  that fields don't show (a socket, a handle, a native object), and its fields may hold secrets of the runtime's. */
export interface ClassInfo {
  readonly kind: 'plain' | 'data' | 'emitter' | 'host'
  readonly name: string
}

const known = new WeakMap<object, ClassInfo>()

/** Methods that tell an emitter with a resource (stream, server, child process, worker, agent) from one with data. */
const RESOURCE_METHODS = ['pipe', 'listen', 'address', 'ref', 'kill', 'terminate', 'destroy', 'createConnection']
const EMITTER_FIELDS: ReadonlySet<string> = new Set(['_events', '_eventsCount', '_maxListeners', 'domain'])

/** Looks at descriptors only, so that no getter of the program's runs; cached per prototype. */
export function getClassInfo(prototype: object): ClassInfo {
  let info = known.get(prototype)
  if (info === undefined) {
    info = toClassInfo(prototype)
    known.set(prototype, info)
  }
  return info
}

/** Fields of an event emitter that are its own and not the program's. */
export function isEmitterField(key: string): boolean {
  return EMITTER_FIELDS.has(key)
}

function toClassInfo(prototype: object): ClassInfo {
  if (isObjectPrototype(prototype)) return { kind: 'plain', name: 'Object' }
  const name = nameOfConstructor(prototype)
  let emitter = false
  let resource = false
  let link: object | null = prototype
  for (let depth = 0; link !== null && !isObjectPrototype(link) && depth < 100; depth++) {
    const maker = dataOf(link, 'constructor')
    if (typeof maker === 'function' && isNative(maker)) return { kind: 'host', name }
    if (isFunction(link, 'unref') || nameOfConstructor(link) === 'EventTarget') return { kind: 'host', name }
    if (nameOfConstructor(link) === 'EventEmitter' && isFunction(link, 'emit')) emitter = true
    if (RESOURCE_METHODS.some((method) => isFunction(link as object, method))) resource = true
    link = Object.getPrototypeOf(link)
  }
  return { kind: emitter ? (resource ? 'host' : 'emitter') : 'data', name }
}

/** Of any realm: a vm context has an Object of its own. */
function isObjectPrototype(prototype: object): boolean {
  if (prototype === OBJECT_PROTOTYPE) return true
  if (Object.getPrototypeOf(prototype) !== null) return false
  const maker = dataOf(prototype, 'constructor')
  return typeof maker === 'function' && dataOf(maker, 'name') === 'Object' && isNative(maker)
}

/** Name of the class whose instances have this prototype. Runs no getter. */
export function getClassName(prototype: object | null): string {
  return prototype === null ? 'null' : nameOfConstructor(prototype)
}

/** `Object` when it has none. */
function nameOfConstructor(prototype: object): string {
  const maker = dataOf(prototype, 'constructor')
  const name = typeof maker === 'function' ? dataOf(maker, 'name') : undefined
  return typeof name === 'string' && name !== '' ? name.slice(0, 200) : 'Object'
}

function dataOf(object: object, key: string): unknown {
  return Object.getOwnPropertyDescriptor(object, key)?.value
}

function isFunction(object: object, key: string): boolean {
  return typeof dataOf(object, key) === 'function'
}

function isNative(maker: Function): boolean {
  try {
    return /\{\s*\[native code\]\s*\}\s*$/.test(sourceOf.call(maker).slice(-40))
  } catch {
    return true
  }
}

const prototypes = new Map<string, object>()

/** Prototype that decoded instances of a class called `name` share, so that they print and compare as that class.
 *  Nothing of the program's class is in it. `base` is the built-in that the class extends. */
export function toPrototype(name: string, base: object = OBJECT_PROTOTYPE): object {
  const key = `${name} ${(base as { constructor: { name: string } }).constructor.name}`
  let prototype = prototypes.get(key)
  if (prototype === undefined) {
    const maker = { [name]: class {} }[name]
    prototype = Object.create(base, { constructor: { value: maker, writable: true, configurable: true } }) as object
    if (prototypes.size < 10_000) prototypes.set(key, prototype)
  }
  return prototype
}
