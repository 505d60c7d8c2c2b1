import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { isRetroscopeError } from '../src/errors.js'
import { isAlive } from '../src/log/temporary-dir.js'
import { type Collector, startCollector } from './collector.js'

// The process behind `setup({ live: true })`: `collect.js RECORDING PID [MAX_EVENTS]`. It ends when the program's threads
// have ended, or when the program is gone and nobody has written for a while: a killed program says no goodbye.

const LOOK_MS = 500
const SILENCE_MS = 2000

/** Whoever opens a recording that nobody collects has its lock for about a second. */
const LOCKED_MS = 100

const [recording, pid, maxEvents] = process.argv.slice(2)
if (!recording || !pid) throw new Error('usage: collect.js RECORDING PID [MAX_EVENTS]')
const collector = await start(recording, maxEvents === undefined ? {} : { maxEvents: Number(maxEvents) })
const timer = setInterval(() => {
  if (!isAlive(Number(pid)) && Date.now() - getLastWriteMs(join(recording, 'spool')) > SILENCE_MS) void collector.stop()
}, LOOK_MS)
try {
  await collector.done
} finally {
  clearInterval(timer)
}

/** Waits for a reader that came first, as long as there is a program to record. */
async function start(recording: string, limits: { readonly maxEvents?: number }): Promise<Collector> {
  for (;;) {
    try {
      return await startCollector(recording, { untilEnded: true, ...limits })
    } catch (error) {
      if (!isRetroscopeError(error) || error.code !== 'LOCKED' || !isAlive(Number(pid))) throw error
      await new Promise((resolve) => setTimeout(resolve, LOCKED_MS))
    }
  }
}

function getLastWriteMs(spool: string): number {
  let last = 0
  for (const name of readdirSync(spool)) {
    try {
      last = Math.max(last, statSync(join(spool, name)).mtimeMs)
    } catch {
      // It was ingested meanwhile.
    }
  }
  return last
}
