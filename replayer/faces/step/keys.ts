/** A key press by name: `left`, `pageup`, `enter`, `escape`, `tab`, `backspace`, `ctrl-c`, or the character typed. */
export type Key = string

const SEQUENCES: Readonly<Record<string, Key>> = {
  '\x1b[A': 'up',
  '\x1b[B': 'down',
  '\x1b[C': 'right',
  '\x1b[D': 'left',
  '\x1bOA': 'up',
  '\x1bOB': 'down',
  '\x1bOC': 'right',
  '\x1bOD': 'left',
  '\x1b[H': 'home',
  '\x1b[F': 'end',
  '\x1bOH': 'home',
  '\x1bOF': 'end',
  '\x1b[1~': 'home',
  '\x1b[4~': 'end',
  '\x1b[5~': 'pageup',
  '\x1b[6~': 'pagedown',
  '\x1b[Z': 'backtab',
  '\r': 'enter',
  '\n': 'enter',
  '\t': 'tab',
  '\x7f': 'backspace',
  '\b': 'backspace',
  '\x03': 'ctrl-c',
  '\x04': 'ctrl-d',
  '\x0c': 'ctrl-l',
  '\x15': 'ctrl-u',
  '\x1a': 'ctrl-z',
}

/** CSI and SS3 sequences (ECMA-48 5.4), built from text because a pattern with a control character is easily misread. */
const SEQUENCE = new RegExp(`^${String.fromCharCode(27)}(\\[[0-?]*[ -/]*[@-~]|O[A-Z])`)

/** Splits what a terminal sent into keys. A lone escape is the escape key; an unknown sequence is dropped whole. */
export function toKeys(input: string): Key[] {
  const keys: Key[] = []
  let rest = input
  while (rest.length > 0) {
    const sequence = SEQUENCE.exec(rest)?.[0]
    if (sequence !== undefined) {
      const key = SEQUENCES[sequence]
      if (key) keys.push(key)
      rest = rest.slice(sequence.length)
      continue
    }
    const character = String.fromCodePoint(rest.codePointAt(0) ?? 0)
    if (character === '\x1b') keys.push('escape')
    else if (SEQUENCES[character]) keys.push(SEQUENCES[character])
    else if (character >= ' ') keys.push(character)
    rest = rest.slice(character.length)
  }
  return keys
}
