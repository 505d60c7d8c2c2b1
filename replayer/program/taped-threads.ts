import { type Cloning, EntryReader } from '../../src/boundary/node/entries.js'
import { TAG } from '../../src/boundary/node/entry-tags.js'
import { HEAD_CODE, type TapeHead } from '../../src/boundary/node/head.js'
import type { TapeFrame } from '../../src/boundary/node/tape-file.js'
import { RetroscopeError } from '../../src/errors.js'
import type { Event } from '../../src/events.js'
import type { ThreadPath } from '../../src/ids.js'
import type { LogReader, ThreadInfo } from '../../src/log/reader.js'

/** A thread whose inputs are in the recording. */
export interface TapedThread {
  readonly thread: ThreadInfo
  readonly head: TapeHead
  /** What it used that is not fed: with any of these it can only be looked at. */
  readonly unfed: readonly string[]
  /** What it used that is not known, and whose answers were recorded. */
  readonly assumed: readonly string[]
  /** Events of it are missing: the same. */
  readonly torn: boolean
}

/** What runs in a thread, in words. */
export function toCommand({ worker, argv }: TapeHead): string {
  if (!worker) return argv.join(' ')
  return ['worker', worker.kind === 'text' ? '[source]' : worker.file, ...worker.argv].join(' ')
}

const NO_CLONING: Cloning = {
  serialize: () => new Uint8Array(),
  deserialize: () => undefined,
}

/** The tape's frame that an event is; undefined for every other event. */
export function toTapeFrame(event: Event, startedAtUs = 0): TapeFrame | undefined {
  if (event.kind !== 'delivery' && event.kind !== 'values') return undefined
  const { entries } = event.body as { entries?: Uint8Array }
  const { kind, seq, ordinal, turn, timeUs } = event
  return entries && { kind, seq, ordinal, turn, timeUs: timeUs + startedAtUs, bytes: entries }
}

/** The thread's tape, in order. @param landmarks whether the events that wrappers cause stand in it too
 *  @throws DAMAGED when part of it is missing */
export async function* readTape(log: LogReader, thread: ThreadInfo, landmarks = false): AsyncGenerator<TapeFrame> {
  const kinds = ['delivery', 'values', 'gap', ...(landmarks ? (['process', 'mark'] as const) : [])] as const
  for await (const event of log.events({ thread: thread.no, kinds })) {
    if (event.kind === 'gap') {
      throw new RetroscopeError(
        'DAMAGED',
        `Thread ${thread.path} misses events at ${event.seq}: ${event.body.reason}.`,
        {
          hint: 'Up to there its states can be looked at; it cannot be run again.',
        },
      )
    }
    const frame = toTapeFrame(event, log.startedAtUs) ?? toLandmark(event, log.startedAtUs)
    if (frame) yield frame
  }
}

/** An event that a wrapper caused, named by the number of its process or by the text of a mark. */
function toLandmark(event: Event, startedAtUs: number): TapeFrame | undefined {
  const { kind, seq, ordinal, turn, timeUs } = event
  if (kind !== 'mark' && (kind !== 'process' || event.subject === 0)) return undefined
  const name = kind === 'mark' ? event.body.text : String(event.subject)
  return { kind, seq, ordinal, turn, timeUs: timeUs + startedAtUs, bytes: Buffer.from(name) }
}

/** Threads that can be run again. */
export async function listTaped(log: LogReader): Promise<TapedThread[]> {
  const found: TapedThread[] = []
  const met = await findMet(log)
  const torn = await findTorn(log)
  for (const thread of log.threads()) {
    const head = await findHead(log, thread)
    if (head) found.push({ thread, head, torn: torn.has(thread.no), ...(met.get(thread.no) ?? NOTHING) })
  }
  return found
}

/** What a thread used that is not fed, also one of which nothing was taped. */
export async function findUnfed(log: LogReader, { no }: ThreadInfo): Promise<readonly string[]> {
  return (await findMet(log)).get(no)?.unfed ?? []
}

export function toUnfedError(path: ThreadPath, unfed: readonly string[]): RetroscopeError {
  return new RetroscopeError('OBSERVED', `Thread ${path} used ${unfed.join(', ')}, which this version cannot feed.`, {
    hint: 'Its states can be looked at; it cannot be run again.',
  })
}

interface Met {
  readonly unfed: string[]
  readonly assumed: string[]
}

const NOTHING: Met = { unfed: [], assumed: [] }

async function findMet(log: LogReader): Promise<ReadonlyMap<number, Met>> {
  const met = new Map<number, Met>()
  for await (const event of log.events({ kinds: ['process'] })) {
    if (event.kind !== 'process' || event.subject !== 0) continue
    const { body } = event
    if (body.op !== 'observed' && body.op !== 'assumed') continue
    const found = met.get(event.thread) ?? { unfed: [], assumed: [] }
    met.set(event.thread, found)
    found[body.op === 'observed' ? 'unfed' : 'assumed'].push(body.call)
  }
  return met
}

async function findTorn(log: LogReader): Promise<ReadonlySet<number>> {
  const torn = new Set<number>()
  if (log.gaps().length === 0) return torn
  for await (const event of log.events({ kinds: ['gap'] })) torn.add(event.thread)
  return torn
}

/** What a thread's tape says first; undefined where it has none. */
export async function findHead(log: LogReader, thread: ThreadInfo): Promise<TapeHead | undefined> {
  for await (const event of log.events({ thread: thread.no, kinds: ['delivery', 'values'] })) {
    const frame = toTapeFrame(event)
    return frame && toHead(frame.bytes)
  }
  return undefined
}

function toHead(bytes: Uint8Array): TapeHead | undefined {
  const reader = new EntryReader(bytes, () => undefined, NO_CLONING)
  if (reader.varint() !== HEAD_CODE || reader.tag !== TAG.result) return undefined
  reader.at++
  return reader.value() as TapeHead
}
