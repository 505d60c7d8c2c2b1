import { closeSync, openSync, readdirSync, readFileSync, readSync, statSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { RetroscopeError } from '../errors.js'
import { makeDirectory } from './make-directory.js'

/** Format that this version writes, and the newest that it reads. */
export const FORMAT_VERSION = 1

/** First bytes of a packed recording. */
export const PACKED_MAGIC = 'RETROPAK'

/** What the file `format` of a recording says, as JSON. */
export interface RecordingFormat {
  readonly format: number
  /** µs since the Unix epoch. */
  readonly startedAtUs: number
  /** The command that was recorded, where `record` made it. */
  readonly command: readonly string[] | null
  readonly node: string
  readonly platform: string
}

export interface DetectedRecording {
  readonly form: 'directory' | 'packed'
  readonly path: string
}

/** Makes a recording directory (0700) and its `format` file (0600). @throws EXISTS when there is a recording already */
export function createFormat(dir: string, format: RecordingFormat): void {
  makeDirectory(dir)
  let file: number
  try {
    file = openSync(join(dir, 'format'), 'wx', 0o600)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw toAccessError(dir, error)
    throw new RetroscopeError('EXISTS', `${dir} holds a recording already.`, {
      hint: 'Choose another path, or remove it first.',
      cause: error,
    })
  }
  try {
    writeSync(file, `${JSON.stringify(format)}\n`)
  } finally {
    closeSync(file)
  }
}

/** Reads the `format` file of a recording directory.
 *  @throws FORMAT_TOO_NEW, NOT_FOUND, NO_PERMISSION, NOT_A_RECORDING, DAMAGED */
export function readFormat(dir: string): RecordingFormat {
  const { form } = detectRecording(dir)
  if (form === 'packed') throw notRecording(dir, 'is a packed recording, not a directory', 'Unpack it first.')
  let text: string
  try {
    text = readFileSync(join(dir, 'format'), 'utf8')
  } catch (error) {
    throw toAccessError(join(dir, 'format'), error)
  }
  return parseFormat(text, dir)
}

/** Turns the JSON of a `format` file into what it says; unknown members are kept out.
 *  @throws FORMAT_TOO_NEW or DAMAGED, naming `where` */
export function parseFormat(text: string, where: string): RecordingFormat {
  const json = parseObject(text)
  const version = json?.['format']
  if (!json || !Number.isSafeInteger(version) || (version as number) < 1) {
    throw new RetroscopeError('DAMAGED', `The format file of ${where} is no JSON object with a format number.`, {
      hint: 'Copy the recording again from where it was made.',
    })
  }
  assertReadable(version as number, where)
  const { startedAtUs, command, node, platform } = json
  return {
    format: version as number,
    startedAtUs: typeof startedAtUs === 'number' && Number.isFinite(startedAtUs) ? startedAtUs : 0,
    command: Array.isArray(command) ? command.map(String) : null,
    node: String(node ?? ''),
    platform: String(platform ?? ''),
  }
}

/** @throws FORMAT_TOO_NEW when this version cannot read that format */
export function assertReadable(version: number, where: string): void {
  if (version <= FORMAT_VERSION) return
  throw new RetroscopeError(
    'FORMAT_TOO_NEW',
    `The recording ${where} has format ${version}; this version reads up to ${FORMAT_VERSION}.`,
    { hint: 'Open it with the version that recorded it, or upgrade retroscope.' },
  )
}

/** Says which form a path has, by its first bytes and names alone.
 *  @throws NOT_FOUND, NO_PERMISSION, or NOT_A_RECORDING with what it is instead */
export function detectRecording(path: string): DetectedRecording {
  try {
    const stat = statSync(path)
    if (stat.isDirectory()) return detectDirectory(path)
    if (stat.isFile()) return detectFile(path, stat.size)
  } catch (error) {
    throw toAccessError(path, error)
  }
  throw notRecording(path, 'is neither a file nor a directory', 'Name a recording: a directory or a file NAME.retro.')
}

function detectDirectory(path: string): DetectedRecording {
  const names = readdirSync(path)
  if (names.includes('format')) return { form: 'directory', path }
  if (names.length === 0) {
    throw notRecording(path, 'is an empty directory', 'Record into it with `retroscope record -o PATH -- COMMAND`.')
  }
  if (names.includes('CURRENT') && names.some((name) => name.startsWith('MANIFEST-'))) {
    const hint = 'Name the recording itself; the databases of one stand in its directory log.'
    throw notRecording(path, 'is a LevelDB database of its own, without a format file', hint)
  }
  if (names.includes('log') || names.includes('spool')) {
    const hint = 'Copy the recording again with all its files: `format` is missing.'
    throw notRecording(path, 'has no format file', hint)
  }
  const inside = names.filter((name) => name.endsWith('.retro')).sort()
  const hint = inside.length ? `Did you mean ${join(path, inside[0]!)}?` : 'Name a recording: NAME.retro.'
  throw notRecording(path, `is a directory that retroscope did not make (it holds ${preview(names)})`, hint)
}

function detectFile(path: string, size: number): DetectedRecording {
  const head = Buffer.alloc(Math.min(size, PACKED_MAGIC.length))
  const file = openSync(path, 'r')
  try {
    readSync(file, head, 0, head.length, 0)
  } finally {
    closeSync(file)
  }
  if (head.toString('latin1') === PACKED_MAGIC) return { form: 'packed', path }
  const hint = 'A packed recording starts with the bytes RETROPAK; `retroscope pack` makes one from a directory.'
  if (size === 0) throw notRecording(path, 'is an empty file', hint)
  throw notRecording(path, `is a file that retroscope did not make (it starts with ${toSample(head)})`, hint)
}

function parseObject(text: string): Record<string, unknown> | null {
  try {
    const json: unknown = JSON.parse(text)
    return typeof json === 'object' && json !== null && !Array.isArray(json) ? (json as Record<string, unknown>) : null
  } catch {
    return null
  }
}

function toAccessError(path: string, error: unknown): unknown {
  const { code } = error as NodeJS.ErrnoException
  if (code === 'ENOENT' || code === 'ENOTDIR') {
    return new RetroscopeError('NOT_FOUND', `There is no ${path}.`, { hint: 'Check the path.', cause: error })
  }
  if (code === 'EACCES' || code === 'EPERM') {
    return new RetroscopeError('NO_PERMISSION', `The system refuses access to ${path} (${code}).`, {
      hint: 'Recordings are readable by the user who made them; open it as that user, or copy it first.',
      cause: error,
    })
  }
  return error
}

function notRecording(path: string, what: string, hint: string): RetroscopeError {
  return new RetroscopeError('NOT_A_RECORDING', `${path} ${what}.`, { hint })
}

function preview(names: readonly string[]): string {
  return names.length > 3 ? `${names.slice(0, 3).join(', ')} and ${names.length - 3} more` : names.join(', ')
}

function toSample(head: Buffer): string {
  return JSON.stringify(head.toString('latin1').replace(/[^\x20-\x7e]/g, '.'))
}
