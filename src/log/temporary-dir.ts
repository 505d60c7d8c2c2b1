import { chmodSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'

const PREFIX = 'retroscope-reading-'

/** Another container may share the directory and not our process numbers, so age has to agree that the owner is gone. */
const STALE_AFTER_MS = 24 * 60 * 60 * 1000

const open = new Set<string>()

/** A directory (0700) below `parent` that goes when it is closed or when the process exits. What processes that were
 *  killed left there goes too, after a day. */
export interface TemporaryDir {
  readonly path: string
  close(): void
}

/** @throws whatever the file system says when `parent` cannot be written */
export function makeTemporaryDir(parent: string): TemporaryDir {
  removeStale(parent)
  const path = mkdtempSync(join(parent, `${PREFIX}${process.pid}-`))
  chmodSync(path, 0o700)
  if (open.size === 0) process.on('exit', removeAll)
  open.add(path)
  return { path, close: () => removeOpen(path) }
}

function removeOpen(path: string): void {
  if (!open.delete(path)) return
  if (open.size === 0) process.off('exit', removeAll)
  remove(path)
}

function removeAll(): void {
  for (const path of open) remove(path)
}

function removeStale(parent: string): void {
  const before = Date.now() - STALE_AFTER_MS
  for (const name of readdirSync(parent)) {
    const pid = new RegExp(`^${PREFIX}(\\d+)-`).exec(name)?.[1]
    if (pid === undefined || isAlive(Number(pid))) continue
    const path = join(parent, name)
    try {
      if (statSync(path).mtimeMs < before) remove(path)
    } catch {
      // Somebody else removed it first.
    }
  }
}

/** False only when the system says that there is no such process. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH'
  }
}

function remove(path: string): void {
  try {
    rmSync(path, { recursive: true, force: true })
  } catch {
    // Another user's; it is theirs to remove.
  }
}
