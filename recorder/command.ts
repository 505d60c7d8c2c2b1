import { spawn } from 'node:child_process'
import { constants } from 'node:os'
import type { SignalForwarding } from './signals.js'

/** How the command ended. */
export type CommandEnd =
  | { readonly kind: 'exited'; readonly code: number }
  | { readonly kind: 'killed'; readonly signal: NodeJS.Signals }
  /** It never ran: the exit code that shells give, and why. */
  | { readonly kind: 'unstarted'; readonly code: 125 | 126 | 127; readonly message: string }

/** Runs the command with our own stdin, stdout and stderr, in our process group and on our terminal, so that it meets
 *  what it would meet without us. @param onStart gets its process id */
export async function runCommand(
  command: readonly string[],
  env: NodeJS.ProcessEnv,
  signals: SignalForwarding,
  onStart: (pid: number) => void,
): Promise<CommandEnd> {
  try {
    return await new Promise((resolve, reject) => {
      const child = spawn(command[0]!, command.slice(1), { stdio: 'inherit', env })
      child.once('error', (error) => child.pid === undefined && reject(error))
      child.once('exit', (code, signal) => {
        resolve(signal ? { kind: 'killed', signal } : { kind: 'exited', code: code ?? 0 })
      })
      if (child.pid === undefined) return
      signals.forwardTo(child)
      onStart(child.pid)
    })
  } catch (error) {
    return toUnstarted(command[0]!, error as NodeJS.ErrnoException)
  }
}

/** Exit code for whoever called us: the command's own, 128 + n for signal n. */
export function toExitCode(end: CommandEnd): number {
  return end.kind === 'killed' ? 128 + constants.signals[end.signal] : end.code
}

/** In words: `exited with 1`. */
export function toEndText(end: CommandEnd): string {
  if (end.kind === 'killed') return `was ended by ${end.signal}`
  return end.kind === 'exited' ? `exited with ${end.code}` : 'could not be started'
}

function toUnstarted(file: string, error: NodeJS.ErrnoException): CommandEnd {
  if (error.code === 'ENOENT' || error.code === 'ENOTDIR') {
    return { kind: 'unstarted', code: 127, message: `${file}: command not found` }
  }
  if (error.code === 'EACCES' || error.code === 'EISDIR' || error.code === 'ENOEXEC') {
    return { kind: 'unstarted', code: 126, message: `${file}: not executable (${error.code})` }
  }
  return { kind: 'unstarted', code: 125, message: `${file}: ${error.message}` }
}
