#!/usr/bin/env node
import { type Commands, runProgram } from './program.js'
import { QUERIES } from './queries.js'

/** The recorder comes in from here alone: the entry loads the command it was asked for, from either side. */
const COMMANDS: Commands = {
  record: {
    summary: 'run a command and record every Node process and worker of it',
    load: async () => {
      const { defineRecord } = await import('./record.js')
      return defineRecord(async (options) => (await import('../../../recorder/record.js')).record(options))
    },
  },
  replay: {
    summary: 'run a session again and compare',
    load: async () => (await import('./commands/replay.js')).defineReplay(),
  },
  ...QUERIES,
  step: {
    summary: 'step through it on the whole screen, forwards and backwards',
    load: async () => {
      const [{ defineStep }, { runStepper }] = await Promise.all([
        import('./commands/step.js'),
        import('../step/step.js'),
      ])
      return defineStep(runStepper)
    },
  },
}

// `| head` closes the pipe: whoever reads has what it wants, and that is no failure of ours.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0)
  throw error
})
process.stderr.on('error', () => {})

await runProgram(COMMANDS, process.argv.slice(2))
