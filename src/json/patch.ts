import fastJsonPatch from 'fast-json-patch'
import { RetroscopeError } from '../errors.js'
import type { Patch, PatchOperation } from '../events.js'
import { isSameValue } from './canonical.js'
import { parsePointer, toIndex } from './pointer.js'
import { shapeOf } from './shape.js'

type Fields = Record<string, unknown>
type Container = unknown[] | Fields

/** Applies an RFC 6902 patch. Neither `doc` nor the patch is changed; the answer shares with both whatever it did not
 *  have to copy, so clone it before you change it. All of the patch applies or none. @throws BAD_PATCH */
export function applyPatch(doc: unknown, patch: Patch): unknown {
  const replica = new Replica(doc)
  replica.apply(patch)
  return replica.snapshot()
}

/** Takes a patch in from outside (a file, another program): whether it is one is `fast-json-patch`'s to say, which knows
 *  RFC 6902's shapes well; leading zeros and what doesn't fit the document are refused when it is applied. @throws BAD_PATCH */
export function toPatch(value: unknown): Patch {
  const found = Array.isArray(value) ? fastJsonPatch.validate(value as PatchOperation[] & never) : undefined
  if (Array.isArray(value) && found === undefined) return value as Patch
  const at = found?.index
  const why = found === undefined ? 'it is no array of operations' : (found.message.split('\n')[0] ?? found.name)
  throw new RetroscopeError(
    'BAD_PATCH',
    `This is no patch${at === undefined ? '' : `, from operation ${at} on`}: ${why}.`,
    {
      hint: 'RFC 6902: an array of { op, path, value or from }.',
    },
  )
}

/** A document that follows a sequence of patches. A container is copied before it is first changed and changed in place
 *  afterwards, so that a long run of patches costs what it changes. What it was given is never changed. */
export class Replica {
  #root: unknown
  /** Containers that this replica made itself and that stand in one place only. */
  #own = new Set<object>()

  constructor(doc: unknown) {
    this.#root = doc
  }

  /** @throws BAD_PATCH; operations before the one that failed have been applied by then */
  apply(patch: Patch): void {
    if (!Array.isArray(patch)) throw toBadPatch(badPatch('a patch is an array of operations'), undefined, 0)
    for (let i = 0; i < patch.length; i++) {
      try {
        this.#operate(patch[i] as PatchOperation)
      } catch (error) {
        throw toBadPatch(error, patch[i] as PatchOperation, i)
      }
    }
  }

  /** The document as it is. Later patches leave it alone. */
  snapshot(): unknown {
    this.#own = new Set()
    return this.#root
  }

  #operate(operation: PatchOperation): void {
    if (typeof operation !== 'object' || operation === null) throw badPatch('an operation is an object')
    const path = toPath(operation.path, 'path')
    switch (operation.op) {
      case 'add':
        this.#add(path, toValue(operation))
        break
      case 'replace':
        this.#replace(path, toValue(operation))
        break
      case 'remove':
        this.#remove(path)
        break
      case 'move':
        this.#move(toPath(operation.from, 'from'), path)
        break
      case 'copy':
        this.#copy(toPath(operation.from, 'from'), path)
        break
      case 'test':
        if (!isSameValue(this.#get(path), toValue(operation))) throw badPatch('the document has another value there')
        break
      default:
        throw badPatch(`there is no operation ${JSON.stringify((operation as { op: unknown }).op)}`)
    }
  }

  /** Afterwards the value stands in two places, so nothing is this replica's own any more. */
  #copy(from: readonly string[], to: readonly string[]): void {
    const value = this.#get(from)
    this.#own = new Set()
    this.#add(to, value)
  }

  #get(path: readonly string[]): unknown {
    let value = this.#root
    for (const segment of path) value = child(value, segment)
    return value
  }

  /** The container that the last segment of `path` belongs to, ready to be changed. */
  #parent(path: readonly string[]): Container {
    let container = this.#owned(this.#root)
    this.#root = container
    for (let i = 0; i < path.length - 1; i++) {
      const segment = path[i] as string
      const inner = this.#owned(child(container, segment))
      put(container, segment, inner)
      container = inner
    }
    return container
  }

  #owned(value: unknown): Container {
    if (typeof value === 'object' && value !== null && this.#own.has(value)) return value as Container
    const copy = copyContainer(value)
    this.#own.add(copy)
    return copy
  }

  #add(path: readonly string[], value: unknown): void {
    if (path.length === 0) {
      this.#root = value
      return
    }
    const container = this.#parent(path)
    const segment = path[path.length - 1] as string
    if (!Array.isArray(container)) {
      put(container, segment, value)
      return
    }
    const index = segment === '-' ? container.length : toIndex(segment)
    if (index < 0 || index > container.length) throw noIndex(segment, container)
    if (index === container.length) container.push(value)
    else container.splice(index, 0, value)
  }

  #replace(path: readonly string[], value: unknown): void {
    if (path.length === 0) {
      this.#root = value
      return
    }
    const container = this.#parent(path)
    const segment = path[path.length - 1] as string
    child(container, segment)
    put(container, segment, value)
  }

  #remove(path: readonly string[]): unknown {
    if (path.length === 0) {
      const root = this.#root
      this.#root = undefined
      return root
    }
    const container = this.#parent(path)
    const segment = path[path.length - 1] as string
    const value = child(container, segment)
    if (Array.isArray(container)) container.splice(Number(segment), 1)
    else delete container[segment]
    return value
  }

  #move(from: readonly string[], to: readonly string[]): void {
    if (from.length < to.length && from.every((segment, i) => segment === to[i])) {
      throw badPatch('a value cannot be moved into itself')
    }
    if (from.length === to.length && from.every((segment, i) => segment === to[i])) this.#get(from)
    else this.#add(to, this.#remove(from))
  }
}

/** What stands under one segment. @throws when nothing does */
function child(container: unknown, segment: string): unknown {
  const shape = shapeOf(container)
  if (shape === 'array') {
    const index = toIndex(segment)
    if (index < 0 || index >= (container as unknown[]).length) throw noIndex(segment, container as unknown[])
    return (container as unknown[])[index]
  }
  if (shape === 'atom') throw badPatch(`${JSON.stringify(segment)} is looked for in a value without parts`)
  if (!Object.hasOwn(container as object, segment)) throw badPatch(`there is no ${JSON.stringify(segment)}`)
  return (container as Fields)[segment]
}

function put(container: Container, segment: string, value: unknown): void {
  if (segment === '__proto__') {
    Object.defineProperty(container, segment, { value, writable: true, enumerable: true, configurable: true })
  } else (container as Fields)[segment] = value
}

function copyContainer(value: unknown): Container {
  const shape = shapeOf(value)
  if (shape === 'atom') throw badPatch('the parent is a value without parts')
  const prototype = Object.getPrototypeOf(value) as object | null
  if (shape === 'array') {
    const copy = (value as unknown[]).slice()
    return prototype === Array.prototype ? copy : Object.setPrototypeOf(copy, prototype)
  }
  if (prototype === Object.prototype) return { ...(value as Fields) }
  return Object.create(prototype, Object.getOwnPropertyDescriptors(value as object)) as Fields
}

function toPath(pointer: unknown, what: string): readonly string[] {
  if (typeof pointer !== 'string') throw badPatch(`${what} must be a JSON Pointer`)
  return parseOnce(pointer)
}

/** Patches of one state write the same few paths over and over; splitting them anew is a third of the cost. */
const parsed = new Map<string, readonly string[]>()
const MAX_PARSED = 1_000

function parseOnce(pointer: string): readonly string[] {
  const known = parsed.get(pointer)
  if (known) return known
  const segments = parsePointer(pointer)
  if (parsed.size >= MAX_PARSED) parsed.clear()
  parsed.set(pointer, segments)
  return segments
}

function toValue(operation: PatchOperation): unknown {
  if (!Object.hasOwn(operation, 'value')) throw badPatch('it has no value')
  return (operation as { value: unknown }).value
}

function noIndex(segment: string, array: readonly unknown[]): RetroscopeError {
  return badPatch(`${JSON.stringify(segment)} is no index of an array of ${array.length}`)
}

function badPatch(why: string): RetroscopeError {
  return new RetroscopeError('BAD_PATCH', why)
}

function toBadPatch(error: unknown, operation: PatchOperation | undefined, index: number): RetroscopeError {
  const why = error instanceof Error ? error.message : String(error)
  const { op, path } = (operation ?? {}) as { op?: unknown; path?: unknown }
  return new RetroscopeError(
    'BAD_PATCH',
    `Operation ${index} (${String(op)} ${String(path)}) does not apply: ${why}.`,
    {
      hint: 'The patch belongs to another state of the document, or it is no RFC 6902 patch.',
      cause: error,
    },
  )
}
