type Environment = Record<string, string | undefined>

/** How many names more are tried at most to part those of a worker's map: with as many buckets none share one. */
const MOST_NAMES = 1 << 14

/** Names that no program has. */
const FILLER = '__retroscope_filler__'

/** Makes the environment what it was, down to the order of its names. */
export function takeEnvironment(environment: Environment, recorded: Readonly<Record<string, string>>): void {
  for (const name of Object.keys(environment)) if (!(name in recorded)) delete environment[name]
  for (const [name, value] of Object.entries(recorded)) if (environment[name] !== value) environment[name] = value
  const names = Object.keys(recorded)
  if (isOrdered(environment, names)) return
  // A process puts a new name last.
  putAnew(environment, recorded, names)
  // A worker holds a hash map whose new names come first, but beside those of their bucket.
  const reversed = names.toReversed()
  for (let fill = 0; !isOrdered(environment, names) && fill <= MOST_NAMES; fill = fill * 2 || 16) {
    for (let n = 0; n < fill; n++) environment[`${FILLER}${n}`] = ''
    for (let n = 0; n < fill; n++) delete environment[`${FILLER}${n}`]
    putAnew(environment, recorded, reversed)
  }
}

function isOrdered(environment: Environment, names: readonly string[]): boolean {
  return Object.keys(environment).every((name, index) => name === names[index])
}

function putAnew(environment: Environment, recorded: Readonly<Record<string, string>>, names: readonly string[]): void {
  for (const name of names) delete environment[name]
  for (const name of names) environment[name] = recorded[name]
}
