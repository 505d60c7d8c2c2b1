import type { Realms } from './realms.js'

/** By stand-in: whose text it shows, or that text. */
const shown = new WeakMap<object, Function | string>()

/** Gives a stand-in the looks of what it stands for. Cheap enough for each object of a kind, not for each call. */
export function disguise<T extends Function>(standIn: T, original: Function): T {
  return dress(standIn, original, original)
}

/** The same, for what a native function was that nobody has here. */
export function disguiseNative<T extends Function>(standIn: T, looks: { name: string; length: number }): T {
  return dress(standIn, looks, `function ${looks.name}() { [native code] }`)
}

function dress<T extends Function>(
  standIn: T,
  { name, length }: { name: string; length: number },
  text: Function | string,
): T {
  Object.defineProperty(standIn, 'name', { value: name, configurable: true })
  Object.defineProperty(standIn, 'length', { value: length, configurable: true })
  shown.set(standIn, text)
  return standIn
}

/** Programs tell by a function's text whether it is the engine's. Ours would be another one in each build, too. */
export function showOriginals(realms: Realms): void {
  realms.add('Function', ({ Function: { prototype } }) => {
    const original = prototype.toString
    // A method has no `prototype`, as the engine's has none.
    const standIn = {
      toString(this: Function): string {
        let text: Function | string = this
        for (let next = shown.get(text); next !== undefined; next = shown.get(next)) {
          if (typeof next === 'string') return next
          text = next
        }
        return Reflect.apply(original, text, [])
      },
    }.toString
    Object.defineProperty(prototype, 'toString', {
      value: disguise(standIn, original),
      writable: true,
      configurable: true,
      enumerable: false,
    })
  })
}
