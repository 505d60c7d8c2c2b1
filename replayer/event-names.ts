import type { Seq } from '../src/ids.js'
import type { Position } from '../src/log/reader.js'

/** What an event is called where it has to be one word: its seq, or `812.3` for one that was derived. */
export type EventName = Seq | `${number}.${number}`

export function toEventName({ seq, derived }: Position): string {
  return derived === undefined ? String(seq) : `${seq}.${derived}`
}

/** The same as a moment to ask with. */
export function toEventMoment({ seq, derived }: Position): EventName {
  return derived === undefined ? seq : `${seq}.${derived}`
}

/** A moment at which that event has not happened, and whatever came before it has. */
export function toEventBefore({ seq, derived }: Position): string {
  if (derived === undefined) return String(Math.max(0, seq - 1))
  return derived === 1 ? String(seq) : `${seq}.${derived - 1}`
}

export function isBehind(one: EventName, other: EventName): boolean {
  const [[seq = 0, derived = 0], [otherSeq = 0, otherDerived = 0]] = [one, other].map((name) =>
    String(name).split('.').map(Number),
  ) as [number[], number[]]
  return seq === otherSeq ? derived > otherDerived : seq > otherSeq
}
