import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { report, toMessage } from './report.js'

/** Starts a collector in a process of its own, which outlives the program until it has taken in all that the program
 *  wrote. It is no child that the program waits for or hears of. */
export function startDetachedCollector(recording: string, maxEvents: number | undefined): void {
  const entry = fileURLToPath(new URL('collect.js', import.meta.url))
  const { NODE_OPTIONS, RETROSCOPE_RECORDING, RETROSCOPE_THREAD, RETROSCOPE_KEY, ...env } = process.env
  try {
    const args = [entry, recording, String(process.pid), ...(maxEvents === undefined ? [] : [String(maxEvents)])]
    const child = spawn(process.execPath, args, { detached: true, stdio: 'ignore', env })
    child.on('error', (error) => report('live', `no collector could be started (${toMessage(error)})`))
    child.unref()
  } catch (error) {
    report('live', `no collector could be started (${toMessage(error)})`)
  }
}
