import { isSecretVariable } from '../src/redaction/secrets.js'
import type { Redaction } from './redaction.js'

/** What is stored of a command line: texts that are secrets are replaced, and so is the word behind an option whose name
 *  says that it takes one (`--password hunter2`, `--api-key=…`). */
export function redactWords(words: readonly string[], redaction: Redaction): readonly string[] {
  return words.map((word, index) => {
    const behind = toOptionName(words[index - 1])
    if (behind && !word.startsWith('-') && redaction.isSecretKey(behind)) return redaction.token(word)
    const at = word.indexOf('=')
    const name = at > 0 ? word.slice(0, at) : ''
    if (takesSecret(name, redaction)) return `${word.slice(0, at + 1)}${redaction.token(word.slice(at + 1))}`
    return redaction.text(word)
  })
}

/** `--api-key`, or a variable for a command behind `env`: `DB_PASSWORD`. */
function takesSecret(name: string, redaction: Redaction): boolean {
  const option = toOptionName(name)
  if (option !== undefined) return redaction.isSecretKey(option)
  return /^\w+$/.test(name) && (isSecretVariable(name) || redaction.isSecretKey(name))
}

function toOptionName(word: string | undefined): string | undefined {
  return word?.startsWith('--') && !word.includes('=') ? word.slice(2) : undefined
}
