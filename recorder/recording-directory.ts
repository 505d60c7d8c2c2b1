import { closeSync, mkdirSync, openSync, readdirSync, readFileSync, rmSync, statSync, writeSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { isRetroscopeError } from '../src/errors.js'
import { isThreadPath, type ThreadPath, toThreadPath } from '../src/ids.js'
import { createFormat, FORMAT_VERSION } from '../src/log/format-file.js'
import { markMadeHere } from '../src/log/origin.js'
import { CLAIM_BYTES, CLAIM_SUFFIX, CLAIM_TEXT_BYTES } from '../src/spool/format.js'
import { getTimeUs } from './originals.js'
import { SpoolFile } from './spool-file.js'

/** Makes a new recording. When the path is taken, the next free of `NAME-2.retro`, `NAME-3.retro` … is used: a program
 *  that is started again must neither lose its last recording nor fail for it. @returns its absolute path
 *  @throws what the system says where nothing can be made there */
export function createRecording(out: string, command: readonly string[] | null = null): string {
  const format = {
    format: FORMAT_VERSION,
    startedAtUs: getTimeUs(),
    command,
    node: process.version,
    platform: `${process.platform}-${process.arch}`,
  }
  for (let n = 1; ; n++) {
    const dir = resolve(n === 1 ? out : out.replace(/(\.retro)?[/\\]*$/, `-${n}$1`))
    if (isTaken(dir)) continue
    try {
      createFormat(dir, format)
      markMadeHere(dir)
      return dir
    } catch (error) {
      if (!isRetroscopeError(error) || error.code !== 'EXISTS') throw error
    }
  }
}

/** A thread's place in a recording. */
export interface Claim {
  readonly path: ThreadPath
  readonly file: SpoolFile
}

/** Takes the spool of that name, or of `PATH-2`, `PATH-3` … when another process was started under the same name.
 *  @throws what the system says */
export function claimSpool(recording: string, wanted: string): Claim {
  const spool = join(recording, 'spool')
  const base = wanted.replace(/-\d+$/, '')
  mkdirSync(spool, { recursive: true, mode: 0o700 })
  for (let n = 1; ; n++) {
    const path = toThreadPath(n === 1 ? wanted : `${base}-${n}`)
    try {
      takePath(recording, path)
      return { path, file: new SpoolFile(join(spool, path), toClaimFile(recording, path)) }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    }
  }
}

/** The collector takes a spool away once its thread has ended, and its name must not come free by that.
 *  @throws EEXIST when it is taken */
function takePath(recording: string, path: ThreadPath): void {
  const file = openSync(toClaimFile(recording, path), 'wx', 0o600)
  try {
    writeSync(file, String(process.pid).padEnd(CLAIM_BYTES))
  } catch {
    // The disk is full: the name is taken all the same.
  } finally {
    closeSync(file)
  }
}

/** Marks a thread's path as taken, and holds the id of the process that took it. */
export function toClaimFile(recording: string, path: ThreadPath): string {
  return join(recording, 'spool', `${path}${CLAIM_SUFFIX}`)
}

/** Process id by thread path, of all threads so far. */
export function readClaims(recording: string): Map<string, number> {
  const claims = new Map<string, number>()
  for (const name of readSpoolNames(recording)) {
    if (!name.endsWith(CLAIM_SUFFIX)) continue
    const pid = Number(readFileSync(join(recording, 'spool', name), 'latin1').slice(0, CLAIM_TEXT_BYTES))
    if (pid > 0) claims.set(name.slice(0, -CLAIM_SUFFIX.length), pid)
  }
  return claims
}

/** Spools that are still there. */
export function listSpools(recording: string): readonly string[] {
  return readSpoolNames(recording).filter(isThreadPath)
}

/** Nobody will start another thread of that recording. Beside a spool that is still there its claim stays: it may hold
 *  what the spool did not take. */
export function removeClaims(recording: string): void {
  const claims = new Set(readSpoolNames(recording).filter((name) => name.endsWith(CLAIM_SUFFIX)))
  for (const path of listSpools(recording)) claims.delete(`${path}${CLAIM_SUFFIX}`)
  for (const name of claims) rmSync(join(recording, 'spool', name), { force: true })
}

function readSpoolNames(recording: string): readonly string[] {
  try {
    return readdirSync(join(recording, 'spool'))
  } catch {
    return []
  }
}

/** Whether a directory is a recording that a thread can join. */
export function isRecording(dir: string | undefined): dir is string {
  if (!dir) return false
  try {
    return readFileSync(join(dir, 'format'), 'utf8').startsWith('{')
  } catch {
    return false
  }
}

/** Anything but an empty directory. What can't be looked at is left to whoever makes the recording there. */
function isTaken(dir: string): boolean {
  try {
    return !statSync(dir).isDirectory() || readdirSync(dir).length > 0
  } catch {
    return false
  }
}
