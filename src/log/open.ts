import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { isRetroscopeError } from '../errors.js'
import { isThreadPath } from '../ids.js'
import { type CollectorLock, lockCollector } from './collector-lock.js'
import { detectRecording, readFormat } from './format-file.js'
import { Ingest } from './ingest.js'
import type { KeyValue } from './key-value.js'
import type { LevelDamage } from './leveldb/check.js'
import { type LogStores, openLogReader } from './log-reader.js'
import { findLostEnd, readEndSeq } from './lost-end.js'
import { openMemoryStore } from './memory-store.js'
import { openOverlay } from './overlay-store.js'
import { openPackedStore } from './packed-store.js'
import type { LogReader } from './reader.js'
import { resume, toEmptyState } from './resume.js'
import { takeSnapshot } from './snapshot.js'
import { SpoolCollector } from './spool-collector.js'
import { openSpoolDirectory, type SpoolSource } from './spool-source.js'
import { LogWriter } from './writer.js'

/** Opens the log of a recording for reading: a packed file, or a directory, finished, deserted by its collector, or being
 *  written right now; `refresh` follows it. Never blocks whoever writes. A directory that nobody collects is collected
 *  first, where it may be written; else what its log lacks is taken in above it, in memory.
 *  @throws NOT_FOUND, NO_PERMISSION, NOT_A_RECORDING, FORMAT_TOO_NEW, DAMAGED */
export async function openLog(path: string): Promise<LogReader> {
  if (detectRecording(path).form === 'packed') return openPacked(path)
  const { startedAtUs } = readFormat(path)
  return openLogReader(async () => snapshotStores(path, startedAtUs, await collectRest(path)), startedAtUs)
}

/** Takes what stands in the spools into the log if nobody else does. Where nothing stands there, nothing is changed.
 *  @returns whether a collector sees, or saw, to it; false: the log may lack what the spools have */
async function collectRest(path: string): Promise<boolean> {
  if (!hasSpools(path)) return true
  let lock: CollectorLock
  try {
    lock = await lockCollector(path)
  } catch (error) {
    return isRetroscopeError(error) && error.code === 'LOCKED'
  }
  let endSeq: number | undefined
  try {
    const spools = await SpoolCollector.open(path)
    try {
      await spools.catchUp()
      endSeq = spools.endSeq
    } finally {
      await spools.close()
    }
    return true
  } catch {
    // Its log cannot be continued, or its disk is full: it can be read all the same.
    return false
  } finally {
    await lock.release(endSeq)
  }
}

function hasSpools(path: string): boolean {
  try {
    return readdirSync(join(path, 'spool')).some(isThreadPath)
  } catch {
    return false
  }
}

async function openPacked(path: string): Promise<LogReader> {
  const packed = await openPackedStore(path)
  const stores: LogStores = { stores: packed.segments, damage: packed.damage, close: () => packed.close() }
  return openLogReader(async () => stores, packed.format.startedAtUs)
}

/** The stores behind a recording, oldest segment first: for whoever copies it as a whole. Close them.
 *  @throws what `openLog` throws */
export async function openStores(path: string): Promise<LogStores> {
  if (detectRecording(path).form === 'directory') return snapshotStores(path, readFormat(path).startedAtUs)
  const packed = await openPackedStore(path)
  return { stores: packed.segments, damage: packed.damage, close: () => packed.close() }
}

/** A directory's stores as they stand, unless it is `collected` with what its spools have and its log has not above them,
 *  in memory. Leaves the directory as it is. */
export async function snapshotStores(path: string, startedAtUs: number, collected = false): Promise<LogStores> {
  const endSeq = readEndSeq(path)
  const snapshot = await takeSnapshot(path)
  const source = openSpoolDirectory(join(snapshot.dir, 'spool'), { readOnly: true })
  try {
    const stores: KeyValue[] = []
    const damage: LevelDamage[] = []
    for (const segment of snapshot.segments) {
      const opened = await snapshot.openSegment(segment)
      stores.push(opened.store)
      damage.push(...opened.damage)
    }
    damage.push(...(await findLostEnd(stores.at(-1), endSeq)))
    const below = stores.pop() ?? openMemoryStore()
    stores.push(...(collected ? [below] : await takeTails(below, source, { startedAtUs, endSeq: endSeq ?? 0, damage })))
    return { stores, damage, close: () => snapshot.close() }
  } catch (error) {
    await snapshot.close()
    throw error
  } finally {
    source.close()
  }
}

interface Tails {
  readonly startedAtUs: number
  /** Seqs that were given. */
  readonly endSeq: number
  readonly damage: LevelDamage[]
}

async function takeTails(below: KeyValue, source: SpoolSource, tails: Tails): Promise<KeyValue[]> {
  const paths = new Set(source.list())
  if (paths.size === 0) return [below]
  const { startedAtUs, endSeq, damage } = tails
  const stores: KeyValue[] = []
  try {
    const store = openOverlay(below)
    const writer = new LogWriter(store, (await resume(store)) ?? toEmptyState(startedAtUs))
    stores.push(store)
    if (writer.endSeq < endSeq) {
      await writer.commit()
      const behind = openMemoryStore()
      writer.startBehindLoss(endSeq, behind, (path) => paths.has(path))
      stores.push(behind)
    }
    await new Ingest(writer, source).pump(true)
    return stores
  } catch (error) {
    if (!isRetroscopeError(error)) throw error
    damage.push({ file: 'spool', range: null, what: `nothing can be added: ${error.message}`, structural: false })
    return [below]
  }
}
