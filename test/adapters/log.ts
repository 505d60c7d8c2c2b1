import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { EventBodies, EventKind } from '../../src/events.js'
import { applyPatch } from '../../src/json/patch.js'
import { readBlocks } from '../../src/spool/block.js'
import { DICTIONARY_FRAME, FRAME_FLAGS, SPOOL_MAGIC, toKind } from '../../src/spool/format.js'
import { createDecoder } from '../../src/values/decoder.js'

export interface Logged<K extends EventKind> {
  readonly kind: K
  readonly ordinal: number
  readonly subject: number
  /** −1 for none. */
  readonly cause: number
  readonly origin: number
  readonly coalesced: boolean
  readonly unpaired: boolean
  readonly body: EventBodies[K]
}

export type Entry = { [K in EventKind]: Logged<K> }[EventKind]

export interface SeenState {
  readonly state: unknown
  readonly trigger: unknown
  readonly coalesced: boolean
}

/** What one thread's spool holds, frame by frame: nothing of the log's readers stands between recorder and test. */
export class Log {
  readonly entries: readonly Entry[]

  constructor(entries: readonly Entry[]) {
    this.entries = entries
  }

  static read(recording: string, thread = '0'): Log {
    return new Log([...readEntries(readFileSync(join(recording, 'spool', thread)))])
  }

  of<K extends EventKind>(kind: K, subject?: number): Logged<K>[] {
    const found = this.entries.filter((entry) => entry.kind === kind && (subject ?? entry.subject) === entry.subject)
    return found as unknown as Logged<K>[]
  }

  spawn(name: string, end?: 0 | 1): Logged<'process'> | undefined {
    return this.of('process').find(
      ({ body }) => body.op === 'spawn' && body.name === name && (end === undefined || body.channel?.end === end),
    )
  }

  /** The process of that name, of a channel's two ends the one asked for. */
  subject(name: string, end?: 0 | 1): number {
    const spawn = this.spawn(name, end)
    if (!spawn) throw new Error(`no process ${name} in the log`)
    return spawn.subject
  }

  messages(name: string, op: 'send' | 'receive' | 'handled', end?: 0 | 1): Logged<'message'>[] {
    return this.of('message', this.subject(name, end)).filter(({ body }) => body.op === op)
  }

  payloads(name: string, op: 'send' | 'receive', end?: 0 | 1): unknown[] {
    return this.messages(name, op, end).map(({ body }) => body.payload)
  }

  mark(text: string): Logged<'mark'> {
    const found = this.of('mark').find(({ body }) => body.text === text)
    if (!found) throw new Error(`no mark ${text} in the log`)
    return found
  }

  /** Every state of a container, rebuilt from its deltas. */
  states(name: string): SeenState[] {
    let state: unknown
    const seen: SeenState[] = []
    for (const { body, coalesced } of this.of('state', this.subject(name))) {
      if (body.op === 'final') continue
      state = body.op === 'delta' ? applyPatch(state, body.patch) : body.state
      seen.push({ state, trigger: 'trigger' in body ? body.trigger : undefined, coalesced })
    }
    return seen
  }
}

function* readEntries(bytes: Uint8Array): Generator<Entry> {
  const decoder = createDecoder()
  let ordinal = 0
  for (const part of readBlocks(bytes, SPOOL_MAGIC.length)) {
    if (part.kind !== 'block') throw new Error(`the spool is ${part.kind} at ${part.offset}`)
    for (const frame = part.frames(); frame.next(); ) {
      if (frame.kindCode === DICTIONARY_FRAME) {
        decoder.learn(frame.payload)
        continue
      }
      yield {
        kind: toKind(frame.kindCode),
        ordinal: ordinal++,
        subject: frame.subject,
        cause: frame.cause,
        origin: frame.origin,
        coalesced: (frame.flags & FRAME_FLAGS.coalesced) !== 0,
        unpaired: (frame.flags & FRAME_FLAGS.unpaired) !== 0,
        body: decoder.decode(frame.payload),
      } as Entry
    }
  }
}
