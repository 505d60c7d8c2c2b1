import { createHash } from 'node:crypto'
import { accessSync, closeSync, constants, existsSync, fstatSync, openSync, readFileSync, readSync } from 'node:fs'
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { isRetroscopeError } from '../../src/errors.js'
import { detectRecording } from '../../src/log/format-file.js'
import { openLog } from '../../src/log/open.js'
import type { LogReader, ThreadInfo } from '../../src/log/reader.js'
import { type DerivedPart, MergedLog } from './merged-log.js'
import { decodeRows } from './rows.js'

/** What is derived otherwise than by an older version is derived anew. */
const DERIVATION = 1

/** Bytes at the end of a packed recording that hold its digest. */
const SEAL_BYTES = 64

export const ROWS_FILE = 'rows'

/** Where the derived events of a thread are kept: in the recording, where that may be written; else (a packed one, or one
 *  of somebody else's) in the user's cache. Named by what they were derived from. */
export function toDerivedDir(path: string, log: LogReader, thread: ThreadInfo): string {
  const { no, events, turns, firstSeq, lastSeq } = thread
  const { startedAtUs, endSeq } = log
  const from = [DERIVATION, no, thread.path, events, turns, firstSeq, lastSeq, startedAtUs, endSeq]
  const packed = detectRecording(path).form === 'packed'
  const inside = !packed && isWritable(path)
  const place = inside ? [] : [packed ? readSeal(path) : resolve(path)]
  const hash = createHash('sha256').update(JSON.stringify([...from, ...place]))
  return join(inside ? path : toCacheDir(), 'derived', `${thread.path}-${hash.digest('hex').slice(0, 16)}`)
}

/** A log with what was derived of it earlier among its events; runs nothing. */
export async function openMerged(path: string, log: LogReader): Promise<LogReader> {
  const parts: DerivedPart[] = []
  for (const thread of log.threads()) {
    const part = await openPart(toDerivedDir(path, log, thread), thread)
    if (part) parts.push(part)
  }
  return parts.length > 0 ? new MergedLog(log, parts) : log
}

/** undefined where there is none, or none that can be read: then it can be derived again. */
export async function openPart(dir: string, thread: ThreadInfo): Promise<DerivedPart | undefined> {
  if (!existsSync(join(dir, ROWS_FILE))) return undefined
  try {
    const rows = decodeRows(readFileSync(join(dir, ROWS_FILE)))
    const log = await openLog(dir)
    if (log.endSeq === rows.count && log.firstSeq === 0) return { thread: thread.no, log, rows }
    await log.close()
    return undefined
  } catch (error) {
    if (isRetroscopeError(error)) return undefined
    throw error
  }
}

function toCacheDir(): string {
  return join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'retroscope')
}

function isWritable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK)
    return true
  } catch {
    return false
  }
}

function readSeal(path: string): string {
  const file = openSync(path, 'r')
  try {
    const seal = Buffer.alloc(SEAL_BYTES)
    readSync(file, seal, 0, SEAL_BYTES, Math.max(0, fstatSync(file).size - SEAL_BYTES))
    return seal.toString('hex')
  } finally {
    closeSync(file)
  }
}
