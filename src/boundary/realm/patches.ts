import { syncBuiltinESMExports } from 'node:module'

interface Patch {
  readonly holder: object
  readonly key: PropertyKey
  readonly before: PropertyDescriptor | undefined
  readonly isOurs: (found: PropertyDescriptor) => boolean
}

/** Properties that were replaced and how they were. Somebody who replaced ours in the meantime keeps his. */
export class Patches {
  readonly #made: Patch[] = []

  /** Replaces a property's value, keeping its flags. Does nothing where it cannot be replaced. */
  replace(holder: object, key: PropertyKey, value: unknown): void {
    const before = Object.getOwnPropertyDescriptor(holder, key)
    if (before !== undefined && !before.configurable) return
    const flags = { configurable: true, enumerable: before?.enumerable ?? false, writable: before?.writable ?? true }
    Object.defineProperty(holder, key, { ...flags, value })
    this.#made.push({ holder, key, before, isOurs: (found) => found.value === value })
  }

  /** Replaces a property by an accessor; assigning to it makes it a plain property again. */
  replaceWithGetter(holder: object, key: PropertyKey, get: (this: unknown) => unknown): void {
    const before = Object.getOwnPropertyDescriptor(holder, key)
    if (before === undefined || !before.configurable) return
    const set = (value: unknown) => {
      Object.defineProperty(holder, key, { configurable: true, enumerable: true, writable: true, value })
    }
    Object.defineProperty(holder, key, { configurable: true, enumerable: before.enumerable ?? true, get, set })
    this.#made.push({ holder, key, before, isOurs: (found) => found.get === get })
  }

  /** Puts everything back, the latest first. */
  restore(): void {
    for (const { holder, key, before, isOurs } of this.#made.splice(0).reverse()) {
      const found = Object.getOwnPropertyDescriptor(holder, key)
      if (found === undefined || !isOurs(found)) continue
      if (before === undefined) Reflect.deleteProperty(holder, key)
      else Object.defineProperty(holder, key, before)
    }
    syncBuiltinESMExports()
  }
}

/** Gives a wrapper what else hangs on the function that it stands for: name, length, and its own properties. */
export function dress<F extends object>(wrapper: F, original: object): F {
  for (const key of Reflect.ownKeys(original)) {
    if (key === 'prototype') continue
    const descriptor = Object.getOwnPropertyDescriptor(original, key)
    const own = Object.getOwnPropertyDescriptor(wrapper, key)
    if (descriptor && (own === undefined || own.configurable)) Object.defineProperty(wrapper, key, descriptor)
  }
  return wrapper
}
