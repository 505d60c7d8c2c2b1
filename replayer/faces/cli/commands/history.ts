import { Command } from 'commander'
import { preview } from '../../../../src/values/preview.js'
import { toRelative } from '../../../durations.js'
import { toEventName } from '../../../event-names.js'
import { toPatchText } from '../../../event-text.js'
import type { HistoryEntry, Recording } from '../../../recording.js'
import { DERIVE_OPTION } from '../derivation.js'
import { printFailure } from '../failure.js'
import { cut, getWidth, print, printJson } from '../output.js'
import { noteNothing, resolveRange, toLimit, withRecording } from '../query.js'
import { paint, toSafeLine } from '../terminal.js'

interface Options {
  readonly derive?: true
  readonly path?: string
  readonly from?: string
  readonly to?: string
  readonly thread?: string
  readonly limit?: number
  readonly reverse?: true
  readonly json?: true
}

export function defineHistory(): Command {
  return new Command('history')
    .description('Every change of a container, or of one value in it.')
    .argument('<recording>', 'a directory or a packed file NAME.retro')
    .argument('<container>', 'its name, or its id such as 0.3.0')
    .option('--path <pointer>', 'only what changed the value there, such as /total')
    .option('--from <moment>', 'first moment: 812, @55, +3.2s, -2s (before the end), an ISO time, start, end, crash')
    .option('--to <moment>', 'last moment, inclusive')
    .option('--thread <path>', 'the thread whose turns @55 counts')
    .option('--limit <count>', 'at most this many', toLimit)
    .option('--reverse', 'the latest first')
    .option(...DERIVE_OPTION)
    .option('--json', 'JSON Lines (replayer/faces/cli/JSON.md)')
    .addHelpText('after', '\nExample:\n  retroscope history checkout.retro cart --path /total --limit 20')
    .action((path: string, container: string, options: Options) =>
      withRecording(
        path,
        async (recording) => {
          const { path: place, limit, reverse } = options
          const entries = recording.history(container, {
            ...(place === undefined ? {} : { path: place }),
            ...(await resolveRange(recording, options)),
            ...(limit === undefined ? {} : { limit }),
            ...(reverse ? { reverse } : {}),
            values: place !== undefined,
          })
          let isEmpty = true
          for await (const entry of entries) {
            isEmpty = false
            if (options.json) await printJson(toJsonEntry(entry, place))
            else await print(toLine(entry, place))
          }
          if (isEmpty && limit !== 0) await explainNothing(recording, container, options)
        },
        { derive: options.derive, of: container },
      ),
    )
}

/** Nothing there, or nothing there in that range: the first is a mistake, and fails as `why` does. */
async function explainNothing(recording: Recording, container: string, { path = '', json }: Options): Promise<void> {
  const why = await recording.why(container, path)
  if (!why.ok) return printFailure(`${container} ${path}`, why, json === true)
  if (!json) noteNothing(`${container} ${path || '(whole)'} did not change in that range.`)
}

/** Without a pointer the value would be the whole state on every line: `state` answers that. */
function toJsonEntry(entry: HistoryEntry, place: string | undefined): unknown {
  if (place !== undefined) return entry
  const { value: _value, ...rest } = entry
  return rest
}

function toLine(entry: HistoryEntry, place: string | undefined): string {
  const seq = toEventName(entry).padStart(7)
  const time = toRelative(entry.timeUs).padStart(9)
  const change = entry.patch === null ? 'whole state' : toPatchText(entry.patch)
  const note = entry.coalesced ? ' [coalesced]' : ''
  const text = place === undefined ? `${change}${note}` : `${preview(entry.value, 60)}  by ${change}${note}`
  return `${paint('bold', seq)}  ${paint('gray', time)}  ${cut(toSafeLine(text), getWidth() - 20)}`
}
