/** Spools into the log: FINDINGS' mix, and deltas alone. Keyframes and blooms included; nothing waits for another thread. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setup } from '../../../recorder/index.js'
import { SpoolCollector } from '../../../src/log/spool-collector.js'
import { printRow } from '../measure.js'
import { toMix, toPatch } from '../mix.js'
import { makeRecorder, recordMany } from '../recording.js'

const EVENTS = 1_000_000
/** The first ones find the code uncompiled. */
const ROUNDS = 4
const dir = mkdtempSync(join(tmpdir(), 'retroscope-bench-'))

try {
  await measure('ingest of the mix', toMix, 1.2)
  await measure('ingest of deltas alone', toPatch, 0.4)
} finally {
  rmSync(dir, { recursive: true, force: true })
}

async function measure(what: string, toEvent: typeof toMix, bar: number): Promise<void> {
  let best = { perCpuS: 0, perS: 0 }
  for (let round = 0; round < ROUNDS; round++) {
    const path = join(dir, 'ingest.retro')
    const scope = await setup({ out: path })
    await recordMany(makeRecorder(scope), EVENTS, toEvent)
    await scope.stop()
    const figures = await ingest(path)
    if (figures.perS > best.perS) best = figures
    rmSync(path, { recursive: true, force: true })
  }
  printRow({
    what,
    figure: `${best.perS.toFixed(2)} M/s (${best.perCpuS.toFixed(2)} M/s of CPU)`,
    bar: `≥${bar} M/s`,
    against: `1 M events by the clock, the best of ${ROUNDS}; CPU of all threads, LevelDB's too`,
    met: best.perS >= bar,
  })
}

async function ingest(path: string): Promise<{ perCpuS: number; perS: number }> {
  const started = process.hrtime.bigint()
  const before = process.cpuUsage()
  const spools = await SpoolCollector.open(path)
  await spools.finish()
  const { user, system } = process.cpuUsage(before)
  const us = Number(process.hrtime.bigint() - started) / 1000
  const events = spools.endSeq
  await spools.close()
  if (events < EVENTS) throw new Error(`${events} events of ${EVENTS} came through`)
  return { perCpuS: events / (user + system), perS: events / us }
}
