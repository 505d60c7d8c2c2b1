import { resolve } from 'node:path'
import { isMainThread, parentPort, threadId, Worker } from 'node:worker_threads'
import { type ThreadPath, toThreadPath } from '../src/ids.js'
import type { LiveLog } from '../src/log/live.js'
import type { Scope } from '../src/scope/scope.js'
import { findSeam, type Seam } from '../src/scope/seam.js'
import { SPOOL_MAGIC } from '../src/spool/format.js'
import { startDetachedCollector } from './detached-collector.js'
import type { Driver } from './driver.js'
import { type Installed, install, recordThread } from './install.js'
import { toDirectoryLog, toMemoryLog } from './live-log.js'
import { MemorySink } from './memory-sink.js'
import { type SetupOptions, toSetupOptions } from './options.js'
import { getTimeUs } from './originals.js'
import { createRecording, isRecording } from './recording-directory.js'
import { RecordingScope } from './recording-scope.js'
import { KEY_VARIABLE, makeKey, Redaction } from './redaction.js'
import { report, toMessage } from './report.js'

/** Handed down to child processes and workers, so that all of a program's threads are in one recording. */
const RECORDING_VARIABLE = 'RETROSCOPE_RECORDING'
const THREAD_VARIABLE = 'RETROSCOPE_THREAD'

const MEMORY_EVENTS = 10_000

// The clock is found before the program can put another in its place.
getTimeUs()

/** Begins to record this thread, or joins the recording (or replay) that is under way. A recording that can't be made
 *  does not stop the program: it is said on stderr, and the events stay in memory.
 *  @throws USAGE when an option is wrong */
export async function setup(options?: SetupOptions): Promise<Scope> {
  const asked = toSetupOptions(options)
  const seam = findSeam()
  if (seam) {
    if (asked.out !== undefined) report('out', 'this program is recorded already: the option out of setup() is ignored')
    return new RecordingScope(seam, () => {}, findJoined(seam))
  }
  const recording = findRecording(asked.out)
  return recording === undefined ? recordToMemory(asked) : recordToDirectory(asked, recording)
}

async function recordToDirectory(options: SetupOptions, recording: string): Promise<Scope> {
  const { env } = process
  const redaction = new Redaction(options.redact, env, readKey(env))
  let installed: Installed
  try {
    const base = env[THREAD_VARIABLE] ?? '0'
    const thread = isMainThread ? base : `${base}.${threadId}`
    const { level = 'full' } = options
    installed = recordThread({ recording, thread, redaction, level, findPeer: (end) => findPeer(end, installed.path) })
  } catch (error) {
    report('directory', `${recording} cannot be written (${toMessage(error)}); events stay in memory`)
    return recordToMemory(options)
  }
  const restore = setVariables({
    [RECORDING_VARIABLE]: recording,
    [THREAD_VARIABLE]: installed.path,
    [KEY_VARIABLE]: redaction.key,
  })
  if (options.live) startDetachedCollector(recording, options.maxEvents)
  const recorder = { flush: () => installed.driver.flush(), running: true }
  const onStop = () => {
    restore()
    installed.stop()
    recorder.running = false
  }
  return new RecordingScope(installed.driver, onStop, toDirectoryLog(recording, recorder))
}

async function recordToMemory({ redact, level = 'full', maxEvents = MEMORY_EVENTS }: SetupOptions): Promise<Scope> {
  // The log's writer is loaded by those who record without a directory: it is the collector then.
  const { MemoryLog } = await import('../src/log/memory-log.js')
  const redaction = new Redaction(redact, process.env)
  const log = new MemoryLog(getTimeUs(), { maxEvents })
  const path = toThreadPath(isMainThread ? '0' : `0.${threadId}`)
  log.append(path, Buffer.from(SPOOL_MAGIC, 'latin1'))
  const sink = () => new MemorySink((block) => log.append(path, block))
  const installed = install(path, { redaction, level, findPeer: (end) => findPeer(end, path) }, sink)
  const recorder = { flush: () => installed.driver.flush(), running: true }
  const onStop = () => {
    installed.stop()
    recorder.running = false
  }
  return new RecordingScope(installed.driver, onStop, toMemoryLog(log, recorder))
}

/** The directory to record into: that of the program which started us, else a new one; undefined: memory. */
function findRecording(out: string | undefined): string | undefined {
  const inherited = process.env[RECORDING_VARIABLE]
  if (isRecording(inherited)) return inherited
  if (out === undefined) return undefined
  try {
    const made = createRecording(out)
    if (!isSamePlace(made, out)) report('taken', `${out} exists already; recording into ${made}`)
    return made
  } catch (error) {
    report('directory', `${out} cannot be made (${toMessage(error)}); events stay in memory`)
    return undefined
  }
}

/** Under `record` the directory that it records into can be asked; under replay there is none. */
function findJoined(seam: Seam): LiveLog | undefined {
  const directory = process.env[RECORDING_VARIABLE]
  if (!seam.live || !isRecording(directory)) return undefined
  const { flush } = seam as Partial<Driver>
  return toDirectoryLog(directory, { flush: () => flush?.call(seam), running: true })
}

function readKey(env: NodeJS.ProcessEnv): Buffer {
  const inherited = Buffer.from(env[KEY_VARIABLE] ?? '', 'base64url')
  return inherited.length === 32 ? inherited : makeKey()
}

function setVariables(variables: Readonly<Record<string, string>>): () => void {
  const before = Object.keys(variables).map((name) => [name, process.env[name]] as const)
  Object.assign(process.env, variables)
  return () => {
    for (const [name, value] of before) {
      if (value === undefined) delete process.env[name]
      else process.env[name] = value
    }
  }
}

/** Workers are named by the number that Node gives them; the thread that started us is above us. */
function findPeer(end: object, path: ThreadPath): ThreadPath | undefined {
  if (end instanceof Worker) return end.threadId > 0 ? toThreadPath(`${path}.${end.threadId}`) : undefined
  if (isMainThread || end !== parentPort) return undefined
  return toThreadPath(path.slice(0, path.lastIndexOf('.')))
}

function isSamePlace(made: string, out: string): boolean {
  return resolve(out) === made
}
