import type { Divergence, Verdict } from '../../replay/divergence.js'
import { toWord } from './shell-word.js'

export interface VerdictContext {
  /** The recording as it was named on the command line. */
  readonly recording: string
  readonly session: string
  readonly containers: readonly string[]
}

/** A verdict as people read it. */
export function toVerdictText(verdict: Verdict, context: VerdictContext): string {
  switch (verdict.kind) {
    case 'exact':
      return `Replay of ${context.session} is ${toExact(verdict)}: ${toCounts(verdict)}.`
    case 'stopped':
      return `Replay of ${context.session} stopped at turn @${verdict.turn}, after event ${verdict.seq}: ${toCounts(verdict)}.`
    case 'diverged':
      return toDivergenceText(verdict.divergence, context)
  }
}

function toExact({ ends, crash }: Extract<Verdict, { kind: 'exact' }>): string {
  if (ends === 'cut') return 'exact to the kill'
  return crash === null ? 'exact' : `exact, to the same crash (${crash})`
}

function toCounts({ turns, entries }: { readonly turns: number; readonly entries: number }): string {
  return `${turns} turn${turns === 1 ? '' : 's'}, ${entries} entr${entries === 1 ? 'y' : 'ies'}, every one consumed`
}

function toDivergenceText(divergence: Divergence, { recording, containers }: VerdictContext): string {
  const { turn, recorded, replayed, frame, frameIs, lastAgreement, reason, stack } = divergence
  const lines = [
    `Replay diverged at turn @${turn} (last agreement: ${lastAgreement ?? 'none'}).`,
    '',
    `  recorded  ${recorded}`,
    `  replayed  ${replayed}`,
    ...(frame === null
      ? []
      : [`  ${frameIs === 'here' ? 'in' : 'after'}${frameIs === 'here' ? '        ' : '     '}${frame}`]),
    ...(reason === null ? [] : [`  reason    ${reason}`]),
  ]
  if (stack !== null) lines.push('', 'Only the replay throws this:', ...stack.split('\n').map((line) => `  ${line}`))
  if (containers[0] === undefined) return lines.join('\n')
  const what = `${toWord(recording)} ${toWord(containers[0])}`
  return [
    ...lines,
    '',
    `See both states:  retroscope diff ${what} --from @${Math.max(0, turn - 1)} --to @${turn}`,
    `Ask for causes:   retroscope why ${what} '' --at @${turn}`,
  ].join('\n')
}
