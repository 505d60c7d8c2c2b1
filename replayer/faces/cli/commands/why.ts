import { Command } from 'commander'
import { DERIVE_OPTION } from '../derivation.js'
import { printFailure } from '../failure.js'
import { print, printJson } from '../output.js'
import { withRecording } from '../query.js'
import { toWhyJson, toWhyText } from '../why-text.js'

interface Options {
  readonly derive?: true
  readonly at: string
  readonly thread?: string
  readonly json?: true
}

export function defineWhy(): Command {
  return new Command('why')
    .description('The last write of a value, and the chain of causes that led to it, down to an input from outside.')
    .argument('<recording>', 'a directory or a packed file NAME.retro')
    .argument('<container>', 'its name, or its id such as 0.3.0')
    .argument('<pointer>', 'the value, such as /total or /items/0/price')
    .option('--at <moment>', 'a moment: 812, @55, +3.2s, -2s (before the end), an ISO time, start, end, crash', 'end')
    .option('--thread <path>', 'the thread whose turns @55 counts')
    .option(...DERIVE_OPTION)
    .option('--json', 'one JSON object (replayer/faces/cli/JSON.md)')
    .addHelpText('after', '\nExample:\n  retroscope why checkout.retro cart /total --at crash')
    .action((path: string, container: string, pointer: string, options: Options) =>
      withRecording(
        path,
        async (recording) => {
          const at = await recording.resolve(options.at, { thread: options.thread })
          const answer = await recording.why(container, pointer, { at })
          if (!answer.ok) return printFailure(`${container} ${pointer} at ${at}`, answer, options.json === true)
          if (options.json) await printJson(toWhyJson(recording, answer, at))
          else for (const line of toWhyText(recording, answer, path)) await print(line)
        },
        { derive: options.derive, of: container },
      ),
    )
}
