import { type Cloning, EntryReader } from '../../src/boundary/node/entries.js'
import { TAG } from '../../src/boundary/node/entry-tags.js'
import { HEAD_CODE } from '../../src/boundary/node/head.js'
import type { Event } from '../../src/events.js'
import type { LogReader } from '../../src/log/reader.js'
import { toValueText } from './entry-text.js'
import { findHead } from './taped-threads.js'

/** What a call was given and what came back, as values; those that only a running program could hold stand as words. */
type Entry = readonly [call: string, detail: unknown]

const CLONING: Cloning = { serialize: () => new Uint8Array(), deserialize: () => '(a structured clone)' }

/** Gives the entries of tapes their names: what one event of a tape says is known only with the thread's head. */
export class TapeNames {
  readonly #log: LogReader
  readonly #calls = new Map<number, readonly string[]>()

  constructor(log: LogReader) {
    this.#log = log
  }

  /** The event with what its entries say; any other event as it is. */
  async name(event: Event): Promise<Event> {
    if (event.kind !== 'delivery' && event.kind !== 'values') return event
    const { entries } = event.body as { entries?: Uint8Array }
    if (!entries) return event
    const read = readEntries(entries, await this.#loadCalls(event.thread))
    if (event.kind === 'values') return { ...event, body: { values: read } }
    const [call, detail] = read[0] ?? ['an unreadable delivery', null]
    return { ...event, body: { op: 'native', call, detail } }
  }

  async #loadCalls(thread: number): Promise<readonly string[]> {
    const known = this.#calls.get(thread)
    if (known) return known
    const info = this.#log.threads().find(({ no }) => no === thread)
    const calls = (info && (await findHead(this.#log, info))?.calls) ?? []
    this.#calls.set(thread, calls)
    return calls
  }
}

/** Every entry in order; nested ones stand in front of the call that they were nested in. */
function readEntries(bytes: Uint8Array, calls: readonly string[]): Entry[] {
  const reader = new EntryReader(bytes, (number) => `handle ${number}`, CLONING)
  const entries: Entry[] = []
  try {
    while (reader.at < reader.end) readEntry(reader, calls, entries)
  } catch (error) {
    entries.push(['unreadable', String(error)])
  }
  return entries
}

function readEntry(reader: EntryReader, calls: readonly string[], entries: Entry[]): void {
  const code = reader.varint()
  const name = code === HEAD_CODE ? 'head' : (calls[code - HEAD_CODE - 1] ?? `call ${code}`)
  const given: unknown[] = []
  const back: unknown[] = []
  let into = given
  for (;;) {
    const { tag } = reader
    if (tag === TAG.end) break
    if (tag === TAG.result) {
      reader.at++
      into = back
    } else if (tag === TAG.nest) {
      reader.at++
      readEntry(reader, calls, entries)
      while (reader.tag !== TAG.unnest && reader.tag !== TAG.nest) readEntry(reader, calls, entries)
    } else if (tag === TAG.unnest) reader.at++
    else into.push(reader.value())
  }
  reader.at++
  entries.push([name, toDetail(given, back)])
}

function toDetail(given: readonly unknown[], back: readonly unknown[]): string {
  const answer = back.map(toValueText).join(', ')
  return `${given.map(toValueText).join(', ')}${answer && given.length > 0 ? ' → ' : ''}${answer}`
}
