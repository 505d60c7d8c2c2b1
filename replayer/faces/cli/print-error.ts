import { isRetroscopeError } from '../../../src/errors.js'
import { EXIT, EXIT_CODES } from './exit-codes.js'
import { paintError, toSafe } from './terminal.js'

/** Says on stderr what happened and what to do next, in words or as one line of JSON. @returns the exit code of it */
export function printError(error: unknown, json = false): number {
  if (isHelp(error)) return EXIT.done
  if (json && isRetroscopeError(error)) {
    write(toSafe(JSON.stringify({ error: error.code, message: error.message, hint: error.hint ?? null })))
    return EXIT_CODES[error.code] ?? EXIT.failed
  }
  if (isRetroscopeError(error)) {
    write(`${paintError('red', 'retroscope:')} ${toSafe(error.message)}`)
    if (error.hint) write(toSafe(error.hint))
    return EXIT_CODES[error.code] ?? EXIT.failed
  }
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
  write(`${paintError('red', 'retroscope:')} a bug of this program: ${toSafe(text)}`)
  write('Please report it with the command that you ran.')
  return EXIT.failed
}

/** Commander ends by throwing after it has printed what was asked for. */
function isHelp(error: unknown): boolean {
  return error instanceof Error && 'exitCode' in error && error.exitCode === 0
}

function write(text: string): void {
  process.stderr.write(`${text}\n`)
}
