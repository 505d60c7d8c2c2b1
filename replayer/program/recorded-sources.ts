import { createHash } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { TapeHead } from '../../src/boundary/node/head.js'
import { isCode } from '../../src/boundary/node/sources.js'
import { RetroscopeError } from '../../src/errors.js'
import type { LogReader, ThreadInfo } from '../../src/log/reader.js'
import { HASH_BYTES } from '../../src/spool/source-frame.js'
import { type Flag, readFlags, splitOptions, TEXT } from './node-flags.js'
import { StandingFiles } from './standing-files.js'
import type { TapedThread } from './taped-threads.js'

/** Which sources of a thread are not as they are here. */
export interface SourceReport {
  /** Files of code that the thread loaded. */
  readonly files: number
  readonly changed: readonly string[]
  readonly missing: readonly string[]
}

export interface SourceOptions {
  /** Run the source files that stand here instead of those that were recorded. */
  readonly local: boolean
  /** Run recorded sources that do not stand here as they are. */
  readonly trust: boolean
  /** Path of the recording. */
  readonly recording: string
  /** Whether the recording was made here, by this user: its text and its module hooks are the user's own. */
  readonly own: boolean
}

/** Options whose value is code, or a place outside from which code comes. */
const BRING_CODE: ReadonlySet<string> = new Set(['eval', 'print', 'experimental-network-imports'])

/** Options whose value is a word of the program's own, and loads nothing whatever it looks like. */
const PLAIN: ReadonlySet<string> = new Set([
  ...['conditions', 'disable-warning', 'experimental-test-tag-filter', 'test-name-pattern', 'test-skip-pattern'],
  ...['bench-name-pattern', 'title', 'tls-cipher-list'],
])

/** Whether a thread's own words bring code along: a text, a module that stands in its address, options where the script
 *  should be, or no script at all, whose code then comes from stdin. */
function bringsCode({ worker, execArgv, argv, env }: TapeHead): boolean {
  const words = [...splitOptions(env['NODE_OPTIONS'] ?? ''), ...(worker?.execArgv ?? execArgv)]
  const flags = readFlags(words).filter(({ name, fate }) => fate !== 'dropped' && !(worker && TEXT.has(name)))
  if (flags.some((flag) => BRING_CODE.has(flag.name) || isValueCode(flag))) return true
  if (worker) return worker.kind === 'text' || isAddress(worker.file)
  const script = argv[1]
  if (!script) return !isOn(flags, 'test')
  return isCommand(script) || isAddress(script)
}

/** What stands in a word of its own may be the script to a Node that expects no value there. */
function isValueCode({ name, words, value }: Flag): boolean {
  if (value === undefined) return false
  if (words.length > 1 && (value === '' || isCommand(value))) return true
  return !PLAIN.has(name) && isAddress(value)
}

/** What Node takes for something else than a script: options, `-` for stdin, and its own debugger, which runs what it
 *  reads from there. */
function isCommand(word: string): boolean {
  return word.startsWith('-') || word === 'inspect'
}

/** Whether the loader takes it for a URL of something that is neither a file nor Node's own. */
function isAddress(word: string): boolean {
  return URL.canParse(word) && !/^(?:file|node):$/.test(new URL(word).protocol)
}

/** The last one wins. */
function isOn(flags: readonly Flag[], name: string): boolean {
  const last = flags.findLast((flag) => flag.name === name)
  return last !== undefined && !last.isOff && last.value === undefined
}

/** Code that stands in no file: on the command line, or given to a worker as text. There is nothing to compare it with.
 *  @throws UNTRUSTED where the recording was not made here and nobody trusts it */
export function checkText({ thread, head }: TapedThread, { trust, own }: SourceOptions): void {
  if (trust || own || !bringsCode(head)) return
  throw new RetroscopeError('UNTRUSTED', `Thread ${thread.path} runs code that stands in no file but in its command.`, {
    hint: 'The recording was not made here by you. If you trust whoever made it, run it with --trust. `retroscope info` shows the command.',
  })
}

/** Compares what a thread loaded with the files here, and puts it into a directory, by hash.
 *  @throws UNTRUSTED where that would run code that does not stand here; NO_SOURCE where a source is nowhere */
export async function layOutSources(
  log: LogReader,
  { no }: ThreadInfo,
  dir: string,
  { local, trust, recording }: SourceOptions,
): Promise<SourceReport> {
  mkdirSync(dir, { mode: 0o700 })
  const files = new StandingFiles([recording, dirname(dir)])
  const code = new Set<string>()
  const [changed, missing, lost] = [new Set<string>(), new Set<string>(), new Set<string>()]
  for await (const { path, hash } of log.sources(no)) {
    const here = files.read(path)
    const same = here && findSame(here, hash)
    if (isCode(path)) {
      code.add(path)
      if (!same) (here ? changed : missing).add(path)
    }
    const bytes = same ?? (await log.source(hash)) ?? (local ? here : undefined)
    if (bytes) writeFileSync(join(dir, hash), bytes, { mode: 0o600 })
    else lost.add(path)
  }
  const report = { files: code.size, changed: [...changed].sort(), missing: [...missing].sort() }
  if (lost.size > 0) throw toLost([...lost].sort(), changed)
  // Where a file is missing, local sources are the recorded ones.
  if (!trust && missing.size + (local ? 0 : changed.size) > 0) throw toUntrusted(report)
  return report
}

/** What a program got as text was that already before it was hashed: no byte of another encoding is left. */
function findSame(bytes: Buffer, hash: string): Buffer | undefined {
  if (toHash(bytes) === hash) return bytes
  const text = Buffer.from(bytes.toString())
  return toHash(text) === hash ? text : undefined
}

function toHash(bytes: Buffer): string {
  return createHash('sha256')
    .update(bytes)
    .digest('hex')
    .slice(0, HASH_BYTES * 2)
}

const SHOWN = 3

/** The first few, and how many more there are. */
function toList(paths: readonly string[]): string {
  const more = paths.length - SHOWN
  return `${paths.slice(0, SHOWN).join(', ')}${more > 0 ? ` and ${more} more` : ''}`
}

/** Which sources differ, in words; undefined where none does. */
export function toDifference({ files, changed, missing }: SourceReport): string | undefined {
  const count = changed.length + missing.length
  if (count === 0) return undefined
  const parts = [
    changed.length > 0 && `changed: ${toList(changed)}`,
    missing.length > 0 && `missing: ${toList(missing)}`,
  ].filter(Boolean)
  return `${count} of ${files} recorded sources ${count === 1 ? 'does' : 'do'} not stand here as recorded (${parts.join('; ')})`
}

const HINT =
  'If you trust whoever made the recording, run its own sources with --trust. ' +
  'To see what the files here do with its inputs, use --sources local.'

function toUntrusted(report: SourceReport): RetroscopeError {
  return new RetroscopeError('UNTRUSTED', `${toDifference(report)}.`, {
    hint: HINT,
  })
}

/** Of code that the recording does not list among its sources. */
export function toRefused(what: string): RetroscopeError {
  return new RetroscopeError('UNTRUSTED', `The recording has ${what}.`, { hint: HINT })
}

function toLost(lost: readonly string[], changed: ReadonlySet<string>): RetroscopeError {
  const here = lost.map((path) => `${path} (${changed.has(path) ? 'changed here' : 'missing here'})`)
  return new RetroscopeError(
    'NO_SOURCE',
    `The recording does not hold ${lost.length} of its sources: ${toList(here)}.`,
    {
      hint: 'It was made with --no-sources, or is damaged. Check out what was recorded, then replay it again.',
    },
  )
}
