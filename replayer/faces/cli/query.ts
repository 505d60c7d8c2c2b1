import { InvalidArgumentError } from 'commander'
import { RetroscopeError } from '../../../src/errors.js'
import { EVENT_KINDS, type EventKind } from '../../../src/events.js'
import { type EventName, isBehind } from '../../event-names.js'
import type { Recording } from '../../recording.js'
import { toSuggestion } from '../../spelling.js'
import { type Deriving, openForQuestion } from './derivation.js'
import { flush } from './output.js'
import { toWord } from './shell-word.js'
import { paintError, toSafeLine } from './terminal.js'

/** Opens a recording, asks it, and closes it whatever happens: also on Ctrl-C, after which the signal does its work. */
export async function withRecording(
  path: string,
  ask: (recording: Recording) => Promise<void>,
  deriving: Deriving = {},
): Promise<void> {
  const recording = await openForQuestion(path, deriving)
  const interrupt = async (signal: NodeJS.Signals) => {
    await recording.close().catch(() => {})
    process.removeListener('SIGINT', interrupt)
    process.removeListener('SIGTERM', interrupt)
    process.kill(process.pid, signal)
  }
  process.on('SIGINT', interrupt)
  process.on('SIGTERM', interrupt)
  try {
    await ask(recording)
    await flush()
    warnOfDamage(recording, path)
  } finally {
    process.removeListener('SIGINT', interrupt)
    process.removeListener('SIGTERM', interrupt)
    await recording.close()
  }
}

/** The two ends of a list as seqs. @throws UNKNOWN_MOMENT, OUTSIDE; USAGE where the first stands behind the last */
export async function resolveRange(
  recording: Recording,
  { from, to, thread }: { readonly from?: string; readonly to?: string; readonly thread?: string },
): Promise<{ readonly from?: EventName; readonly to?: EventName }> {
  const first = from === undefined ? undefined : await recording.resolve(from, { thread, edge: 'first' })
  const last = to === undefined ? undefined : await recording.resolve(to, { thread })
  if (first !== undefined && last !== undefined && isBehind(first, last)) {
    throw new RetroscopeError('USAGE', `--from ${from} is event ${first}, behind --to ${to}, which is event ${last}.`, {
      hint: 'Swap them; --reverse lists the latest first.',
    })
  }
  return { ...(first === undefined ? {} : { from: first }), ...(last === undefined ? {} : { to: last }) }
}

/** Says of a list that a person looks at that it is empty because nothing is like that. */
export function noteNothing(what: string): void {
  process.stderr.write(`${paintError('yellow', 'retroscope:')} ${toSafeLine(what)}\n`)
}

/** What damage took is missing from lists of what is left, and a filter hides the gap that stands in its place. */
function warnOfDamage(recording: Recording, path: string): void {
  if (!recording.getGaps().some(({ reason }) => reason === 'damaged')) return
  const text = 'the recording is damaged, and what cannot be read is missing here.'
  process.stderr.write(`${paintError('yellow', 'retroscope:')} ${text}\nSee where: retroscope verify ${toWord(path)}\n`)
}

/** For options that take a number of things. @throws InvalidArgumentError */
export function toLimit(text: string): number {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError('It is a whole number, such as 20.')
  return Number(text)
}

/** For `--kind`, once or several times, or with commas. @throws InvalidArgumentError with what exists */
export function toKinds(text: string, before: readonly EventKind[] = []): EventKind[] {
  const kinds = text.split(',').map((word) => {
    const kind = EVENT_KINDS.find((known) => known === word.trim().toLowerCase())
    if (kind) return kind
    throw new InvalidArgumentError(`${toSuggestion(word, EVENT_KINDS)}Kinds: ${EVENT_KINDS.join(', ')}.`)
  })
  return [...before, ...kinds]
}
