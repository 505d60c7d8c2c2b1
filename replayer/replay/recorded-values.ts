import { isSameValue } from '../../src/json/canonical.js'
import { createDecoder } from '../../src/values/decoder.js'
import { createEncoder } from '../../src/values/encoder.js'
import { preview } from '../../src/values/preview.js'

const MAX_TEXT = 160

/** Compares what a replay does with what its recording says: both as a recording keeps them. */
export class RecordedValues {
  readonly #encoder = createEncoder()
  readonly #decoder = createDecoder()

  /** What a recording would give back for the value. */
  pass(value: unknown): unknown {
    const bytes = this.#encoder.encode(value).slice()
    const dictionary = this.#encoder.takeDictionary()
    if (dictionary !== undefined) this.#decoder.learn(dictionary)
    return this.#decoder.decode(bytes)
  }

  same(recorded: unknown, replayed: unknown): boolean {
    const passed = isPrimitive(replayed) ? replayed : this.pass(replayed)
    return isSameValue(recorded, passed) || isSameBut(recorded, passed)
  }
}

function isPrimitive(value: unknown): boolean {
  return value === null || (typeof value !== 'object' && typeof value !== 'function' && typeof value !== 'symbol')
}

/** A secret that was withheld from the recording, which equals any text in its place. */
const WITHHELD = /\[redacted[: ][^\]]*\]/

/** Equal except where the recording withholds a secret. */
function isSameBut(recorded: unknown, replayed: unknown): boolean {
  if (typeof recorded === 'string' && WITHHELD.test(recorded)) return isAround(recorded, replayed)
  if (typeof recorded !== 'object' || recorded === null || typeof replayed !== 'object' || replayed === null) {
    return Object.is(recorded, replayed)
  }
  if (isSameValue(recorded, replayed)) return true
  if (recorded instanceof Map || recorded instanceof Set || ArrayBuffer.isView(recorded)) return false
  const keys = Object.keys(recorded)
  if (keys.length === 0 || keys.length !== Object.keys(replayed).length) return false
  const [a, b] = [recorded as Record<string, unknown>, replayed as Record<string, unknown>]
  return keys.every((key) => Object.hasOwn(b, key) && isSameBut(a[key], b[key]))
}

/** Whether the text around the secrets is the same. A value that is nothing but a token may have been of any type. */
function isAround(recorded: string, replayed: unknown): boolean {
  const parts = recorded.split(WITHHELD)
  if (parts.every((part) => part === '')) return true
  if (typeof replayed !== 'string') return false
  const last = parts.pop() ?? ''
  let at = 0
  for (const [i, part] of parts.entries()) {
    const found = i === 0 ? (replayed.startsWith(part) ? 0 : -1) : replayed.indexOf(part, at)
    if (found < 0) return false
    at = found + part.length
  }
  return replayed.length - at >= last.length && replayed.endsWith(last)
}

/** A value as one short line. */
export function toLine(value: unknown): string {
  return preview(value, MAX_TEXT)
}
