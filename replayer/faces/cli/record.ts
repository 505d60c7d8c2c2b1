import { Command, Option } from 'commander'
import { printError } from './print-error.js'

/** What the recorder is asked for; it stands on the other side of the house, so the entry hands it in. */
export type RunRecord = (options: {
  readonly command: readonly string[]
  readonly out?: string
  readonly keep: 'always' | 'failure'
  readonly keepEnv: boolean
  readonly inputs: boolean
}) => Promise<number>

interface Asked {
  readonly out?: string
  readonly keep: 'always' | 'failure'
  readonly keepEnv: boolean
  readonly inputs: boolean
}

/** As shells and `env` have it: what ran us failed, not the command. */
const CANNOT_START = 125

/** `retroscope record`: ends with the exit code of the command that it records. */
export function defineRecord(run: RunRecord): Command {
  return new Command('record')
    .description('Run a command and record every Node process and worker that it starts.')
    .argument('<command...>', 'the command and its arguments, behind --')
    .option('-o, --out <path>', 'where to write the recording (default: recordings/TIME-COMMAND.retro)')
    .addOption(
      new Option('--keep <when>', 'keep the recording always, or only when the command fails')
        .choices(['always', 'failure'])
        .default('always'),
    )
    .option('--keep-env', 'store environment values with secret-like names as they are', false)
    .option('--no-inputs', 'leave out what the program read and was told: it can then be looked at, but not run again')
    .addOption(new Option('--inputs', 'record them: the default').hideHelp())
    .passThroughOptions()
    .addHelpText('after', HELP)
    .action(async (command: string[], options: Asked) => {
      try {
        process.exitCode = await run({ command, ...options })
      } catch (error) {
        printError(error)
        process.exitCode = CANNOT_START
      }
    })
}

const HELP = `
The command keeps its stdin, stdout, stderr and signals; record's own lines go to stderr.

Exit code: the command's own; 128 + n when signal n ended it; 125 when the recording cannot be made,
126 when the command is not executable, 127 when it is not found.

Examples:
  retroscope record -- npm test
  retroscope record -o failing.retro --keep failure -- node app.js
  retroscope record -o run.retro -- node app.js && retroscope replay run.retro`
