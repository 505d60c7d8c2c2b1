import { readFileSync } from 'node:fs'
import { Command } from 'commander'
import { Interrupted } from '../../program/interruption.js'
import { printError } from './print-error.js'
import { throwUsage } from './usage.js'

/** `load` brings the definition (arguments, options, help with an example, action). An action throws RetroscopeError,
 *  and sets `process.exitCode` where it ends otherwise than by 0. */
export interface Entry {
  readonly summary: string
  readonly load: () => Promise<Command>
}

/** By name, in the order of the help. Loaded only when asked for: a query pays for no other command. */
export type Commands = Readonly<Record<string, Entry>>

/** Runs one command line and sets the exit code. Prints every error itself; never rejects. */
export async function runProgram(commands: Commands, words: readonly string[]): Promise<void> {
  try {
    const program = await buildProgram(commands, findAsked(words))
    if (words.length === 0) program.outputHelp()
    else await program.parseAsync([...words], { from: 'user' })
  } catch (error) {
    if (error instanceof Interrupted) process.kill(process.pid, error.signal)
    else process.exitCode = printError(error, isJsonAsked(words))
  }
}

async function buildProgram(commands: Commands, asked: string | undefined): Promise<Command> {
  const program = new Command('retroscope')
    .description('Time-travel debugging for Node and TypeScript: record a run once, ask it anything later.')
    .version(readVersion(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'show this help')
    .enablePositionalOptions()
  for (const [name, entry] of Object.entries(commands)) {
    const command = name === asked ? await entry.load() : new Command(name)
    program.addCommand(command.summary(entry.summary).helpOption('-h, --help', 'show this help'))
  }
  program.addHelpText('after', '\nretroscope COMMAND --help shows a command with an example.')
  for (const command of [program, ...program.commands]) throwUsage(command)
  return program
}

function readVersion(): string {
  const file = new URL('../../../../package.json', import.meta.url)
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version
}

function findAsked(words: readonly string[]): string | undefined {
  const [first, second] = words.filter((word) => !word.startsWith('-'))
  return first === 'help' ? second : first
}

/** Behind `--` stands another program's command. */
function isJsonAsked(words: readonly string[]): boolean {
  const end = words.indexOf('--')
  return words.slice(0, end < 0 ? words.length : end).includes('--json')
}
