import { RetroscopeError } from '../src/errors.js'
import { parsePointer } from '../src/json/pointer.js'
import { isLevel, LEVELS, type Level } from './levels.js'
import type { RedactOptions } from './redaction.js'

export interface SetupOptions {
  /** Directory to record into, `NAME.retro` by custom. When it is taken, `NAME-2.retro` is used and said on stderr.
   *  Without it the recording stays in memory. Ignored where a recording is under way already. */
  readonly out?: string
  /** `off`: of channels and containers only that they exist. Ignored where a recording is under way already. Default full. */
  readonly level?: Level
  /** What to withhold besides secret-like names and texts, which are withheld anyway. */
  readonly redact?: RedactOptions
  /** Number of events that are kept, process events aside; earlier ones are pruned. Default 10,000 in memory. With
   *  `out` it is the collector that prunes, so it takes `live`. */
  readonly maxEvents?: number
  /** Starts a collector beside the program, so that others can look at the recording while it is written. Needs `out`. */
  readonly live?: boolean
}

const OPTIONS = ['out', 'level', 'redact', 'maxEvents', 'live'] as const
const REDACT_OPTIONS = ['keys', 'paths', 'patterns', 'fn'] as const

/** Parses what a program passed. @throws USAGE naming the option and what it takes */
export function toSetupOptions(value: unknown): SetupOptions {
  const options = toRecord(value ?? {}, 'setup', OPTIONS)
  const { out, level, maxEvents, live, redact } = options
  if (out !== undefined && (typeof out !== 'string' || out === '')) throw wrong('out', 'the path of a directory', out)
  if (maxEvents !== undefined && !(Number.isSafeInteger(maxEvents) && (maxEvents as number) > 0)) {
    throw wrong('maxEvents', 'an integer greater than 0', maxEvents)
  }
  if (live !== undefined && typeof live !== 'boolean') throw wrong('live', 'true or false', live)
  if (live && out === undefined) throw wrong('live', 'false unless `out` names a directory', live)
  if (maxEvents !== undefined && out !== undefined && !live) {
    throw wrong('maxEvents', 'effect with `out` only where `live` is true, for a collector has to prune', maxEvents)
  }
  if (level !== undefined && !isLevel(level)) throw wrong('level', `one of ${LEVELS.join(', ')}`, level)
  if (redact !== undefined) checkRedact(toRecord(redact, 'redact', REDACT_OPTIONS))
  return options as SetupOptions
}

function checkRedact({ keys, paths, patterns, fn }: Record<string, unknown>): void {
  if (keys !== undefined && !isArrayOf(keys, isText)) throw wrong('redact.keys', 'an array of names', keys)
  if (paths !== undefined && !isArrayOf(paths, isPointer)) {
    throw wrong('redact.paths', 'an array of JSON Pointers such as "/user/*/address" or "/**/iban"', paths)
  }
  if (patterns !== undefined && !isArrayOf(patterns, (pattern) => pattern instanceof RegExp)) {
    throw wrong('redact.patterns', 'an array of regular expressions', patterns)
  }
  if (fn !== undefined && typeof fn !== 'function') throw wrong('redact.fn', 'a function from text to text', fn)
}

function toRecord(value: unknown, what: string, allowed: readonly string[]): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw wrong(what, 'an object of options', value)
  const unknown = Object.keys(value).find((key) => !allowed.includes(key))
  if (unknown === undefined) return value as Record<string, unknown>
  throw new RetroscopeError('USAGE', `${what} has no option ${JSON.stringify(unknown)}.`, {
    hint: `Its options are ${allowed.join(', ')}.`,
  })
}

function wrong(option: string, expected: string, value: unknown): RetroscopeError {
  const got = typeof value === 'string' || Array.isArray(value) ? JSON.stringify(value) : String(value)
  return new RetroscopeError('USAGE', `The option ${option} takes ${expected}; it was given ${got}.`)
}

function isArrayOf(value: unknown, test: (item: unknown) => boolean): boolean {
  return Array.isArray(value) && value.every(test)
}

function isText(value: unknown): boolean {
  return typeof value === 'string' && value !== ''
}

function isPointer(value: unknown): boolean {
  if (typeof value !== 'string' || value === '') return false
  try {
    parsePointer(value)
    return true
  } catch {
    return false
  }
}
