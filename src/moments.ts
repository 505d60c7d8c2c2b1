import { RetroscopeError } from './errors.js'

/** Anything that names a position in a recording, parsed but not yet looked up. */
export type Moment =
  | { readonly kind: 'seq'; readonly seq: number }
  /** The n-th that was derived after that event. */
  | { readonly kind: 'derived'; readonly seq: number; readonly derived: number }
  | { readonly kind: 'turn'; readonly turn: number; readonly step: number }
  /** Since the start when positive or zero, before the end when `fromEnd`. */
  | { readonly kind: 'time'; readonly us: number; readonly fromEnd: boolean }
  /** Microseconds since the Unix epoch. */
  | { readonly kind: 'date'; readonly epochUs: number }
  | { readonly kind: 'start' | 'end' | 'crash' }

const UNITS_US = { us: 1, ms: 1_000, s: 1_000_000, m: 60_000_000, h: 3_600_000_000 } as const

/** Parses `812`, `#812`, `812.3`, `@55`, `@55.2`, `+3.204s`, `250ms`, `-2s`, an ISO time, `start`, `end`, `crash`.
 *  @throws UNKNOWN_MOMENT when the text is none of them */
export function toMoment(text: string): Moment {
  const value = text.trim()
  if (value === 'start' || value === 'end' || value === 'crash') return { kind: value }
  const seq = /^#?(\d+)$/.exec(value)
  if (seq) return { kind: 'seq', seq: Number(seq[1]) }
  const derived = /^#?(\d+)\.(\d+)$/.exec(value)
  if (derived) return { kind: 'derived', seq: Number(derived[1]), derived: Number(derived[2]) }
  const turn = /^@(\d+)(?:\.(\d+))?$/.exec(value)
  if (turn) return { kind: 'turn', turn: Number(turn[1]), step: Number(turn[2] ?? 0) }
  const time = /^([+-]?)(\d+(?:\.\d+)?)(us|ms|s|m|h)$/.exec(value)
  if (time) {
    const us = Math.round(Number(time[2]) * UNITS_US[time[3] as keyof typeof UNITS_US])
    return { kind: 'time', us, fromEnd: time[1] === '-' }
  }
  if (/^\d{4}-\d\d-\d\d/.test(value) && !Number.isNaN(Date.parse(value))) {
    return { kind: 'date', epochUs: Date.parse(value) * 1000 }
  }
  throw new RetroscopeError('UNKNOWN_MOMENT', `${JSON.stringify(text)} names no moment.`, {
    hint: 'Use a seq (812), a turn (@55), a time (+3.2s, 250ms, -2s before the end), an ISO time, start, end or crash.',
  })
}
