/** State at a moment and the last write to a path, in 1 M events (`--large`: 10 M too) of 100 containers, one of 1 MB. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setup } from '../../../recorder/index.js'
import type { Seq } from '../../../src/ids.js'
import { openLog } from '../../../src/log/open.js'
import type { LogReader, ProcessInfo } from '../../../src/log/reader.js'
import { SpoolCollector } from '../../../src/log/spool-collector.js'
import { makeRandom, recordContainers } from '../containers.js'
import { percentile, printRow, toMs } from '../measure.js'

const WARM_UP = 100
const QUESTIONS = 400
const COLD = 25
const NEVER = 15
const dir = mkdtempSync(join(tmpdir(), 'retroscope-bench-'))

try {
  await measure(1)
  if (process.argv.includes('--large')) await measure(10)
} finally {
  rmSync(dir, { recursive: true, force: true })
}

async function measure(millions: number): Promise<void> {
  const path = join(dir, 'seek.retro')
  const scope = await setup({ out: path })
  await recordContainers(scope, millions * 1e6)
  await scope.stop()
  const spools = await SpoolCollector.open(path)
  await spools.finish()
  await spools.close()
  const log = await openLog(path)
  const containers = log.processes().filter(({ container }) => container)
  const scanMs = await toScanMs(log, millions)
  await measureStates(path, log, containers, { millions, scanMs })
  await measureWrites(log, containers, { millions, scanMs })
  await log.close()
  rmSync(path, { recursive: true, force: true })
}

interface Size {
  readonly millions: number
  readonly scanMs: number
}

async function measureStates(
  path: string,
  log: LogReader,
  containers: readonly ProcessInfo[],
  { millions, scanMs }: Size,
): Promise<void> {
  const random = makeRandom(2)
  const ask = async (from: LogReader, container = containers[random(containers.length)]!) => {
    const answer = await from.stateAt(container, random(from.endSeq) as Seq)
    if (!answer.ok && answer.error !== 'not_found') throw new Error(answer.detail)
  }
  const warm = await times(QUESTIONS, () => ask(log), WARM_UP)
  const big = containers.find(({ name }) => name === 'catalogue')!
  const bigWarm = await times(NEVER, () => ask(log, big))
  const cold: number[] = []
  const opening: number[] = []
  for (let round = 0; round < COLD; round++) {
    const started = performance.now()
    const fresh = await openLog(path)
    opening.push(performance.now() - started)
    cold.push(await toMs(() => ask(fresh)))
    await fresh.close()
  }
  const [p50, coldP50] = [percentile(warm, 50), percentile(cold, 50)]
  printRow({
    what: `state at a moment, ${millions} M events`,
    figure: `p50 ${p50.toFixed(1)} ms warm, ${coldP50.toFixed(1)} ms cold`,
    bar: '≤6 ms, ≤60 ms',
    against: `a scan from the start: ${(scanMs / 2).toFixed(0)} ms on average`,
    met: p50 <= 6 && coldP50 <= 60,
  })
  printRow({
    what: '  p90 warm; of the 1 MB container; opening',
    figure: `${percentile(warm, 90).toFixed(1)} ms; p50 ${percentile(bigWarm, 50).toFixed(1)} ms; ${percentile(opening, 50).toFixed(0)} ms`,
    bar: '–',
    against: '',
  })
}

async function measureWrites(
  log: LogReader,
  containers: readonly ProcessInfo[],
  { millions, scanMs }: Size,
): Promise<void> {
  const random = makeRandom(3)
  const small = containers.filter(({ name }) => name !== 'catalogue')
  const ask = async (pointer: string, seq: number) => {
    const found = await log.lastWrite(small[random(small.length)]!, pointer, seq as Seq)
    return found?.patch ?? undefined
  }
  const written = await times(QUESTIONS, () => ask(`/fields/f${random(20)}/value`, random(log.endSeq)), WARM_UP)
  const never = await times(NEVER, async () => {
    if (await ask('/fields/never/value', log.endSeq - 1)) throw new Error('found what was never written')
  })
  const [p50, neverP50] = [percentile(written, 50), percentile(never, 50)]
  printRow({
    what: `last write to a path, ${millions} M events`,
    figure: `p50 ${p50.toFixed(1)} ms, never written ${neverP50.toFixed(1)} ms`,
    bar: '≤3 ms, ≤30 ms',
    against: `a scan: ${scanMs.toFixed(0)} ms`,
    met: p50 <= 3 && neverP50 <= 30,
  })
}

/** Every event of the first million, read and decoded, for the whole log. */
async function toScanMs(log: LogReader, millions: number): Promise<number> {
  const million = await toMs(async () => {
    let events = 0
    for await (const event of log.events({ to: 999_999 as Seq })) if (event.seq >= 0) events++
    if (events < 1_000_000) throw new Error(`only ${events} events were read`)
  })
  return million * millions
}

async function times(count: number, ask: () => Promise<unknown>, warmUp = 0): Promise<number[]> {
  const all: number[] = []
  for (let round = -warmUp; round < count; round++) {
    const ms = await toMs(ask)
    if (round >= 0) all.push(ms)
  }
  return all
}
