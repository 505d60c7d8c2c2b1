import { types } from 'node:util'
import { getClassInfo } from '../values/class-names.js'
import { isDense } from '../values/plain.js'
import { escapeSegment } from './pointer.js'
import { shapeOf } from './shape.js'

/** What is known of one object inside tracked state. */
export interface Info {
  readonly kind: Kind
  /** Places in tracked state that hold it, roots included. 0: detached. */
  refs: number
  /** One of the places, as far as known: checked before it is believed. */
  parent: object | undefined
  key: string
  /** Trackers that have it as their root. */
  roots: Root[] | undefined
  proxy: object | undefined
  /** An array with holes or extra properties: changes of it replace it. */
  odd: boolean
}

/** How a change inside an object is told: `array` and `object` by operations, the others by replacing them. */
export type Kind = 'array' | 'object' | 'map' | 'set' | 'date'

/** Who is told of changes below one object. */
export interface Root {
  readonly target: object
  /** From here on, something writes past the proxies. @returns what ends it */
  watch(): () => void
}

/** One place of an object: the patch path below a root, and what to do there. */
export interface Place {
  readonly root: Root
  readonly path: string
  /** A typed value around it that has to be replaced whole; undefined when operations can say it. */
  readonly whole: object | undefined
}

/** Visits of one search for all places of an object; beyond it the whole state is replaced. */
const SEARCH_LIMIT = 2_000_000
const PLACE_LIMIT = 1_000

const infos = new WeakMap<object, Info>()
const raws = new WeakMap<object, object>()
const roots = new Set<Root>()

// biome-ignore lint/suspicious/noExplicitAny: the standard library types it so
const findGetter = (Object.prototype as any).__lookupGetter__ as (this: object, key: string) => unknown

/** The object behind a tracking proxy; any other value as it is. */
export function toRaw<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value
  return (raws.get(value) as T | undefined) ?? value
}

export function getInfo(raw: object): Info | undefined {
  return infos.get(raw)
}

export function setProxy(raw: object, info: Info, proxy: object): void {
  info.proxy = proxy
  raws.set(proxy, raw)
}

/** How an object can be tracked; undefined when it must be left alone: natives, resources, foreign proxies, buffers. */
export function kindOf(raw: object): Kind | undefined {
  if (types.isProxy(raw)) return undefined
  const shape = shapeOf(raw)
  if (shape === 'array') return 'array'
  if (shape === 'object') {
    const prototype = Object.getPrototypeOf(raw) as object | null
    if (prototype === null || prototype === Object.prototype) return 'object'
    return getClassInfo(prototype).kind === 'host' ? undefined : 'object'
  }
  if (types.isMap(raw)) return 'map'
  if (types.isSet(raw)) return 'set'
  return types.isDate(raw) ? 'date' : undefined
}

export function addRoot(root: Root): void {
  roots.add(root)
  link(root.target, undefined, '')
  const info = infos.get(root.target) as Info
  info.roots = [...(info.roots ?? []), root]
}

export function removeRoot(root: Root): void {
  if (!roots.delete(root)) return
  const info = infos.get(root.target)
  if (info?.roots === undefined) return
  const rest = info.roots.filter((other) => other !== root)
  info.roots = rest.length === 0 ? undefined : rest
  unlink(root.target)
}

/** Counts a new place of `value`, and of everything below it when it is new. Stores no proxy: what it finds is replaced
 *  by the object behind it. */
export function link(value: unknown, parent: object | undefined, key: string): void {
  const waiting: [unknown, object | undefined, string][] = [[value, parent, key]]
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const [member, holder, name] = next
    if (typeof member !== 'object' || member === null) continue
    const info = infos.get(member) ?? toInfo(member)
    if (info === undefined) continue
    if (++info.refs > 1) continue
    info.parent = holder
    info.key = name
    if (info.kind === 'array') info.odd = !isDense(member as unknown[])
    eachChild(member, info.kind, (child, at) => waiting.push([child, member, at]))
  }
}

function toInfo(raw: object): Info | undefined {
  const kind = kindOf(raw)
  if (kind === undefined) return undefined
  const info: Info = { kind, refs: 0, parent: undefined, key: '', roots: undefined, proxy: undefined, odd: false }
  infos.set(raw, info)
  return info
}

/** Takes a place of `value` away; what has none left is forgotten, with everything below it. */
export function unlink(value: unknown): void {
  const waiting: unknown[] = [value]
  while (waiting.length > 0) {
    const member = waiting.pop()
    if (typeof member !== 'object' || member === null) continue
    const info = infos.get(member)
    if (info === undefined || info.refs === 0 || --info.refs > 0) continue
    // A detached object must not keep alive what it came from.
    info.parent = undefined
    eachChild(member, info.kind, (child) => waiting.push(child))
  }
}

function eachChild(raw: object, kind: Kind, visit: (child: object, key: string) => void): void {
  if (kind === 'map') eachEntry(raw as Map<unknown, unknown>, visit)
  else if (kind === 'set') eachMember(raw as Set<unknown>, visit)
  else if (kind === 'array' && !infos.get(raw)?.odd) eachElement(raw as unknown[], visit)
  else if (kind !== 'date') eachField(raw, visit)
}

function eachElement(array: unknown[], visit: (child: object, key: string) => void): void {
  for (let i = 0; i < array.length; i++) {
    const value = array[i]
    if (typeof value === 'object' && value !== null) visit(settle(array, String(i), value), String(i))
  }
}

function eachField(raw: object, visit: (child: object, key: string) => void): void {
  for (const key of Object.keys(raw)) {
    // A getter's result is made anew or stands elsewhere too; running it here would be once too often.
    if (findGetter.call(raw, key) !== undefined && Object.getOwnPropertyDescriptor(raw, key)?.get) continue
    const value = (raw as Record<string, unknown>)[key]
    if (typeof value === 'object' && value !== null) visit(settle(raw, key, value), key)
  }
}

/** Puts the object in place of a proxy that the program stored inside its own value. */
function settle(holder: object, key: string, value: object): object {
  const raw = raws.get(value)
  if (raw === undefined) return value
  Reflect.set(holder, key, raw)
  return raw
}

function eachEntry(map: Map<unknown, unknown>, visit: (child: object, key: string) => void): void {
  Map.prototype.forEach.call(map, (value, key) => {
    const raw = toRaw(value)
    if (raw !== value) Map.prototype.set.call(map, key, raw)
    if (typeof key === 'object' && key !== null) visit(toRaw(key), '')
    if (typeof raw === 'object' && raw !== null) visit(raw, '')
  })
}

function eachMember(set: Set<unknown>, visit: (child: object, key: string) => void): void {
  Set.prototype.forEach.call(set, (member) => {
    if (typeof member === 'object' && member !== null) visit(toRaw(member), '')
  })
}

/** Every place of an object in tracked state. Follows the known parents while each has one place only: cost of its
 *  depth. Else it searches all tracked states. */
export function placesOf(raw: object): Place[] {
  let path = ''
  let whole: object | undefined
  let node = raw
  for (;;) {
    const info = infos.get(node)
    if (info === undefined) return []
    if (info.refs === 0) return node === raw ? [] : search(raw)
    if (info.refs > 1) return search(raw)
    if (isWhole(info)) {
      whole = node
      path = ''
    }
    if (info.roots !== undefined) return [{ root: info.roots[0] as Root, path, whole }]
    const { parent } = info
    const key = parent === undefined ? undefined : findKey(parent, node, info)
    if (parent === undefined || key === undefined) return search(raw)
    path = `/${escapeSegment(key)}${path}`
    node = parent
  }
}

/** No patch steps into it: changes below it replace it. */
function isWhole({ kind, odd }: Info): boolean {
  return odd || kind === 'map' || kind === 'set' || kind === 'date'
}

/** Key under which `parent` holds `node`: the remembered one if it still does. */
function findKey(parent: object, node: object, info: Info): string | undefined {
  const kind = infos.get(parent)?.kind
  if (kind === 'map' || kind === 'set') return ''
  if ((parent as Record<string, unknown>)[info.key] === node) return info.key
  const found = Array.isArray(parent)
    ? parent.indexOf(node)
    : Object.keys(parent).find((key) => (parent as Record<string, unknown>)[key] === node)
  if (found === undefined || found === -1) return undefined
  info.key = String(found)
  return info.key
}

/** All places by looking at everything. Finding one only repairs the counts on the way to it. */
function search(target: object): Place[] {
  const places: Place[] = []
  let last: Search | undefined
  for (const root of roots) {
    const one = new Search(root, target)
    const found = one.run()
    if (found.length > 0) last = one
    places.push(...found)
  }
  if (places.length === 1) last?.repair()
  return places
}

interface Step {
  readonly node: object
  readonly key: string
}

class Search {
  readonly #root: Root
  readonly #target: object
  readonly #steps: Step[] = []
  readonly #open = new Set<object>()
  readonly #places: Place[] = []
  #single: readonly Step[] | undefined
  #visits = 0
  #endless = false
  #cyclic = false

  constructor(root: Root, target: object) {
    this.#root = root
    this.#target = target
  }

  run(): Place[] {
    this.#visit(this.#root.target, '')
    // In a state with cycles a place has no end of paths, and a patch says only some of them.
    if (this.#endless || (this.#cyclic && this.#places.length > 0))
      return [{ root: this.#root, path: '', whole: this.#root.target }]
    return this.#places
  }

  #visit(node: object, key: string): void {
    const kind = infos.get(node)?.kind
    if (this.#endless || kind === undefined) return
    if (this.#open.has(node)) {
      this.#cyclic = true
      return
    }
    if (++this.#visits > SEARCH_LIMIT || this.#places.length > PLACE_LIMIT) {
      this.#endless = true
      return
    }
    this.#open.add(node)
    this.#steps.push({ node, key })
    if (node === this.#target) this.#found()
    try {
      eachChild(node, kind, (child, at) => this.#visit(child, at))
    } catch {
      this.#endless = true
    }
    this.#steps.pop()
    this.#open.delete(node)
  }

  #found(): void {
    const wholeAt = this.#steps.findIndex(({ node }) => isWhole(infos.get(node) as Info))
    const end = wholeAt < 0 ? this.#steps.length : wholeAt + 1
    const path = this.#steps
      .slice(1, end)
      .map(({ key }) => `/${escapeSegment(key)}`)
      .join('')
    if (this.#places.some((place) => place.path === path)) return
    this.#places.push({ root: this.#root, path, whole: this.#steps[wholeAt]?.node })
    this.#single = [...this.#steps]
  }

  /** For the caller who knows that the one place found is the only one. */
  repair(): void {
    if (this.#endless || this.#cyclic) return
    let parent: object | undefined
    for (const { node, key } of this.#single ?? []) {
      const info = infos.get(node)
      if (info === undefined) return
      info.refs = 1
      info.parent = parent
      info.key = key
      parent = node
    }
  }
}
