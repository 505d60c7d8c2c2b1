import { toPlural } from '../../durations.js'
import { toDifference } from '../../program/recorded-sources.js'
import type { ProgramOutcome } from '../../program/replay-program.js'
import { toWord } from './shell-word.js'

/** The verdict on a program that was run again, as it is printed. @param ran which sources were run */
export function toProgramText(recording: string, outcome: ProgramOutcome, ran: 'recorded' | 'local'): string {
  const difference = toDifference(outcome.sources)
  const text = [toVerdictText(recording, outcome), ...toDerivedText(recording, outcome)].join('\n')
  return difference === undefined ? text : `${text}\n\n${difference}; the ${ran} ones were run.`
}

function toDerivedText(recording: string, { derived }: ProgramOutcome): string[] {
  if (!derived) return []
  if (derived.events === 0) return ['Its channels and containers did nothing that could be derived.']
  const count = toPlural(derived.events, 'event')
  if (!derived.kept) return [`Derived ${count}, and all of them are as they were recorded.`]
  return [`Derived ${count}. Look at them with: retroscope events ${toWord(recording)} --kind state,message`]
}

function toVerdictText(recording: string, { thread, verdict }: ProgramOutcome): string {
  const count = `${verdict.turns} turns, ${verdict.entries} entries`
  if (verdict.kind === 'exact') {
    return `Replay of thread ${thread} is exact: ${count}, every one consumed, exit code ${verdict.code}.`
  }
  if (verdict.kind === 'exact-to-the-kill') {
    return `Replay of thread ${thread} is exact to the kill: ${count}, every one consumed; from there on nothing is recorded.`
  }
  const { divergence } = verdict
  const lines = [
    `Replay of thread ${thread} diverged at turn @${divergence.turn} (last agreement: @${divergence.lastAgreement}).`,
    '',
    `  recorded  ${divergence.recorded}`,
    `  replayed  ${divergence.replayed}`,
    ...divergence.stack.slice(0, 5).map((frame, index) => `  ${index === 0 ? 'in      ' : '        '}  ${frame}`),
  ]
  if (divergence.thrown) lines.push('', `An error that only the replay threw: ${divergence.thrown}`)
  if (divergence.seq !== null) {
    lines.push('', `Look there:  retroscope events ${toWord(recording)} --to ${divergence.seq} --reverse --limit 20`)
  }
  return lines.join('\n')
}
