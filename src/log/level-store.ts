import { chmodSync, mkdirSync, readdirSync, realpathSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { crc32 } from 'node:zlib'
import type { Level } from 'level'
import { RetroscopeError } from '../errors.js'
import type { Batch, Entry, Range, WritableKeyValue } from './key-value.js'

/** Bytes that each stored value carries at its end: the CRC-32 of its key followed by the value, little-endian. The key
 *  is in it because LevelDB as shipped checks neither, and a flipped bit in a key would give a right value to a wrong
 *  question. */
export const VALUE_CRC_BYTES = 4

/** FINDINGS §1: doubles the rate of ingest against the default of 4 MB. */
const WRITE_BUFFER_BYTES = 16 << 20

/** What one step of a scan may hold in memory, beyond the value that crosses it. */
const SCAN_STEP_BYTES = 1 << 20
const SCAN_STEP_ENTRIES = 256

/** New files appear when the write buffer is full; looking for them this often costs nothing that can be measured. */
const BYTES_BETWEEN_CHMODS = 4 << 20

/** LevelDB 1.20 refuses a second opener of the same process only after opening and closing the lock file, and by POSIX
 *  that close frees the first opener's lock for every other process. So the second one must never get that far. */
const opened = new Set<string>()

/** What is kept for the next batch's values, which is a little more than a commit of the collector's. */
const MAX_KEPT_BYTES = 16 << 20

const NOTHING = new Uint8Array(0)

type Operation = { type: 'put'; key: Uint8Array; value: Uint8Array } | { type: 'del'; key: Uint8Array }

type Database = Level<Uint8Array, Uint8Array>

export interface LevelStoreOptions {
  /** Make the database when there is none. */
  readonly create?: boolean
  /** Refuse `write`. LevelDB itself writes into every directory that it opens: open a snapshot (`openSnapshot`), never
   *  somebody's recording. */
  readonly readOnly?: boolean
}

/** Opens one LevelDB directory, files 0600 and directory 0700. The addon is loaded on the first call, not on import.
 *  After a write that failed (WRITE_FAILED: the disk is full), every further one fails until it is closed and opened again.
 *  @throws LOCKED when another opener has it, in this process or any other
 *  @throws DAMAGED when LevelDB refuses its own files
 *  @throws NOT_FOUND when there is no database and `create` was not asked for */
export async function openLevelStore(dir: string, options: LevelStoreOptions = {}): Promise<WritableKeyValue> {
  if (options.create) mkdirSync(dir, { recursive: true, mode: 0o700 })
  const path = toRealPath(dir)
  if (opened.has(path)) throw toLocked(dir, undefined)
  opened.add(path)
  try {
    return new LevelStore(await openDatabase(dir, options), { dir, path, readOnly: options.readOnly === true })
  } catch (error) {
    opened.delete(path)
    throw toOpenError(dir, error)
  }
}

async function openDatabase(dir: string, options: LevelStoreOptions): Promise<Database> {
  const { Level } = await import('level')
  const db: Database = new Level<Uint8Array, Uint8Array>(dir, {
    keyEncoding: 'view',
    valueEncoding: 'view',
    createIfMissing: options.create === true,
    compression: true,
    writeBufferSize: WRITE_BUFFER_BYTES,
  })
  await db.open()
  return db
}

/** Of a directory that need not exist. */
function toRealPath(dir: string): string {
  try {
    return realpathSync(dir)
  } catch {
    return resolve(dir)
  }
}

/** Rebuilds a LevelDB from what is readable of its files; keys that were deleted may come back. Changes the directory:
 *  give it a copy. @throws DAMAGED when not even that works */
export async function repairLevelStore(dir: string): Promise<void> {
  const { Level } = await import('level')
  try {
    await (Level as unknown as Repairing).repair(dir)
  } catch (error) {
    throw new RetroscopeError('DAMAGED', `The database ${dir} cannot be repaired: ${toText(error)}.`, { cause: error })
  }
}

/** On Node `level` is classic-level's class, whose static `repair` the types of `level` leave out. */
interface Repairing {
  repair(dir: string): Promise<void>
}

class LevelStore implements WritableKeyValue {
  readonly #db: Database
  readonly #dir: string
  readonly #path: string
  readonly #readOnly: boolean
  /** A batch that failed half-way leaves a torn record in LevelDB's log. It would be skipped on recovery, and with it
   *  every batch behind it in the same block: so none may follow before the database was opened again. */
  #failure: RetroscopeError | undefined
  #sinceChmod = 0
  #room: Uint8Array = NOTHING
  #closed = false

  constructor(db: Database, options: { readonly dir: string; readonly path: string; readonly readOnly: boolean }) {
    this.#db = db
    this.#dir = options.dir
    this.#path = options.path
    this.#readOnly = options.readOnly
    this.#tighten()
  }

  async get(key: Uint8Array): Promise<Uint8Array | null | undefined> {
    try {
      const stored = await this.#db.get(key)
      return stored === undefined ? undefined : unseal(key, stored)
    } catch (error) {
      if (isCorruption(error)) return null
      throw toReadError(this.#dir, error)
    }
  }

  async *range(range: Range): AsyncGenerator<Entry> {
    const iterator = this.#db.iterator({ ...range, highWaterMarkBytes: SCAN_STEP_BYTES })
    try {
      for (;;) {
        const step = await iterator.nextv(SCAN_STEP_ENTRIES)
        if (step.length === 0) return
        for (const [key, stored] of step) yield { key, value: unseal(key, stored) }
      }
    } catch (error) {
      throw toReadError(this.#dir, error)
    } finally {
      await iterator.close()
    }
  }

  async write(batch: Batch): Promise<void> {
    if (this.#readOnly) throw new RetroscopeError('INTERNAL', `${this.#dir} was opened for reading.`)
    if (this.#failure) throw this.#failure
    const { operations, room } = this.#seal(batch)
    try {
      await this.#db.batch<Uint8Array, Uint8Array>(operations, {})
    } catch (error) {
      this.#failure = toWriteError(this.#dir, error)
      throw this.#failure
    }
    if (room.length <= MAX_KEPT_BYTES) this.#room = room
    if (this.#sinceChmod >= BYTES_BETWEEN_CHMODS) this.#tighten()
  }

  /** Copies values, each with its checksum, into memory that serves again when the batch is written. */
  #seal(batch: Batch): { readonly operations: Operation[]; readonly room: Uint8Array } {
    let bytes = 0
    for (const { value } of batch.put) bytes += value.length + VALUE_CRC_BYTES
    this.#sinceChmod += bytes
    const room = this.#room.length >= bytes ? this.#room : allocate(bytes)
    // Another write may begin before this one ends.
    this.#room = NOTHING
    const operations: Operation[] = []
    let at = 0
    for (const { key, value } of batch.put) {
      const stored = room.subarray(at, at + value.length + VALUE_CRC_BYTES)
      seal(key, value, stored)
      operations.push({ type: 'put', key, value: stored })
      at += stored.length
    }
    for (const key of batch.lost ?? []) operations.push({ type: 'put', key, value: sealLost(key) })
    for (const key of batch.del ?? []) operations.push({ type: 'del', key })
    return { operations, room }
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    await this.#db.close()
    opened.delete(this.#path)
    this.#tighten()
  }

  /** LevelDB creates its files with the process's umask, which isn't ours to change: a child would inherit it. Until a
   *  file is met here, the directory's 0700 protects it. */
  #tighten(): void {
    this.#sinceChmod = 0
    try {
      chmodSync(this.#dir, 0o700)
      for (const name of readdirSync(this.#dir)) chmodOwn(join(this.#dir, name), this.#readOnly)
    } catch {
      // Another owner's directory, which its owner has protected or not.
    }
  }
}

/** In a snapshot a file of more than one name is the recording's own, whose mode is its owner's business. */
function chmodOwn(path: string, isSnapshot: boolean): void {
  try {
    if (!isSnapshot || statSync(path).nlink === 1) chmodSync(path, 0o600)
  } catch {
    // A compaction removed it meanwhile.
  }
}

function seal(key: Uint8Array, value: Uint8Array, stored: Uint8Array): void {
  const at = value.length
  stored.set(value)
  const crc = crc32(value, crc32(key))
  stored[at] = crc
  stored[at + 1] = crc >>> 8
  stored[at + 2] = crc >>> 16
  stored[at + 3] = crc >>> 24
}

/** A value that no check can pass: an empty one with the complement of its checksum. */
function sealLost(key: Uint8Array): Uint8Array {
  const stored = new Uint8Array(VALUE_CRC_BYTES)
  seal(key, NOTHING, stored)
  return stored.map((byte) => byte ^ 0xff)
}

/** Not zeroed; larger than asked for, so that the next batch fits too. */
function allocate(bytes: number): Uint8Array {
  return new Uint8Array(Buffer.allocUnsafeSlow(Math.ceil(bytes * 1.25)).buffer)
}

function unseal(key: Uint8Array, stored: Uint8Array): Uint8Array | null {
  const length = stored.length - VALUE_CRC_BYTES
  if (length < 0) return null
  const value = stored.subarray(0, length)
  const found = new DataView(stored.buffer, stored.byteOffset + length, VALUE_CRC_BYTES).getUint32(0, true)
  return crc32(value, crc32(key)) === found ? value : null
}

function toLocked(dir: string, cause: unknown): RetroscopeError {
  return new RetroscopeError('LOCKED', `The database ${dir} is open already, in this process or another.`, {
    hint: 'Reading needs no lock; to write, wait until the other one has ended.',
    cause,
  })
}

function toOpenError(dir: string, error: unknown): RetroscopeError {
  const cause = (error as { cause?: { code?: string } }).cause
  if (cause?.code === 'LEVEL_LOCKED') return toLocked(dir, error)
  const text = toText(cause ?? error)
  if (/does not exist \(create_if_missing is false\)/.test(text)) {
    return new RetroscopeError('NOT_FOUND', `There is no database in ${dir}.`, { cause: error })
  }
  if (/Permission denied/i.test(text)) {
    return new RetroscopeError('NO_PERMISSION', `The system refuses to open the database ${dir}: ${text}.`, {
      hint: 'Read it as the user who recorded it, or copy it to a place of your own.',
      cause: error,
    })
  }
  return new RetroscopeError('DAMAGED', `The database ${dir} does not open: ${text}.`, {
    hint: 'Run `retroscope verify` on the recording to see what is still readable.',
    cause: error,
  })
}

function toReadError(dir: string, error: unknown): RetroscopeError {
  if (error instanceof RetroscopeError) return error
  if ((error as { code?: string }).code === 'LEVEL_DATABASE_NOT_OPEN') {
    return new RetroscopeError('CLOSED', `The database ${dir} was closed.`, { cause: error })
  }
  return new RetroscopeError('DAMAGED', `A part of the database ${dir} cannot be read: ${toText(error)}.`, {
    hint: 'Run `retroscope verify` on the recording to see what is still readable.',
    cause: error,
  })
}

function toWriteError(dir: string, error: unknown): RetroscopeError {
  if ((error as { code?: string }).code === 'LEVEL_DATABASE_NOT_OPEN') {
    return new RetroscopeError('CLOSED', `The database ${dir} was closed.`, { cause: error })
  }
  return new RetroscopeError('WRITE_FAILED', `The database ${dir} cannot be written: ${toText(error)}.`, {
    hint: 'Make room on the disk. What was written before is kept.',
    cause: error,
  })
}

function isCorruption(error: unknown): boolean {
  const { code } = error as { code?: string }
  return code === 'LEVEL_CORRUPTION' || code === 'LEVEL_IO_ERROR'
}

function toText(error: unknown): string {
  return error instanceof Error ? error.message.replace(/\.$/, '') : String(error)
}
