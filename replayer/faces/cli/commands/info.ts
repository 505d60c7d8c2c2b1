import { Command } from 'commander'
import { toInfoScreen } from '../info-screen.js'
import { print, printJson } from '../output.js'
import { Spinner } from '../progress.js'
import { withRecording } from '../query.js'

export function defineInfo(): Command {
  return new Command('info')
    .description('What a recording is: program, times, threads, processes, counts, size, fidelity, how it ended.')
    .argument('<recording>', 'a directory or a packed file NAME.retro')
    .option('--json', 'one JSON object (replayer/faces/cli/JSON.md)')
    .addHelpText('after', '\nExample:\n  retroscope info checkout.retro')
    .action((path: string, options: { json?: true }) =>
      withRecording(path, async (recording) => {
        const spinner = new Spinner('counting')
        const { endSeq } = recording.getSpan()
        const info = await recording.info((seq) => spinner.update(`event ${seq + 1} of ${endSeq}`))
        spinner.end()
        if (options.json) await printJson(info)
        else await print(await toInfoScreen(recording, info, path))
      }),
    )
}
