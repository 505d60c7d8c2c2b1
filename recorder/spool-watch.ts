import { statSync } from 'node:fs'
import { join } from 'node:path'
import { isAlive } from '../src/log/temporary-dir.js'
import { listSpools, readClaims } from './recording-directory.js'

/** A thread that lives, and wrote nothing for so long, is not waited for any longer. */
const SILENT_MS = 2000

/** Whether there is nothing more to expect of a recording's spools: of each, the process has ended, or it was silent for
 *  two seconds. */
export function areSpoolsSettled(recording: string, now = Date.now()): boolean {
  const pids = readClaims(recording)
  return listSpools(recording).every((path) => {
    const pid = pids.get(path)
    if (pid !== undefined && !isAlive(pid)) return true
    const writtenAt = statSync(join(recording, 'spool', path), { throwIfNoEntry: false })?.mtimeMs ?? 0
    return now - writtenAt >= SILENT_MS
  })
}
