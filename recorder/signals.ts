import type { ChildProcess } from 'node:child_process'
import { startWitness } from './witness.js'

/** Signals that someone may send to `record` and mean for the command. */
const FORWARDED = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2'] as const

export interface SignalForwarding {
  /** A command runs: signals go to it, those that came meanwhile first. */
  forwardTo(command: ChildProcess): void
  /** Whether any has come. */
  readonly came: boolean
  stop(): void
}

/** From here on no signal ends this process: the command decides, and we finish its recording. What reaches us alone is
 *  passed on. What a terminal sends goes to the whole process group, the command included; sent on once more, one Ctrl-C
 *  would be two, which to many programs means "at once". The system doesn't say which of the two it was; a witness in
 *  our group does. */
export async function holdSignals(): Promise<SignalForwarding> {
  let command: ChildProcess | undefined
  let early: NodeJS.Signals[] = []
  let came = false
  for (const signal of FORWARDED) process.on(signal, () => void pass(signal))
  const witness = await startWitness()
  async function pass(signal: NodeJS.Signals): Promise<void> {
    came = true
    if (!command) {
      early.push(signal)
      return
    }
    if (!(await witness.saw(signal))) send(signal)
  }
  function send(signal: NodeJS.Signals): void {
    if (command?.exitCode === null && command.signalCode === null) command.kill(signal)
  }
  return {
    forwardTo(started) {
      command = started
      // What comes between two commands waits for the second.
      started.once('exit', () => {
        if (command === started) command = undefined
      })
      for (const signal of early) send(signal)
      early = []
    },
    get came() {
      return came
    },
    // Handlers stay: a second Ctrl-C must not cut the recording off.
    stop: () => witness.stop(),
  }
}
