import type { ErrorRecord } from '../events.js'

/** What is kept of an error that escaped from a session. Total: never throws. */
export function toEscaped(error: unknown): ErrorRecord {
  const read = (key: string): unknown => {
    try {
      return (error as Record<string, unknown> | null)?.[key]
    } catch {
      return undefined
    }
  }
  if (typeof error !== 'object' || error === null) return { name: typeof error, message: toText(error) }
  const [name, message, stack, code] = ['name', 'message', 'stack', 'code'].map(read)
  return {
    name: typeof name === 'string' ? name : 'Error',
    message: typeof message === 'string' ? message : '',
    ...(typeof stack === 'string' && { stack }),
    ...((typeof code === 'string' || typeof code === 'number') && { code: String(code) }),
  }
}

function toText(value: unknown): string {
  try {
    return String(value)
  } catch {
    return typeof value
  }
}
