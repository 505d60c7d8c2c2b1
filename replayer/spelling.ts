/** Number of insertions, deletions, replacements and swaps of neighbours between two words. Cost: the product of their
 *  lengths, so long words count as unlike anything. */
export function toDistance(a: string, b: string): number {
  if (a.length > 80 || b.length > 80) return a === b ? 0 : Number.POSITIVE_INFINITY
  let before: number[] = []
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1]
      let cost = Math.min(previous[j]! + 1, row[j - 1]! + 1, previous[j - 1]! + (same ? 0 : 1))
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) cost = Math.min(cost, before[j - 2]! + 1)
      row.push(cost)
    }
    before = previous
    previous = row
  }
  return previous[b.length]!
}

/** What was probably meant: known words near to the given one, nearest first, at most three. */
export function findMeant(word: string, known: Iterable<string>): string[] {
  const wanted = word.toLowerCase()
  const near: { readonly name: string; readonly distance: number }[] = []
  for (const name of new Set(known)) {
    const candidate = name.toLowerCase()
    const distance = candidate.startsWith(wanted) && wanted.length > 1 ? 0.5 : toDistance(wanted, candidate)
    if (distance <= Math.max(1, Math.floor(Math.max(wanted.length, candidate.length) / 3)))
      near.push({ name, distance })
  }
  return near
    .sort((a, b) => a.distance - b.distance)
    .slice(0, 3)
    .map(({ name }) => name)
}

/** `Did you mean cart or card? ` or nothing. */
export function toSuggestion(word: string, known: Iterable<string>): string {
  const meant = findMeant(word, known)
  return meant.length > 0 ? `Did you mean ${meant.join(' or ')}? ` : ''
}

/** `a, b, c and 12 more`, shortened so that an error stays readable. */
export function toList(words: readonly string[], max = 20): string {
  if (words.length <= max) return words.join(', ')
  return `${words.slice(0, max).join(', ')} and ${words.length - max} more`
}
