import { lstatSync, readdirSync } from 'node:fs'
import { join, relative } from 'node:path'
import type { ThreadPath } from '../src/ids.js'
import { openLog } from '../src/log/open.js'

/** What a recording holds, in numbers. */
export interface Totals {
  readonly events: number
  readonly threads: number
  readonly gaps: number
  readonly unrecorded: number
  /** What threads used that is not fed, and what is recorded without being known, by the thread's path. */
  readonly met: readonly (readonly [op: 'observed' | 'assumed', path: ThreadPath, call: string])[]
}

/** Counts a recording that is finished. */
export async function loadTotals(recording: string): Promise<Totals> {
  const log = await openLog(recording)
  try {
    const unrecorded = new Set<string>()
    const met: Totals['met'][number][] = []
    for await (const event of log.events({ kinds: ['process'] })) {
      if (event.kind !== 'process') continue
      const { body } = event
      if (body.op === 'child' && body.unrecorded) unrecorded.add(body.path)
      if ((body.op === 'observed' || body.op === 'assumed') && event.subject === 0) {
        met.push([body.op, log.threads()[event.thread]!.path, body.call])
      }
    }
    const { endSeq: events } = log
    return { events, threads: log.threads().length, gaps: log.gaps().length, unrecorded: unrecorded.size, met }
  } finally {
    await log.close()
  }
}

/** One line: where the recording is, what it holds, and the next command, ready to be pasted into a shell. */
export function toClosingLine(recording: string, totals: Totals): string {
  const path = toShortPath(recording)
  const threads = totals.threads === 1 ? '' : ` of ${totals.threads} threads`
  const missing = [
    totals.unrecorded > 0 && `${totals.unrecorded} ${totals.unrecorded === 1 ? 'child' : 'children'} not recorded`,
    totals.gaps > 0 && `${totals.gaps} ${totals.gaps === 1 ? 'gap' : 'gaps'}`,
  ].filter(Boolean)
  const events = `${totals.events.toLocaleString('en')} ${totals.events === 1 ? 'event' : 'events'}${threads}`
  const what = [events, toBytesText(measure(recording)), ...missing].join(', ')
  return `recorded ${path} (${what}). Look at it with: retroscope info ${toShellWord(path)}`
}

/** One line for what cannot be run again, and one for what may not be: none where all is fed. */
export function toFidelityLines({ met }: Totals): string[] {
  const list = (wanted: string): string =>
    met
      .filter(([op]) => op === wanted)
      .map(([, path, call]) => `${call} (thread ${path})`)
      .join(', ')
  const [observed, assumed] = [list('observed'), list('assumed')]
  return [
    ...(observed ? [`not fed: ${observed}. Such a thread cannot be run again, only looked at`] : []),
    ...(assumed ? [`not known: ${assumed}. What it answered is recorded; whether that is all is not known`] : []),
  ]
}

/** DESIGN §10: what a recording holds is for those who may see the run. */
export const DATA_NOTE =
  'a recording holds data of the run (messages, states, command lines); secrets are redacted by their names only. ' +
  'Share it as you would share the data.'

/** The same of a recording that holds inputs: what a program read is kept as it was, or it could not be fed again. */
export const INPUTS_NOTE =
  'this recording holds the inputs of the run as they were: bytes read from files, sockets and stdin, arguments and ' +
  'messages are not redacted. Share it as you would share the secrets in them.'

/** Size on disk as files say it, in bytes. */
function measure(dir: string): number {
  let bytes = 0
  for (const name of readdirSync(dir, { recursive: true, encoding: 'utf8' })) {
    const stat = lstatSync(join(dir, name), { throwIfNoEntry: false })
    if (stat?.isFile()) bytes += stat.size
  }
  return bytes
}

function toBytesText(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`
  return bytes < 1024 * 1024 ? `${(bytes / 1024).toFixed(0)} KB` : `${(bytes / 1024 / 1024).toFixed(1)} MB`
}

/** As seen from here, where that is inside. */
export function toShortPath(path: string): string {
  const short = relative(process.cwd(), path)
  return short === '' || short.startsWith('..') ? path : short
}

/** Quoted for a POSIX shell where it has to be. */
export function toShellWord(word: string): string {
  return /^[\w./@%+=:,-]+$/.test(word) && !word.startsWith('-') ? word : `'${word.replaceAll("'", "'\\''")}'`
}
