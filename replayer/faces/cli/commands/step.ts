import { Command } from 'commander'
import type { EventName } from '../../../event-names.js'
import type { Recording } from '../../../recording.js'
import { DERIVE_OPTION } from '../derivation.js'
import { withRecording } from '../query.js'

interface Options {
  readonly derive?: true
  readonly container?: string
  readonly at: string
  readonly watch?: string
  readonly thread?: string
}

/** The stepper is a face of its own: whoever loads this command hands it in. */
export type RunStepper = (
  recording: Recording,
  options: { readonly title: string; readonly at: EventName; readonly container?: string; readonly watch?: string },
) => Promise<void>

export function defineStep(runStepper: RunStepper): Command {
  return new Command('step')
    .description('A full-screen stepper: forwards, backwards, to the next change of a value, to a moment, search.')
    .argument('<recording>', 'a directory or a packed file NAME.retro')
    .option('--container <name>', 'the container whose state is shown first')
    .option('--watch <pointer>', 'the value that n and N go to the changes of, such as /total')
    .option(
      '--at <moment>',
      'where to start: 812, @55, +3.2s, -2s (before the end), an ISO time, start, end, crash',
      'end',
    )
    .option('--thread <path>', 'the thread whose turns @55 counts')
    .option(...DERIVE_OPTION)
    .addHelpText('after', '\nExample:\n  retroscope step checkout.retro --container cart --watch /total --at crash')
    .action((path: string, { container, watch, derive, ...options }: Options) =>
      withRecording(
        path,
        async (recording) => {
          const at = await recording.resolve(options.at, { thread: options.thread })
          const title = path.replace(/\/+$/, '').split('/').at(-1) ?? path
          await runStepper(recording, {
            title,
            at,
            ...(container !== undefined && { container }),
            ...(watch !== undefined && { watch }),
          })
        },
        { derive, of: container },
      ),
    )
}
