import { types } from 'node:util'
import type { ErrorRecord } from '../src/events.js'

const MAX_DEPTH = 5
const MAX_CHARS = 16_384

/** What is kept of a thrown thing, whatever it is: total, and no getter runs twice. Its texts are redacted
 *  where all are: in the encoder. */
export function toErrorRecord(error: unknown, depth = 0): ErrorRecord {
  if (!isErrorLike(error)) return { name: typeof error, message: toText(error) }
  const name = read(error, 'name')
  const message = read(error, 'message')
  const stack = read(error, 'stack')
  const code = read(error, 'code')
  const cause = depth < MAX_DEPTH ? read(error, 'cause') : undefined
  return {
    name: typeof name === 'string' ? cut(name) : 'Error',
    message: typeof message === 'string' ? cut(message) : toText(message),
    ...(typeof stack === 'string' && { stack: cut(stack) }),
    ...((typeof code === 'string' || typeof code === 'number') && { code: cut(String(code)) }),
    ...(cause !== undefined && { cause: toErrorRecord(cause, depth + 1) }),
  }
}

function isErrorLike(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false
  return types.isNativeError(value) || typeof read(value, 'message') === 'string'
}

function read(object: object, key: string): unknown {
  try {
    return (object as Record<string, unknown>)[key]
  } catch {
    return undefined
  }
}

function toText(value: unknown): string {
  try {
    if (value === undefined) return 'undefined'
    if (typeof value === 'object' && value !== null) return cut(JSON.stringify(value) ?? 'object')
    return cut(String(value))
  } catch {
    return `${typeof value} that cannot be read`
  }
}

function cut(text: string): string {
  return text.length > MAX_CHARS ? `${text.slice(0, MAX_CHARS - 1)}…` : text
}
