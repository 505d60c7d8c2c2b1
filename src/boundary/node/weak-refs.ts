import { disguise } from './disguise.js'
import type { RecordTools, ReplayTools } from './handles.js'
import { replace } from './synchronous.js'

type Deref = (this: WeakRef<object>) => object | undefined

/** Puts what is known of a reference into a private field of it, so that no program sees it. */
class Uses extends (class {
  constructor(target: object) {
    // biome-ignore lint/correctness/noConstructorReturn: that is how a private field gets onto another object
    return target
  }
} as new (
  target: object,
) => object) {
  static last = 0
  readonly #number: number
  #count = 0
  #dead = false

  private constructor(target: object) {
    super(target)
    this.#number = ++Uses.last
  }

  static #of(ref: object): Uses {
    return #number in ref ? (ref as Uses) : (new Uses(ref) as Uses)
  }

  static addAlive(ref: object): void {
    Uses.#of(ref).#count++
  }

  static isDead(ref: object): boolean {
    return #number in ref && (ref as Uses).#dead
  }

  static bury(ref: object): void {
    Uses.#of(ref).#dead = true
  }

  /** Which reference it is, and how often its target was alive. */
  static read(ref: object): readonly [number: number, count: number] {
    const uses = Uses.#of(ref)
    return [uses.#number, uses.#count]
  }
}

const NAME = 'WeakRef.deref'

/** Whether a target is alive is up to the collector. Nearly always it is: only where one is found dead for the first
 *  time is that written down, with the number of times that it was alive before. */
export function record({ tape, realms }: RecordTools): void {
  const code = tape.code(NAME)
  realms.add('WeakRef', ({ WeakRef: { prototype } }) => {
    const original = prototype.deref as Deref
    replace(prototype, 'deref', function (this: WeakRef<object>): unknown {
      const target = Reflect.apply(original, this, [])
      if (target !== undefined) Uses.addAlive(this)
      else if (!Uses.isDead(this)) {
        tape.begin(code)
        for (const one of Uses.read(this)) tape.argument(one)
        tape.result()
        tape.end()
        Uses.bury(this)
      }
      return target
    })
  })
}

/** A target lives until the tape says that it was found dead. */
export function replay({ tape, realms }: ReplayTools): void {
  const code = tape.code(NAME)
  const held = new WeakMap<object, object>()
  realms.add('WeakRef', (realm) => {
    const Real = realm.WeakRef
    const holding = new Proxy(Real, {
      construct(target, args: [object], newTarget) {
        const ref = Reflect.construct(target, args, newTarget) as WeakRef<object>
        held.set(ref, args[0])
        return ref
      },
    })
    disguise(holding, Real)
    const define = (holder: object, name: string): void => {
      Object.defineProperty(holder, name, { value: holding, writable: true, configurable: true, enumerable: false })
    }
    define(realm, 'WeakRef')
    define(Real.prototype, 'constructor')
    const original = Real.prototype.deref as Deref
    replace(Real.prototype, 'deref', function (this: WeakRef<object>): unknown {
      const target = Reflect.apply(original, this, [])
      if (Uses.isDead(this)) return undefined
      const uses = Uses.read(this)
      if (!tape.offers(code, uses)) {
        Uses.addAlive(this)
        return target
      }
      tape.begin(code)
      for (const one of uses) tape.argument(one)
      tape.result()
      tape.end()
      Uses.bury(this)
      held.delete(this)
      return undefined
    })
  })
}
