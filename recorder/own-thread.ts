import { type SubjectNo, toThreadPath } from '../src/ids.js'
import { redactWords } from './command-words.js'
import { Driver } from './driver.js'
import { claimSpool } from './recording-directory.js'
import type { Redaction } from './redaction.js'
import { SpoolWriter } from './spool-writer.js'
import { describeThread } from './thread-record.js'
import { toCommandLine } from './tree.js'
import type { SeenProcess } from './unreached.js'

/** Path of the `record` command itself, where it has something to say. The command that it runs is `0`. */
const OWN_PATH = '1'

const THREAD = 0 as SubjectNo

/** Writes down, as children of `record` itself, the processes that run Node without being recorded. */
export function logUnreached(recording: string, unreached: readonly SeenProcess[], redaction: Redaction): void {
  if (unreached.length === 0) return
  const driver = startOwnThread(recording, redaction)
  for (const [index, { pid, command, obstacle }] of unreached.entries()) {
    driver.process(THREAD, {
      op: 'child',
      path: toThreadPath(`${OWN_PATH}.${index + 1}`),
      type: 'main',
      command: toCommandLine(redactWords(command, redaction)),
      pid,
      unrecorded: obstacle ?? 'it was started without the preload: something in between changed its environment',
    })
  }
  driver.stop()
}

function startOwnThread(recording: string, redaction: Redaction): Driver {
  const { path, file } = claimSpool(recording, OWN_PATH)
  const thread = describeThread(path, redaction)
  return new Driver({
    redaction,
    openSink: (encodeGap) => new SpoolWriter(file, encodeGap),
    thread: { op: 'spawn', name: 'retroscope record', type: 'thread', incarnation: 0, thread },
    debug: false,
    findPeer: () => undefined,
  })
}
