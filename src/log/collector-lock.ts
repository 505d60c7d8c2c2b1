import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { isRetroscopeError, RetroscopeError } from '../errors.js'
import { openLevelStore } from './level-store.js'
import { isAlive } from './temporary-dir.js'

/** What the file `collector` of a recording says: who collects it, or who did. Never decides anything. */
export interface CollectorNote {
  readonly pid: number
  /** µs since the Unix epoch. */
  readonly startedAtUs: number
  /** The number of seqs that had been given when it began, where the collector before it said so. */
  readonly endSeq?: number
  /** Present once it ended in order: when, and the number of seqs that had been given by then. */
  readonly ended?: { readonly atUs: number; readonly endSeq: number }
}

export interface CollectorLock {
  /** Gives the recording free. With `endSeq` a reader can tell later whether the end of the log was lost. */
  release(endSeq?: number): Promise<void>
}

/** Makes this process the one collector of a recording. The lock is LevelDB's own, on an empty database `log/lock`: the
 *  system frees it when the process dies, however it dies, and it holds across segments.
 *  @throws LOCKED naming the process that has it and since when; NO_PERMISSION where the recording cannot be written */
export async function lockCollector(recording: string): Promise<CollectorLock> {
  const startedAtUs = Date.now() * 1000
  try {
    mkdirSync(join(recording, 'log'), { recursive: true, mode: 0o700 })
    const store = await openLevelStore(join(recording, 'log', 'lock'), { create: true })
    const note = { pid: process.pid, startedAtUs, ...toGiven(readCollectorNote(recording)) }
    writeNote(recording, note)
    return {
      async release(endSeq) {
        const ended = endSeq === undefined ? {} : { ended: { atUs: Date.now() * 1000, endSeq } }
        writeNote(recording, { ...note, ...ended })
        await store.close()
      },
    }
  } catch (error) {
    throw toLockError(recording, error)
  }
}

function toGiven(before: CollectorNote | undefined): Pick<CollectorNote, 'endSeq'> {
  const endSeq = before?.ended?.endSeq ?? before?.endSeq
  return endSeq === undefined ? {} : { endSeq }
}

/** undefined when nobody ever collected it, or the note is no note. */
export function readCollectorNote(recording: string): CollectorNote | undefined {
  try {
    const note = JSON.parse(readFileSync(join(recording, 'collector'), 'utf8')) as CollectorNote
    const known = Number.isSafeInteger(note.pid) && Number.isFinite(note.startedAtUs)
    const isCount = (count: unknown) => count === undefined || Number.isSafeInteger(count)
    if (!known || !isCount(note.endSeq) || (note.ended && !Number.isSafeInteger(note.ended.endSeq))) return undefined
    return note
  } catch {
    return undefined
  }
}

/** A full disk must neither keep a collector out nor leave the recording locked: the note decides nothing. */
function writeNote(recording: string, note: CollectorNote): void {
  const temporary = join(recording, `collector.${process.pid}`)
  try {
    writeFileSync(temporary, `${JSON.stringify(note)}\n`, { mode: 0o600 })
    renameSync(temporary, join(recording, 'collector'))
  } catch {
    rmSync(temporary, { force: true })
  }
}

function toLockError(recording: string, error: unknown): unknown {
  const { code } = error as { code?: string }
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') {
    return new RetroscopeError('NO_PERMISSION', `${recording} cannot be written (${code}).`, {
      hint: 'Reading it works all the same; to collect into it, run as the user who made it.',
      cause: error,
    })
  }
  if (!isRetroscopeError(error) || error.code !== 'LOCKED') return error
  const note = readCollectorNote(recording)
  const first =
    note && !note.ended && isAlive(note.pid)
      ? `Process ${note.pid} has been collecting ${recording} since ${new Date(note.startedAtUs / 1000).toISOString()}.`
      : `Another process collects ${recording}.`
  return new RetroscopeError('LOCKED', first, {
    hint: 'A recording has one collector. Reading needs no lock; wait for it to end, or record into another path.',
    cause: error,
  })
}
