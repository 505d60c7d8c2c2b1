import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { linkSync, lstatSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { makeDirectory } from './make-directory.js'

const ORIGIN_FILE = 'origin'

const KEY_BYTES = 32

/** Marks a recording directory that has just been made as this user's own: with a seal of its place on this machine's
 *  disk, under a key that never leaves the user's state. A copy, an archive or an unpacked file has another place. Where
 *  no key can be kept, there is no mark. */
export function markMadeHere(recording: string): void {
  try {
    writeFileSync(join(recording, ORIGIN_FILE), seal(recording, makeKey()), { flag: 'wx', mode: 0o600 })
  } catch {
    // Then it is like one from elsewhere: what stands in no file needs `--trust`.
  }
}

/** Whether this user made the recording on this machine, and it lies where it was made. */
export function isMadeHere(recording: string): boolean {
  try {
    const key = readKey()
    if (!key) return false
    // A link would lend the seal of another recording.
    if (['format', ORIGIN_FILE].some((name) => !lstatSync(join(recording, name)).isFile())) return false
    const found = readFileSync(join(recording, ORIGIN_FILE))
    const own = Buffer.from(seal(recording, key))
    return found.length === own.length && timingSafeEqual(found, own)
  } catch {
    return false
  }
}

/** The file `format` is made once, by whoever makes the recording, and is never written again. */
function seal(recording: string, key: Buffer): string {
  const { dev, ino, birthtimeNs } = statSync(join(recording, 'format'), { bigint: true })
  return createHmac('sha256', key).update(`${dev} ${ino} ${birthtimeNs}`).digest('hex')
}

function toKeyFile(): string {
  const state = process.env['XDG_STATE_HOME'] || join(homedir(), '.local', 'state')
  return join(state, 'retroscope', 'key')
}

/** undefined where there is none, or one that somebody else may have written or read. */
function readKey(): Buffer | undefined {
  const file = toKeyFile()
  const { uid, mode } = lstatSync(file)
  const key = readFileSync(file)
  const isOwn = process.getuid === undefined || (uid === process.getuid() && (mode & 0o077) === 0)
  return isOwn && key.length === KEY_BYTES ? key : undefined
}

function makeKey(): Buffer {
  const file = toKeyFile()
  makeDirectory(join(file, '..'))
  const made = `${file}.${process.pid}`
  writeFileSync(made, randomBytes(KEY_BYTES), { flag: 'wx', mode: 0o600 })
  try {
    // Whole at once, and never in the place of one that is there.
    linkSync(made, file)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  } finally {
    rmSync(made, { force: true })
  }
  const key = readKey()
  if (!key) throw new TypeError(`${file} is not this user's own`)
  return key
}
