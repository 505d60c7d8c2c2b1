/** Puts a private field on any object: nothing that a program could see, and as fast as a property. */
class Stamp extends (class {
  constructor(target: object) {
    // biome-ignore lint/correctness/noConstructorReturn: that is how a private field gets onto another object
    return target
  }
} as new (
  target: object,
) => object) {
  #number: number
  #turn: number

  constructor(target: object, number: number, turn: number) {
    super(target)
    this.#number = number
    this.#turn = turn
  }

  static numberOf(value: object): number {
    return #number in value ? (value as Stamp).#number : 0
  }

  static turnOf(value: object): number {
    return #turn in value ? (value as Stamp).#turn : -1
  }
}

/** Gives native handles numbers in the order in which the program first uses them: the same in every run. */
export class Numbering {
  #last = 0
  readonly #onNew: ((number: number, handle: object) => void) | undefined
  /** Called with each handle that gets a number, where it does: most often where it was made. */
  onMet: ((handle: object) => void) | undefined

  /** @param onNew called with each handle that gets a number */
  constructor(onNew?: (number: number, handle: object) => void) {
    this.#onNew = onNew
  }

  /** The handle's number; it gets one when it has none. `turn`: the turn to blame for what comes through it. */
  of(handle: object, turn = -1): number {
    const known = Stamp.numberOf(handle)
    if (known > 0) return known
    const number = ++this.#last
    new Stamp(handle, number, turn)
    this.#onNew?.(number, handle)
    this.onMet?.(handle)
    return number
  }
}

/** The number that a handle has; 0 for none. */
export const numberOf = Stamp.numberOf

/** The turn in which a handle got its number; −1 when that is not known. */
export const turnOf = Stamp.turnOf
