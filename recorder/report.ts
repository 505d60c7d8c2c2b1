import { originals } from './originals.js'

const said = new Set<string>()

/** Tells the user on stderr what went wrong inside, once per kind and thread. Never throws, never waits. */
export function report(kind: string, message: string): void {
  if (said.has(kind)) return
  said.add(kind)
  try {
    originals.writeSync(2, `retroscope: ${message}\n`)
  } catch {
    // Without stderr there is nobody to tell.
  }
}

/** What an unknown thrown thing says, whatever it is. */
export function toMessage(error: unknown): string {
  try {
    return error instanceof Error ? `${error.message}` : String(error)
  } catch {
    return 'an error that cannot be read'
  }
}
