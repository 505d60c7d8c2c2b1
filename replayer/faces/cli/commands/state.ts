import { Command } from 'commander'
import { findAt, getAt } from '../../../../src/json/pointer.js'
import { toPlace } from '../../../places.js'
import { DERIVE_OPTION } from '../derivation.js'
import { printFailure } from '../failure.js'
import { print, printJson } from '../output.js'
import { withRecording } from '../query.js'
import { toValueText } from '../value-text.js'

interface Options {
  readonly derive?: true
  readonly at: string
  readonly path?: string
  readonly thread?: string
  readonly json?: true
}

export function defineState(): Command {
  return new Command('state')
    .description('The state of a container after a moment.')
    .argument('<recording>', 'a directory or a packed file NAME.retro')
    .argument('<container>', 'its name, or its id such as 0.3.0')
    .option('--at <moment>', 'a moment: 812, @55, +3.2s, -2s (before the end), an ISO time, start, end, crash', 'end')
    .option('--path <pointer>', 'only what stands there, such as /items/0')
    .option('--thread <path>', 'the thread whose turns @55 counts')
    .option(...DERIVE_OPTION)
    .option('--json', 'one JSON object (replayer/faces/cli/JSON.md)')
    .addHelpText(
      'after',
      '\nExamples:\n  retroscope state checkout.retro cart --at crash\n  retroscope state checkout.retro cart --at +3.2s --path /items/0',
    )
    .action((path: string, container: string, options: Options) =>
      withRecording(
        path,
        async (recording) => {
          const place = toPlace(options.path ?? '')
          const { name, pid } = await recording.process(container)
          const seq = await recording.resolve(options.at, { thread: options.thread })
          const answer = await recording.stateAt(container, seq)
          if (!answer.ok) return printFailure(`${name} at ${seq}`, answer, options.json === true)
          if (!options.json) return print(toValueText(getAt(answer.state, place)))
          const found = findAt(answer.state, place)
          await printJson({
            ok: true,
            container: name,
            pid,
            seq: answer.seq,
            ...(answer.derived !== undefined && { derived: answer.derived }),
            at: seq,
            path: place,
            found: found !== undefined,
            state: found?.value,
          })
        },
        { derive: options.derive, of: container },
      ),
    )
}
