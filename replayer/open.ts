import { lstatSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { RetroscopeError } from '../src/errors.js'
import { readCollectorNote } from '../src/log/collector-lock.js'
import { detectRecording, FORMAT_VERSION, readFormat } from '../src/log/format-file.js'
import { findLive } from '../src/log/live.js'
import { openLog } from '../src/log/open.js'
import { openPackedStore } from '../src/log/packed-store.js'
import type { LogReader } from '../src/log/reader.js'
import { isAlive } from '../src/log/temporary-dir.js'
import { deriveMissing } from './derived/derive.js'
import { openMerged } from './derived/store.js'
import { LogRecording } from './log-recording.js'
import type { Recording } from './recording.js'

export interface OpenOptions {
  /** Run the recorded program again where only its inputs were recorded, and keep what its channels and containers did.
   *  Without it, what was derived earlier is in the answers, and nothing is run. */
  readonly derive?: boolean
}

/** Opens a recording for questions: a directory `NAME.retro`, a packed file, or the scope of this program, finished or
 *  still recording. Runs no code from it, unless asked to derive, and never blocks who writes it. Close it when done.
 *  @throws NOT_FOUND, NOT_A_RECORDING, FORMAT_TOO_NEW, NO_PERMISSION, DAMAGED */
export async function openRecording(source: string | object, options: OpenOptions = {}): Promise<Recording> {
  if (typeof source === 'string') {
    if (options.derive) await deriveMissing(source)
    return openPath(source)
  }
  const live = typeof source === 'object' && source !== null ? findLive(source) : undefined
  if (!live) {
    throw new RetroscopeError('NOT_A_RECORDING', 'Neither a path nor the scope of a program that is being recorded.', {
      hint: 'Give the path of a recording, or what `await setup()` returned.',
    })
  }
  const log = await live.open()
  return new LogRecording(log, {
    path: live.directory,
    form: live.directory === null ? 'memory' : 'directory',
    ...(live.directory === null ? { format: FORMAT_VERSION, command: null } : describe(live.directory)),
    toBytes: () => (live.directory === null ? null : toBytes(live.directory)),
    isRunning: () => live.isRunning(),
    flush: () => live.flush(),
  })
}

async function openPath(path: string): Promise<Recording> {
  if (detectRecording(path).form === 'packed') return openPacked(path)
  const { format, command } = readFormat(path)
  const log = await openLog(path)
  return new LogRecording(await openMerged(path, log), {
    path,
    form: 'directory',
    format,
    command,
    toBytes: () => toBytes(path),
    isRunning: () => isRunning(path, log),
  })
}

async function openPacked(path: string): Promise<Recording> {
  const packed = await openPackedStore(path)
  const { format, command } = packed.format
  await packed.close()
  const log = await openLog(path)
  return new LogRecording(await openMerged(path, log), {
    path,
    form: 'packed',
    format,
    command,
    toBytes: () => statSync(path).size,
    isRunning: () => false,
  })
}

function describe(path: string): { readonly format: number; readonly command: readonly string[] | null } {
  const { format, command } = readFormat(path)
  return { format, command }
}

/** While a collector works, or a recorded process lives whose end is not in the log. */
function isRunning(path: string, log: LogReader): boolean {
  const note = readCollectorNote(path)
  if (note && !note.ended && isAlive(note.pid)) return true
  return log.threads().some(({ ended, record }) => ended === null && record !== null && isAlive(record.pid))
}

/** Bytes of the files below a directory; what goes meanwhile counts nothing. */
function toBytes(dir: string): number {
  let bytes = 0
  for (const name of readdirSync(dir, { recursive: true, encoding: 'utf8' })) {
    try {
      const stat = lstatSync(join(dir, name))
      if (stat.isFile()) bytes += stat.size
    } catch {
      // A compaction took it away.
    }
  }
  return bytes
}
