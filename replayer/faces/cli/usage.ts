import type { Command, CommanderError } from 'commander'
import { RetroscopeError } from '../../../src/errors.js'

/** Makes a command throw its usage errors as USAGE, with what exists as the hint, and print nothing by itself. */
export function throwUsage(command: Command): void {
  command.configureOutput({ outputError: () => {} })
  command.exitOverride((error) => {
    // Help and version were asked for: they are already on stdout.
    if (error.exitCode === 0) throw error
    throw toUsageError(command, error)
  })
}

function toUsageError(command: Command, error: CommanderError): RetroscopeError {
  if (error.code === 'commander.help')
    return new RetroscopeError('USAGE', 'A command is missing.', { hint: listCommands(command) })
  const text = error.message.replace(/^error: /, '').replace(/\n\((.*)\)$/, '. $1')
  const message = `${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.?]$/.test(text) ? '' : '.'}`
  const hint = error.code === 'commander.unknownCommand' ? listCommands(command) : listOptions(command)
  return new RetroscopeError('USAGE', message, { hint })
}

function listCommands(command: Command): string {
  return `Commands: ${command.commands.map((known) => known.name()).join(', ')}.`
}

function listOptions(command: Command): string {
  const options = command.options.map((option) => option.long ?? option.short)
  const name = command.parent ? `${command.parent.name()} ${command.name()}` : command.name()
  const usage = `Usage: ${name} ${command.usage()}`
  return `${usage}${options.length > 0 ? `\nOptions: ${options.join(', ')}` : ''}\n${name} --help shows an example.`
}
