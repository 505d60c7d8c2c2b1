import { toUserFrame, toUserStack } from '../source-lines.js'
import type { Divergence } from './divergence.js'
import type { Delivery } from './recorded-turn.js'

interface Circumstances {
  /** What describeRealm said while recording, and says here. */
  readonly recorded: unknown
  readonly here: unknown
  readonly delivery: Delivery | undefined
}

interface Realm {
  readonly node?: string
  readonly locale?: string
  readonly timeZone?: string
  readonly sources?: Readonly<Record<string, string>>
}

/** Puts the user's own line in place of the stack, and adds the likely reason where one is known. */
export function explainDivergence(divergence: Divergence, circumstances: Circumstances): Divergence {
  const { frame, stack } = divergence
  return {
    ...divergence,
    frame: frame === null ? null : toUserFrame(frame),
    stack: stack === null ? null : toUserStack(stack),
    reason: findReason(circumstances),
  }
}

function findReason({ recorded, here, delivery }: Circumstances): string | null {
  const [before, now] = [(recorded ?? {}) as Realm, (here ?? {}) as Realm]
  const changed = Object.entries(before.sources ?? {}).filter(([path, digest]) => now.sources?.[path] !== digest)
  if (changed.length > 0) {
    const names = changed.map(([path]) => path).join(', ')
    return `the local file differs from the recorded one: ${names}`
  }
  if (before.node !== now.node) return `it was recorded on Node ${before.node} and is replayed on ${now.node}`
  if (before.timeZone !== now.timeZone)
    return `the time zone was ${before.timeZone} and is ${now.timeZone} here (set TZ)`
  if (before.locale !== now.locale) return `the locale was ${before.locale} and is ${now.locale} here (set LANG)`
  if (delivery?.op === 'message' && hasPlaceholder(delivery.payload, 0)) {
    return 'the message held something that could not be recorded, or a secret that was withheld'
  }
  return null
}

function hasPlaceholder(value: unknown, depth: number): boolean {
  if (typeof value === 'string') return value.includes('[redacted')
  if (typeof value !== 'object' || value === null || depth > 8) return false
  if (Object.hasOwn(value, '$type')) return true
  return Object.values(value).some((inner) => hasPlaceholder(inner, depth + 1))
}
