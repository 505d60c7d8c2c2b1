import { toPlural } from '../../durations.js'
import type { ProgramDivergence, Stopped } from '../../program/divergence.js'
import { toDifference } from '../../program/recorded-sources.js'
import type { ChosenThread, ThreadOutcome } from '../../program/replay-program.js'
import { toBytesLines } from './bytes-text.js'
import { toWord } from './shell-word.js'

/** Which thread runs, and why that one. */
export function toStartText({ path, command, failed }: ChosenThread): string {
  return `Replaying thread ${path} (${command})${failed === undefined ? '' : `, the one that failed: ${failed}`}.`
}

/** Where debuggers find a program that waits. Its first line is what Node prints, too: tools look for that. */
export function toHeldText(place: string, address: string): string {
  const { host, port } = new URL(address)
  return [
    `Debugger listening on ${address}`,
    `The program stands at ${place}, and goes on when a debugger resumes it:`,
    `chrome://inspect in Chrome, VS Code attached to port ${port}, or in a terminal: node inspect ${host}`,
    'Ctrl-C ends it.',
  ].join('\n')
}

export const MISSED = 'No debugger was waited for: no line of the program’s own runs from there to its end.'

/** The verdict on a program that was run again, as it is printed. @param ran which sources were run */
export function toProgramText(recording: string, outcome: ThreadOutcome, ran: 'recorded' | 'local'): string {
  const difference = toDifference(outcome.sources)
  const lines = [toVerdictText(recording, outcome), ...toInheritedLines(outcome), ...toDerivedText(recording, outcome)]
  const text = lines.join('\n')
  return difference === undefined ? text : `${text}\n\n${difference}; the ${ran} ones were run.`
}

function toDerivedText(recording: string, { derived }: ThreadOutcome): string[] {
  if (!derived) return []
  if (derived.events === 0) return ['Its channels and containers did nothing that could be derived.']
  const count = toPlural(derived.events, 'event')
  if (!derived.kept) return [`Derived ${count}, and all of them are as they were recorded.`]
  return [`Derived ${count}. Look at them with: retroscope events ${toWord(recording)} --kind state,message`]
}

const STREAMS: Readonly<Record<number, string>> = { 1: 'stdout', 2: 'stderr' }

/** What is said of the thread is not said of what its children wrote to the same place. */
function toInheritedLines({ inherited }: ThreadOutcome): string[] {
  if (inherited.length === 0) return []
  const lines = inherited.map(({ thread, command, fd, bytes }) => {
    const who = thread === null ? command : `thread ${thread} (${command})`
    return `  ${STREAMS[fd]}  ${bytes === null ? 'not recorded' : `${bytes} bytes`}  by ${who}`
  })
  return ['Not counted in, because children wrote it:', ...lines]
}

const toTurn = (turn: number | null): string => (turn === null ? 'none' : `@${turn}`)

/** Where both did something else, the recorded program's line too. */
function toFrameLines({ frame, recordedFrame, stack }: ProgramDivergence): string[] {
  const lines: string[] = []
  if (recordedFrame !== null && recordedFrame !== frame) lines.push(`  recorded in  ${recordedFrame}`)
  if (frame === null) return lines
  lines.push(`  in        ${frame}`)
  const rest = stack.filter((line) => line !== frame).slice(0, 4)
  return [...lines, ...rest.map((line) => `            ${line}`)]
}

function toVerdictText(recording: string, { thread, verdict }: ThreadOutcome): string {
  if (verdict.kind === 'refused') {
    return [`Replay of thread ${thread} is refused: ${verdict.message}`, verdict.hint ?? []].flat().join(' ')
  }
  const count = `${verdict.turns} turns, ${verdict.entries} entries`
  if (verdict.kind === 'exact') {
    return `Replay of thread ${thread} is exact: ${count}, every one consumed, exit code ${verdict.code}.`
  }
  if (verdict.kind === 'exact-to-the-kill') {
    return `Replay of thread ${thread} is exact to the kill: ${count}, every one consumed; from there on nothing is recorded.`
  }
  if (verdict.kind === 'stopped') return toStoppedText(recording, thread, count, verdict)
  const { divergence } = verdict
  const lines = [
    `Replay of thread ${thread} diverged at turn @${divergence.turn} (last agreement: ${toTurn(divergence.lastAgreement)}).`,
    '',
    `  recorded  ${divergence.recorded}`,
    `  replayed  ${divergence.replayed}`,
    ...toFrameLines(divergence),
  ]
  if (divergence.bytes) lines.push('', ...toBytesLines(divergence.bytes))
  if (divergence.thrown) lines.push('', `An error that only the replay threw: ${divergence.thrown}`)
  if (divergence.reason) lines.push('', `Likely reason: ${divergence.reason}.`)
  if (divergence.seq !== null) {
    lines.push('', `Look there:  retroscope events ${toWord(recording)} --to ${divergence.seq} --reverse --limit 20`)
  }
  return lines.join('\n')
}

function toStoppedText(recording: string, thread: string, count: string, { turn, seq, left }: Stopped): string {
  return [
    `Replay of thread ${thread} stopped behind turn @${turn} (event ${seq}): ${count}, every one consumed; ${left} turn${left === 1 ? ' is' : 's are'} left.`,
    '',
    `What comes next:  retroscope events ${toWord(recording)} --thread ${thread} --from ${seq + 1} --limit 20`,
  ].join('\n')
}
