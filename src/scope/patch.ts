/** Puts things back as they were. Idempotent; never throws. */
export type Undo = () => void

/** What to use in place of the wrapped thing, and how to put everything back. */
export interface Wrapped<T extends object = object> {
  readonly value: T
  readonly undo: Undo
}

type Method = (this: unknown, ...args: unknown[]) => unknown

/** Replaces one method of one object by an own property that no enumeration shows, and keeps its name and arity.
 *  Undone, the object is as it was; where somebody else has replaced the method since, theirs stays and ours only passes
 *  the call through. */
export function patchMethod(target: object, key: PropertyKey, make: (original: Method) => Method): Undo {
  const own = Object.getOwnPropertyDescriptor(target, key)
  const original = Reflect.get(target, key) as Method
  const recording = make(original)
  let active = true
  const replacement = function (this: unknown, ...args: unknown[]): unknown {
    return Reflect.apply(active ? recording : original, this, args)
  }
  Object.defineProperty(replacement, 'name', { value: original.name, configurable: true })
  Object.defineProperty(replacement, 'length', { value: original.length, configurable: true })
  const enumerable = own?.enumerable ?? false
  Object.defineProperty(target, key, { value: replacement, writable: true, configurable: true, enumerable })
  return () => {
    active = false
    if (Object.getOwnPropertyDescriptor(target, key)?.value !== replacement) return
    if (own) Object.defineProperty(target, key, own)
    else Reflect.deleteProperty(target, key)
  }
}

/** Whether an own property of that name can be put on the object. */
export function isPatchable(target: object, key: PropertyKey): boolean {
  const own = Object.getOwnPropertyDescriptor(target, key)
  return own ? own.configurable === true : Object.isExtensible(target)
}

/** One undo for many, last first. */
export function undoAll(undos: readonly Undo[]): Undo {
  return () => {
    for (const undo of undos.toReversed()) undo()
  }
}
