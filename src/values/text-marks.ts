/** Letters from the most to the least frequent in English: a mark is looked for by its rarest three characters. */
const FREQUENT = 'etaoinshrdlcumwfgypbvkjxqz'

/** A set of short texts, and one cheap look that rules out nearly every text that holds none of them: 2 ns per character,
 *  half of what an expression of many alternatives costs. It looks at three characters at a time and at five bits of
 *  each, so that letters of both cases are one; what it does not rule out has to be looked at properly. */
export class TextMarks {
  /** A bit for each three characters, by their lowest five bits: the first two are the index, the last is the bit. Whoever
   *  writes a text character by character looks at it on the way: `found |= table[pair] >>> c`, bit 0. */
  readonly table = new Int32Array(1024)
  /** A shorter text has nothing to hide. */
  readonly shortest: number

  /** @param marks of three characters or more each */
  constructor(marks: readonly string[], shortest: number) {
    this.shortest = shortest
    for (const mark of marks) {
      const at = findRarest(mark)
      const pair = ((mark.charCodeAt(at) & 31) << 5) | (mark.charCodeAt(at + 1) & 31)
      this.table[pair]! |= 1 << mark.charCodeAt(at + 2)
    }
  }

  /** Whether `text` may hold one of the marks; never false when it does. */
  mayBeIn(text: string): boolean {
    const { length } = text
    if (length < this.shortest) return false
    const { table } = this
    let found = 0
    let pair = 0
    for (let at = 0; at < length; at++) {
      const unit = text.charCodeAt(at)
      found |= table[pair]! >>> unit
      pair = ((pair << 5) | (unit & 31)) & 1023
    }
    return (found & 1) !== 0
  }
}

function findRarest(mark: string): number {
  let best = 0
  let rarest = -1
  for (let at = 0; at + 3 <= mark.length; at++) {
    let rarity = 1
    for (const letter of mark.slice(at, at + 3).toLowerCase()) {
      const rank = FREQUENT.indexOf(letter)
      rarity *= rank < 0 ? FREQUENT.length : rank + 1
    }
    if (rarity <= rarest) continue
    rarest = rarity
    best = at
  }
  return best
}
