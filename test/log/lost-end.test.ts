import { appendFileSync, mkdirSync, readdirSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import t, { type Test } from 'tap'
import { packRecording } from '../../replayer/packing.js'
import { lockCollector, readCollectorNote } from '../../src/log/collector-lock.js'
import { openLogReader } from '../../src/log/log-reader.js'
import { openLog, snapshotStores } from '../../src/log/open.js'
import type { LogReader } from '../../src/log/reader.js'
import { SpoolCollector } from '../../src/log/spool-collector.js'
import { verifyRecording } from '../../src/log/verify.js'
import { listEvents, makeRecording, SpoolScript, STARTED_AT_US } from './spool-script.js'

t.setTimeout(120_000)

interface Sample {
  readonly dir: string
  readonly script: SpoolScript
  /** `thread:ordinal` of each seq that was given. */
  readonly given: readonly string[]
}

/** A recording that was collected little by little, to its end. */
async function makeSample(dir: string, seed: number): Promise<Sample> {
  makeRecording(dir)
  mkdirSync(join(dir, 'spool'))
  const script = new SpoolScript(seed)
  script.run(400)
  const lock = await lockCollector(dir)
  const spools = await SpoolCollector.open(dir)
  for (const [path, bytes] of script.blocksInTime()) {
    appendFileSync(join(dir, 'spool', path), bytes)
    await spools.take()
  }
  await spools.finish()
  await spools.close()
  await lock.release(spools.endSeq)
  const log = await openLog(dir)
  const given = toNames(log, await listEvents(log))
  await log.close()
  return { dir, script, given }
}

function toNames(log: LogReader, events: Awaited<ReturnType<typeof listEvents>>): string[] {
  return events.map(({ kind, thread, ordinal }) =>
    kind === 'gap' ? 'gap' : `${log.threads()[thread]!.path}:${ordinal}`,
  )
}

/** Cuts the log's write-ahead file, as a file system does that lost power. */
function cut(dir: string): void {
  const segment = join(dir, 'log', '000001')
  const [file] = readdirSync(segment).filter((name) => name.endsWith('.log'))
  const path = join(segment, file!)
  truncateSync(path, Math.floor(statSync(path).size * 0.6))
}

/** What is collected again gets seqs that nothing had, and what is lost is named. */
async function check(t: Test, log: LogReader, { script, given }: Sample): Promise<void> {
  const events = await listEvents(log)
  const lost = events.findIndex(({ kind }) => kind === 'gap')
  const names = toNames(log, events)
  t.strictSame(names.slice(0, lost), given.slice(0, lost), 'what is left has the seqs that it had')
  t.match(
    log.gaps().filter(({ count }) => count !== null),
    [{ reason: 'damaged', from: lost, to: given.length - 1, count: given.length - lost }],
  )
  t.strictSame(
    events.slice(lost + 1).map(({ seq }) => seq as number),
    events.slice(lost + 1).map((_, n) => given.length + n),
    'no seq is given twice',
  )
  const left = names.slice(0, lost).filter((name) => name.startsWith('0:')).length
  t.strictSame(
    names.slice(lost + 1),
    script.threads[0]!.blocks.length > 0
      ? Array.from({ length: script.threads[0]!.ordinal - left }, (_, n) => `0:${left + n}`)
      : [],
    'each event of the spool that is left, once',
  )
  t.strictSame(await listEvents(log, { reverse: true }), events.toReversed())
  await checkStates(t, log, script, events)
}

async function checkStates(
  t: Test,
  log: LogReader,
  script: SpoolScript,
  events: Awaited<ReturnType<typeof listEvents>>,
) {
  const states = script.statesBySeq(log, events)
  const totals = { right: 0, damaged: 0 }
  for (const [at, { seq, kind }] of events.entries()) {
    if (kind === 'gap') continue
    for (const box of log.processes().filter(({ type }) => type === 'store')) {
      const answer = await log.stateAt(box, seq)
      const expected = states[at]!.states
      if (!answer.ok) {
        if (answer.error === 'damaged') totals.damaged++
        else if (expected.has(box.name)) t.fail(`${box.name} at ${seq}: ${answer.error}`)
      } else if (isDeepStrictEqual(answer.state, expected.get(box.name))) totals.right++
      else t.fail(`${box.name} at ${seq} is wrong`)
    }
  }
  t.ok(totals.right > 0 && totals.damaged > 0, JSON.stringify(totals))
}

for (const seed of [1, 2]) {
  t.test(`[L18] a log that lost its end and is collected again gives no seq twice (${seed})`, async (t) => {
    const sample = await makeSample(join(t.testdir(), 'cut.retro'), seed)
    const { dir, script, given } = sample
    cut(dir)
    writeFileSync(join(dir, 'spool', '0'), script.threads[0]!.toBytes())
    const above = await openLogReader(() => snapshotStores(dir, STARTED_AT_US), STARTED_AT_US)
    await check(t, above, sample)
    await above.close()
    for (let n = 0; n < 2; n++) {
      const log = await openLog(dir)
      await check(t, log, sample)
      t.equal(readCollectorNote(dir)?.ended?.endSeq, log.endSeq)
      t.ok(log.endSeq > given.length)
      await log.close()
    }
    const packed = join(t.testdirName, 'packed.retro')
    await packRecording(dir, packed)
    for (const path of [dir, packed]) {
      const { damage } = await verifyRecording(path)
      t.match(damage, [{ file: 'log', what: new RegExp(`^seqs \\d+ to ${given.length - 1} were given`) }])
    }
  })
}

t.test('[L18] so does one of which nothing is left', async (t) => {
  const { dir, script, given } = await makeSample(join(t.testdir(), 'gone.retro'), 4)
  rmSync(join(dir, 'log', '000001'), { recursive: true })
  script.writeTo(dir)
  const log = await openLog(dir)
  const events = await listEvents(log)
  t.match(events[0], { seq: 0, kind: 'gap', body: { count: given.length } })
  t.equal(events[1]?.seq, given.length)
  t.equal(events.length, 1 + script.count, 'the spools have it all')
  t.match(log.gaps(), [{ reason: 'damaged', from: 0, to: given.length - 1 }])
  await log.close()
})

t.test(
  '[L18] that a log lost its end is still known when it was opened, and when a collector was killed',
  async (t) => {
    const { dir, given } = await makeSample(join(t.testdir(), 'known.retro'), 5)
    cut(dir)
    writeFileSync(join(dir, 'spool', '0.claim'), String(process.pid))
    for (let n = 0; n < 2; n++) {
      const log = await openLog(dir)
      t.match(log.gaps(), [
        { reason: 'damaged', detail: `log: it ends before seq ${log.endSeq}, and ${given.length} had been given` },
      ])
      await log.close()
      // One that said nothing at its end.
      await (await lockCollector(dir)).release()
    }
  },
)
