import { RetroscopeError } from '../errors.js'
import type { KeyValue } from './key-value.js'
import { PREFIX, toMetaKey, toThreadKey } from './keys.js'
import { ChannelEnd, Pairs, type PairsRow } from './pairs.js'
import { ContainerReplica } from './replica.js'
import { loadState } from './state.js'
import {
  type ContainerRow,
  decodeRow,
  type GapRow,
  type LogRow,
  type ProcessRow,
  TABLE,
  type ThreadRow,
} from './tables.js'
import { ThreadLog } from './thread-log.js'
import type { WriterState } from './writer.js'

/** The state of a log that has no event yet. */
export function toEmptyState(startedAtUs: number): WriterState {
  const log: LogRow = {
    startedAtUs,
    firstSeq: 0,
    endSeq: 0,
    heldFrom: 0,
    threads: 0,
    processes: 0,
    gaps: 0,
    containers: 0,
    maxTimeUs: 0,
  }
  return { log, threads: [], processes: [], gaps: [], pairs: new Pairs() }
}

/** Reads what a writer needs to go on where the last commit ended. @returns undefined when nothing was committed
 *  @throws DAMAGED when a table cannot be read: going on would give wrong seqs or states */
export async function resume(store: KeyValue): Promise<WriterState | undefined> {
  const stored = await store.get(toMetaKey(TABLE.log))
  if (stored === undefined && (await isEmpty(store))) return undefined
  const log = stored ? decodeRow<LogRow>(stored) : null
  if (!log) throw damaged(TABLE.log, 0)
  const threads = (await loadRows<ThreadRow>(store, TABLE.thread, log.threads)).map((row) => new ThreadLog(row))
  const processes = await loadRows<ProcessRow>(store, TABLE.process, log.processes)
  const gaps = await loadRows<GapRow>(store, TABLE.gap, log.gaps)
  const pairs = new Pairs()
  for (const thread of threads) await restoreDictionary(store, thread)
  for (const process of processes) await restoreProcess(store, threads, process, pairs)
  for (const row of await loadRows<ContainerRow>(store, TABLE.container, log.containers)) {
    await restoreContainer(store, threads, row, log.endSeq)
  }
  return { log, threads, processes, gaps, pairs }
}

/** Whether nothing was ever committed to it: each commit writes the row of the log. */
export async function isEmpty(store: KeyValue): Promise<boolean> {
  for await (const _ of store.range({ limit: 1 })) return false
  return true
}

/** All rows of a table, which are numbered without holes. @throws DAMAGED when one is missing or unreadable */
export async function loadRows<T>(store: KeyValue, table: string, count: number): Promise<T[]> {
  const rows: T[] = []
  for await (const { value } of store.range({ ...toTableRange(table), limit: count })) {
    const row = decodeRow<T>(value)
    if (!row) throw damaged(table, rows.length)
    rows.push(row)
  }
  if (rows.length < count) throw damaged(table, rows.length)
  return rows
}

export function toTableRange(table: string): { readonly gte: Uint8Array; readonly lte: Uint8Array } {
  const lte = toMetaKey(table, 0, 0, 0).fill(255, 2)
  return { gte: toMetaKey(table), lte }
}

/** The newest dictionary of a thread that can be read. */
export async function loadDictionary(store: KeyValue, thread: number): Promise<Uint8Array | undefined> {
  const range = {
    gte: toThreadKey(PREFIX.dictionary, thread, 0),
    lte: toThreadKey(PREFIX.dictionary, thread, 0xffffffff),
    reverse: true,
  }
  for await (const { value } of store.range(range)) if (value) return value
  return undefined
}

async function restoreDictionary(store: KeyValue, thread: ThreadLog): Promise<void> {
  thread.dirty = false
  const dictionary = await loadDictionary(store, thread.row.no)
  thread.latestDictionary = dictionary
  if (dictionary) thread.learn(dictionary)
}

async function restoreProcess(
  store: KeyValue,
  threads: readonly ThreadLog[],
  process: ProcessRow,
  pairs: Pairs,
): Promise<void> {
  const thread = threads[process.thread]
  if (!thread) throw damaged(TABLE.process, process.no)
  thread.processes.set(process.subject, process)
  const before = thread.ends.get(process.subject)
  if (before) pairs.close(before)
  thread.ends.delete(process.subject)
  if (!process.channel) return
  const end = new ChannelEnd(process.thread, process.subject, process.name, process.channel)
  const row = decodeRow<PairsRow>(await store.get(toMetaKey(TABLE.pairs, process.thread, process.subject)))
  if (row) end.restore(row)
  thread.ends.set(process.subject, end)
  pairs.open(end)
}

async function restoreContainer(
  store: KeyValue,
  threads: readonly ThreadLog[],
  row: ContainerRow,
  endSeq: number,
): Promise<void> {
  const thread = threads[row.thread]
  if (!thread) throw damaged(TABLE.container, 0)
  const replica = new ContainerReplica(row.thread, row.subject, thread.decoder)
  replica.lastSeq = row.lastSeq
  const loaded = await loadState(store, row, endSeq, thread.decoder)
  if (loaded.ok) replica.restore(loaded.state, loaded.deltas, loaded.deltaBytes, loaded.keyframeBytes)
  thread.containers.set(row.subject, replica)
}

function damaged(table: string, row: number): RetroscopeError {
  return new RetroscopeError('DAMAGED', `Row ${row} of table ${table} of the log cannot be read.`, {
    hint: 'Reading what is left works; nothing can be added to it.',
  })
}
