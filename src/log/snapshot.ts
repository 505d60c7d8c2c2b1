import { constants, rmdirSync } from 'node:fs'
import { access, copyFile, link, mkdir, open, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { RetroscopeError } from '../errors.js'
import { readFormat } from './format-file.js'
import { type OpenSegment, openRescued } from './rescue.js'
import { listSegments, toSegmentDir } from './segments.js'
import { makeTemporaryDir, type TemporaryDir } from './temporary-dir.js'

/** A compaction ends a few times per second at most, and an attempt takes milliseconds. */
const ATTEMPTS = 100

/** A recording directory as it stood at one moment, in a temporary place: what the reader opens, and what LevelDB
 *  writes into on opening, is never the recording itself. */
export interface Snapshot {
  /** Laid out like a recording directory: `format`, `spool/`, `log/`. Spools are older than the log, or as old, so that
   *  nothing stands in neither. */
  readonly dir: string
  readonly segments: readonly number[]
  /** Opens a segment's store, repaired where its files are damaged. The snapshot closes it. */
  openSegment(segment: number): Promise<OpenSegment>
  close(): Promise<void>
}

/** Snapshots a recording directory, whoever writes it meanwhile, without blocking the writer: tables and spools are
 *  hard-linked (they only ever grow or go), the rest (at most 16 MB per segment) is copied. Where no link can be made,
 *  everything is copied: that costs the log's size.
 *  @throws what `readFormat` throws; DAMAGED when no consistent set of files can be had; NO_PERMISSION; WRITE_FAILED when
 *  there is no room for it anywhere */
export async function takeSnapshot(recording: string, options: { tempDir?: string } = {}): Promise<Snapshot> {
  readFormat(recording)
  let refusal: unknown
  for (const open of toPlaces(recording, options.tempDir ?? tmpdir())) {
    let place: Place | undefined
    try {
      place = await open()
      if (!place) continue
      await placeSpools(recording, place)
      return toSnapshot(place, await placeSegments(recording, place))
    } catch (error) {
      place?.dir.close()
      if (!isRefused(error)) throw error
      refusal ??= error
    }
  }
  throw toRefusalError(recording, refusal)
}

interface Place {
  readonly dir: TemporaryDir
  readonly canLink: boolean
}

/** The cheapest first. A link needs the same device, and a recording that belongs to the reader. Where the temporary
 *  directory is another device, often memory, the recording's own `derived` is tried before anything is copied. Its disk
 *  may be the full one that ended the recording. */
function toPlaces(recording: string, tempDir: string): readonly (() => Promise<Place | undefined>)[] {
  const openTemporary = async () => makeTemporaryDir(tempDir)
  const openInside = () => makeInside(recording)
  return [
    () => openLinked(recording, openTemporary),
    () => openLinked(recording, openInside),
    () => openCopied(recording, openTemporary),
    () => openCopied(recording, openInside),
  ]
}

async function openLinked(recording: string, make: () => Promise<TemporaryDir>): Promise<Place | undefined> {
  const dir = await make()
  if (await tryLink(recording, dir.path)) return { dir, canLink: true }
  dir.close()
  return undefined
}

async function openCopied(recording: string, make: () => Promise<TemporaryDir>): Promise<Place> {
  const dir = await make()
  try {
    await copyFile(join(recording, 'format'), join(dir.path, 'format'))
    return { dir, canLink: false }
  } catch (error) {
    dir.close()
    throw error
  }
}

async function makeInside(recording: string): Promise<TemporaryDir> {
  const derived = join(recording, 'derived')
  await mkdir(derived, { recursive: true, mode: 0o700 })
  const dir = makeTemporaryDir(derived)
  return { path: dir.path, close: () => closeInside(dir, derived) }
}

/** Whether the system would not have it there; elsewhere it may. */
function isRefused(error: unknown): boolean {
  const { code = '' } = error as NodeJS.ErrnoException
  return ['ENOSPC', 'EDQUOT', 'EFBIG', 'EROFS', 'EACCES', 'EPERM', 'ENOTDIR'].includes(code)
}

function toRefusalError(recording: string, cause: unknown): RetroscopeError {
  const { code, message } = cause as NodeJS.ErrnoException
  if (code === 'EACCES' || code === 'EPERM') {
    return new RetroscopeError('NO_PERMISSION', `${recording} cannot be read as a whole (${message}).`, {
      hint: 'Read it as the user who made it, or have its modes changed.',
      cause,
    })
  }
  return new RetroscopeError(
    'WRITE_FAILED',
    `There is no room for a copy of what is read of ${recording} (${message}).`,
    {
      hint: 'Make room, or set TMPDIR to a directory that has some.',
      cause,
    },
  )
}

/** Reading leaves a recording as it was: `derived` goes too, unless something else stands in it. */
function closeInside(dir: TemporaryDir, derived: string): void {
  dir.close()
  try {
    rmdirSync(derived)
  } catch {
    // It is another reader's, too.
  }
}

async function tryLink(recording: string, dir: string): Promise<boolean> {
  try {
    await link(join(recording, 'format'), join(dir, 'format'))
    return true
  } catch {
    return false
  }
}

async function placeSpools(recording: string, place: Place): Promise<void> {
  const target = join(place.dir.path, 'spool')
  await mkdir(target, { mode: 0o700 })
  for (const name of await readNames(join(recording, 'spool'))) {
    await placeFile(join(recording, 'spool', name), join(target, name), place.canLink).catch(ignoreMissing)
  }
}

async function placeSegments(recording: string, place: Place): Promise<number[]> {
  const placed: number[] = []
  for (const segment of listSegments(recording)) {
    const target = toSegmentDir(place.dir.path, segment)
    if (await placeSegment(toSegmentDir(recording, segment), target, place.canLink)) placed.push(segment)
  }
  return placed
}

/** @returns false when the segment was dropped meanwhile */
async function placeSegment(source: string, target: string, canLink: boolean): Promise<boolean> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    await rm(target, { recursive: true, force: true })
    await mkdir(target, { recursive: true, mode: 0o700 })
    try {
      if (await placeOnce(source, target, canLink)) return true
    } catch (error) {
      ignoreMissing(error)
      if (!(await isThere(source))) {
        await rm(target, { recursive: true, force: true })
        return false
      }
    }
  }
  throw new RetroscopeError('DAMAGED', `${source} names files that are not there, ${ATTEMPTS} times over.`, {
    hint: 'Copy the recording again with all its files, or try again when its collector has ended.',
  })
}

/** Whatever a version of the database needs stays until the next version is appended to MANIFEST; so when that has not
 *  grown between the first look and the last file, the set is consistent. The newest write-ahead log may be growing: a
 *  prefix of it is what the database held a moment ago.
 *  @returns false when a new version came in between */
async function placeOnce(source: string, target: string, canLink: boolean): Promise<boolean> {
  const before = await readVersion(source)
  for (const name of await readdir(source)) {
    if (name === 'LOCK' || name === 'CURRENT' || name.startsWith('LOG') || name === before.manifest) continue
    await placeFile(join(source, name), join(target, name), canLink && /\.(ldb|sst)$/.test(name))
  }
  if (before.manifest !== '') {
    await copyPrefix(join(source, before.manifest), join(target, before.manifest), before.bytes)
  }
  if (before.current !== null) await writeFile(join(target, 'CURRENT'), before.current, { mode: 0o600 })
  const after = await readVersion(source)
  return after.manifest === before.manifest && after.bytes === before.bytes
}

interface Version {
  readonly current: Buffer | null
  /** Empty when CURRENT is missing or names nothing that is there. */
  readonly manifest: string
  readonly bytes: number
}

async function readVersion(source: string): Promise<Version> {
  const current = await readFile(join(source, 'CURRENT')).catch(ignoreMissing)
  if (!current) return { current: null, manifest: '', bytes: 0 }
  const name = /^(MANIFEST-\d+)\n$/.exec(current.toString('latin1'))?.[1] ?? ''
  const found = name === '' ? undefined : await stat(join(source, name)).catch(ignoreMissing)
  return found ? { current, manifest: name, bytes: found.size } : { current, manifest: '', bytes: 0 }
}

async function placeFile(source: string, target: string, byLink: boolean): Promise<void> {
  if (byLink) {
    await link(source, target)
    // A link needs no right to read.
    await access(target, constants.R_OK)
  } else await copyFile(source, target, constants.COPYFILE_FICLONE)
}

async function copyPrefix(source: string, target: string, bytes: number): Promise<void> {
  const file = await open(source, 'r')
  try {
    const prefix = Buffer.alloc(bytes)
    const { bytesRead } = await file.read(prefix, 0, bytes, 0)
    await writeFile(target, prefix.subarray(0, bytesRead), { mode: 0o600 })
  } finally {
    await file.close()
  }
}

function toSnapshot({ dir }: Place, segments: readonly number[]): Snapshot {
  const opened: OpenSegment[] = []
  return {
    dir: dir.path,
    segments,
    async openSegment(segment) {
      const found = await openRescued(toSegmentDir(dir.path, segment))
      opened.push(found)
      return found
    },
    async close() {
      for (const { store } of opened.splice(0)) await store.close()
      dir.close()
    },
  }
}

async function readNames(dir: string): Promise<string[]> {
  return (await readdir(dir).catch(ignoreMissing)) ?? []
}

async function isThere(path: string): Promise<boolean> {
  return (await stat(path).catch(ignoreMissing)) !== undefined
}

function ignoreMissing(error: unknown): undefined {
  if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
}
