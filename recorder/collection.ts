import { startCollector } from './collector.js'
import { logUnreached } from './own-thread.js'
import { showLeft } from './progress-line.js'
import { readClaims, removeClaims } from './recording-directory.js'
import type { Redaction } from './redaction.js'
import { report, toMessage } from './report.js'
import { areSpoolsSettled } from './spool-watch.js'
import { type SeenProcess, watchDescendants } from './unreached.js'

/** Between two looks at what is still being written, once the command has ended. */
const LOOK_MS = 50

/** Signals with which someone asks us to be done. */
const ASKING = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/** The collecting half of `record`. */
export interface Collection {
  /** The command runs. `obstacle`: why the preload could not be put into it. */
  watch(command: SeenProcess): void
  /** The command has ended: waits for what its tree still writes (DESIGN §4), and closes the log. A signal ends the wait.
   *  Never throws: what couldn't be taken into the log stays in the spools, for whoever opens the recording. */
  finish(): Promise<void>
}

/** @throws LOCKED, NO_PERMISSION when the recording can't be collected */
export async function collect(recording: string, redaction: Redaction): Promise<Collection> {
  const collector = await startCollector(recording)
  collector.done.catch((error) => {
    report(
      'collect',
      `the log cannot be written (${toMessage(error)}); the spools are kept, whoever opens it reads them`,
    )
  })
  let endLook = (): readonly SeenProcess[] => []
  const named: SeenProcess[] = []
  return {
    watch(command) {
      if (command.obstacle === undefined) endLook = watchDescendants(command.pid, recording)
      else named.push(command)
    },
    async finish() {
      const hide = showLeft(() => collector.unread)
      try {
        const seen = [...named, ...endLook()]
        await waitUntilSettled(recording)
        const recorded = new Set(readClaims(recording).values())
        const unreached = seen.filter(({ pid }) => !recorded.has(pid))
        logUnreached(recording, unreached, redaction)
        // What went wrong was said when it did.
        await collector.stop().catch(() => {})
      } finally {
        hide()
      }
      removeClaims(recording)
    },
  }
}

async function waitUntilSettled(recording: string): Promise<void> {
  let isAsked = false
  const ask = (): void => {
    isAsked = true
  }
  for (const signal of ASKING) process.on(signal, ask)
  while (!isAsked && !areSpoolsSettled(recording)) await new Promise((resolve) => setTimeout(resolve, LOOK_MS))
  for (const signal of ASKING) process.off(signal, ask)
}
