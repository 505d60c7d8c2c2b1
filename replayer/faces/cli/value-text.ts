import { toJson } from '../../../src/values/to-json.js'
import { toSafe } from './terminal.js'

/** A value in full, indented, safe for a terminal. What JSON can't say is written as JSON.md describes. */
export function toValueText(value: unknown): string {
  return toSafe(JSON.stringify(toJson(value), null, 2))
}
