import { Command, InvalidArgumentError, Option } from 'commander'
import { RetroscopeError } from '../../../src/errors.js'
import { printError } from './print-error.js'

/** What the recorder is asked for; it stands on the other side of the house, so the entry hands it in. */
export type RunRecord = (options: {
  readonly command: readonly string[]
  readonly out?: string
  readonly keep: 'always' | 'failure'
  readonly keepEnv: boolean
  readonly inputs: boolean
  readonly chaos?: number | true
  readonly untilFailure: boolean
  readonly maxRuns: number
  readonly sources: boolean
  readonly level: 'full' | 'off'
}) => Promise<number>

interface Asked {
  readonly out?: string
  readonly keep: 'always' | 'failure'
  readonly keepEnv: boolean
  readonly inputs: boolean
  readonly chaos?: number | true
  readonly untilFailure: boolean
  readonly maxRuns?: number
  readonly sources: boolean
  readonly level: 'full' | 'off'
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
    .option(
      '--chaos [seed]',
      'perturb the order in which things come to the program, within what Node allows',
      toWhole('A seed'),
    )
    .option('--until-failure', 'run the command again and again until it fails, and keep that recording', false)
    .option('--max-runs <n>', 'with --until-failure: at most so many runs', toWhole('A number of runs'))
    .option('--no-sources', 'leave out the source files that were loaded: a replay then needs the same files')
    .addOption(
      new Option(
        '--level <level>',
        'what else is recorded: everything, or, of channels and containers, that they exist',
      )
        .choices(['full', 'off'])
        .default('full'),
    )
    .passThroughOptions()
    .addHelpText('after', HELP)
    .action(async (command: string[], options: Asked) => {
      refuseContradiction(options)
      try {
        process.exitCode = await run({ command, ...options, maxRuns: options.maxRuns ?? Number.POSITIVE_INFINITY })
      } catch (error) {
        printError(error)
        process.exitCode = CANNOT_START
      }
    })
}

function toWhole(what: string): (text: string) => number {
  return (text) => {
    if (/^\d{1,9}$/.test(text)) return Number(text)
    throw new InvalidArgumentError(`${what} is a whole number; the command stands behind --.`)
  }
}

/** @throws USAGE */
function refuseContradiction({ inputs, chaos, untilFailure, maxRuns }: Asked): void {
  const hint = 'retroscope record --help shows an example.'
  if (maxRuns !== undefined && (!untilFailure || maxRuns === 0))
    throw new RetroscopeError('USAGE', '--max-runs limits --until-failure, to one run or more.', { hint })
  if (chaos !== undefined && !inputs)
    throw new RetroscopeError('USAGE', '--chaos perturbs inputs; with --no-inputs there are none.', { hint })
}

const HELP = `
The command keeps its stdin, stdout, stderr and signals; record's own lines go to stderr.

Exit code: the command's own; 128 + n when signal n ended it; 125 when the recording cannot be made,
126 when the command is not executable, 127 when it is not found.

Examples:
  retroscope record -- npm test
  retroscope record -o failing.retro --keep failure -- node app.js
  retroscope record -o run.retro -- node app.js && retroscope replay run.retro
  retroscope record -o rare.retro --chaos --until-failure --max-runs 100 -- npm test`
