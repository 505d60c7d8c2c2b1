import { once } from 'node:events'
import { toJson } from '../../../src/values/to-json.js'
import { toSafe } from './terminal.js'

/** How much waits before it is written: a write per line would be a system call per line. */
const CHUNK = 32 * 1024

let waiting = ''

/** Prints a line on stdout, in chunks; waits while the reader is slow. Call {@link flush} when nothing follows soon. */
export async function print(line: string): Promise<void> {
  waiting += `${line}\n`
  if (waiting.length >= CHUNK) await flush()
}

/** Prints a value as one line of JSON; what JSON can't say is written as JSON.md describes. */
export async function printJson(value: unknown): Promise<void> {
  await print(toJsonLine(value))
}

/** The line that `printJson` prints: JSON leaves DEL, C1 and direction marks as they are, which a terminal obeys. */
export function toJsonLine(value: unknown): string {
  return toSafe(JSON.stringify(toJson(value)))
}

/** Hands everything printed so far to the reader. */
export async function flush(): Promise<void> {
  const text = waiting
  waiting = ''
  if (text !== '' && !process.stdout.write(text)) await once(process.stdout, 'drain')
}

/** Columns that a line may take: that of the terminal; without limit where nobody looks. */
export function getWidth(): number {
  return process.stdout.isTTY ? Math.max(40, process.stdout.columns || 80) : Number.POSITIVE_INFINITY
}

/** Cuts a plain text to a width, with an ellipsis where something is missing. */
export function cut(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, Math.max(1, width - 1))}…`
}
