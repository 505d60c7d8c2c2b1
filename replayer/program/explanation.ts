import type { TapeHead } from '../../src/boundary/node/head.js'
import { getUserFrames } from '../../src/boundary/realm/frames.js'
import type { LogReader } from '../../src/log/reader.js'
import { toPlace, toUserStack } from '../source-lines.js'
import { type Given, toDifference } from './difference.js'
import {
  type MetDivergence,
  NOWHERE,
  type ProgramDivergence,
  type SaidDivergence,
  type Shown,
  type Standing,
} from './divergence.js'
import type { TapedThread } from './taped-threads.js'

export interface Circumstances {
  /** What the recorded program did there, where that is known. */
  readonly shown: Shown | undefined
  /** Source files that ran and are not those of the recording. */
  readonly changed: readonly string[]
}

/** What a divergence says: the user's own lines, the bytes that differ, the likely reason. */
export async function explain(
  log: LogReader,
  taped: TapedThread,
  { divergence, standing, thrown }: SaidDivergence,
  { shown, changed }: Circumstances,
): Promise<ProgramDivergence> {
  const { entry: _, given, ...met } = divergence
  const recorded = given && (findSame(shown, given.recorded) ?? given.recorded)
  const isOwn = thrown !== undefined && !(await hasCrashed(log, taped, thrown.text))
  const error = isOwn ? toError(thrown, standing) : undefined
  const before = shown?.turn === met.turn ? shown.standing : NOWHERE
  return {
    ...met,
    stack: toPlaces(standing),
    recordedStack: toPlaces(before),
    frame: toFrame(standing) ?? error?.frame ?? null,
    recordedFrame: toFrame(before),
    bytes: given && recorded ? toDifference(recorded, given.replayed) : null,
    reason: findReason(divergence, taped, changed),
    ...(error && { thrown: error.text }),
  }
}

/** An error, and the line of the program's that threw it. */
function toError({ text, raw }: NonNullable<SaidDivergence['thrown']>, { maps }: Standing) {
  const stack = getUserFrames(text)
  const [shown] = text.split(/\n\s+at /, 1)
  if (raw) return { text: toUserStack(text, maps), frame: toFrame({ stack, maps }) }
  return { text: [shown, ...stack.map((line) => `    at ${line}`)].join('\n'), frame: stack[0] ?? null }
}

function toPlaces({ stack, maps }: Standing): string[] {
  return stack.map((frame) => toPlace(frame, maps))
}

/** The bytes that a length and a CRC stand for. */
function findSame(shown: Shown | undefined, { is, length, crc }: Given): Given | undefined {
  return shown?.given.find((one) => one.is === is && one.length === length && one.crc === crc)
}

/** The nearest line that is no library's, else the nearest. */
function toFrame({ stack, maps }: Standing): string | null {
  const frame = stack.find((line) => !/[\\/]node_modules[\\/]/.test(line)) ?? stack[0]
  return frame === undefined ? null : toPlace(frame, maps)
}

/** Whether the recorded thread ended of that error, too. */
async function hasCrashed(log: LogReader, { thread }: TapedThread, text: string): Promise<boolean> {
  for await (const { kind, body, subject } of log.events({ thread: thread.no, kinds: ['process'] })) {
    if (kind !== 'process' || body.op !== 'crash' || subject !== 0) continue
    if (body.error && text.includes(body.error.message)) return true
  }
  return false
}

function findReason(
  { replayed, given }: MetDivergence,
  { head, assumed }: TapedThread,
  changed: readonly string[],
): string | null {
  if (/which is not fed$/.test(replayed))
    return 'a replay opens nothing real, and that way is not fed from the recording'
  const hidden = head.hidden ?? []
  const met = hidden.filter((name) => holds(given?.replayed, head.env[name]))
  if (met.length > 0) {
    return `${met.join(', ')} is a secret: a token stands for it in the recording (--keep-env records it as it is)`
  }
  if (changed.length > 0) return `the local file differs from the recorded one: ${changed.join(', ')}`
  if (hidden.length > 0) {
    return `it may be that the program depends on a secret, for which the recording has a token: ${hidden.join(', ')}`
  }
  if (assumed.length > 0)
    return `it may be what this version does not know, and recorded as it could: ${assumed.join(', ')}`
  return null
}

function holds(given: Given | undefined, token: TapeHead['env'][string] | undefined): boolean {
  return Boolean(token && given?.data && Buffer.from(given.data, 'base64').includes(token))
}
