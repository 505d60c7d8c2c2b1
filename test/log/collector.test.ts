import { type ChildProcess, fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import { appendFileSync, existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import t from 'tap'
import { startCollector } from '../../recorder/collector.js'
import { openLogReader } from '../../src/log/log-reader.js'
import { openLog, snapshotStores } from '../../src/log/open.js'
import type { LogReader } from '../../src/log/reader.js'
import { SPOOL_MAGIC } from '../../src/spool/format.js'
import { listEvents, makeRecording, SpoolScript, STARTED_AT_US, ThreadScript } from './spool-script.js'

const LONG = process.env['RETROSCOPE_LONG'] !== undefined
const KILLS = LONG ? 50 : 10
const PROGRAM = new URL('./programs/collect.js', import.meta.url)

t.setTimeout(LONG ? 1_800_000 : 180_000)

async function collect(dir: string): Promise<ChildProcess> {
  const child = fork(PROGRAM, [dir])
  await once(child, 'message')
  return child
}

/** What the log holds, without collecting anything. */
async function openCommitted(dir: string): Promise<LogReader> {
  return openLogReader(() => snapshotStores(dir, STARTED_AT_US, true), STARTED_AT_US)
}

/** Appends a script's blocks to its spools, cut anywhere, a piece at a time. */
function* writeInPieces(dir: string, script: SpoolScript): Generator<void> {
  mkdirSync(join(dir, 'spool'), { recursive: true })
  for (const [path, bytes] of script.blocksInTime()) {
    const cut = Math.floor(script.random() * bytes.length)
    appendFileSync(join(dir, 'spool', path), bytes.subarray(0, cut))
    yield
    appendFileSync(join(dir, 'spool', path), bytes.subarray(cut))
  }
}

t.test(`[L10] ${KILLS} kills of the collector: nothing is lost, nothing twice, seqs stay`, async (t) => {
  const dir = join(t.testdir(), 'killed.retro')
  makeRecording(dir)
  const script = new SpoolScript(21)
  script.run(KILLS * 800)
  const pieces = writeInPieces(dir, script)
  const seen: string[] = []
  for (let kill = 0; kill < KILLS; kill++) {
    const child = await collect(dir)
    const until = Date.now() + 20 + script.random() * 120
    for (let n = 0; n < 20 || Date.now() < until; n++) {
      if (pieces.next().done) break
      if (n % 4 === 0) await new Promise(setImmediate)
    }
    child.kill('SIGKILL')
    await once(child, 'exit')
    const reader = await openCommitted(dir)
    for (const event of await listEvents(reader)) {
      const name = `${event.thread}:${event.ordinal}`
      seen[event.seq] ??= name
      if (seen[event.seq] !== name) t.fail(`seq ${event.seq} was ${seen[event.seq]} and is ${name}`)
    }
    await reader.close()
  }
  for (const _ of pieces);
  const collector = await startCollector(dir)
  await collector.stop()
  t.equal(collector.lastSeq, script.count - 1)
  t.strictSame(readdirSync(join(dir, 'spool')), [], 'spools go when they are in the log')
  const reader = await openLog(dir)
  const events = await listEvents(reader)
  t.equal(events.length, script.count)
  for (const thread of reader.threads()) {
    const ordinals = events.filter((event) => event.thread === thread.no).map((event) => event.ordinal as number)
    t.strictSame(
      ordinals,
      ordinals.map((_, index) => index),
      `thread ${thread.path}: each once, in order`,
    )
  }
  t.strictSame(
    seen,
    events.slice(0, seen.length).map((event) => `${event.thread}:${event.ordinal}`),
    'same seqs',
  )
  const expected = script.statesBySeq(reader, events)
  for (let seq = 0; seq < events.length; seq += 29) {
    const name = expected[seq]!.changed ?? 'box0'
    const answer = await reader.stateAt(script.refOf(name, reader), seq as never)
    if (
      expected[seq]!.states.has(name) &&
      !(answer.ok && isDeepStrictEqual(answer.state, expected[seq]!.states.get(name)))
    ) {
      t.fail(`${name} at ${seq}: ${JSON.stringify(answer)}`)
    }
  }
  t.strictSame(reader.gaps(), [])
  t.comment(`${seen.length} of ${script.count} events were collected by killed collectors`)
  await reader.close()
})

t.test('[L11] a second collector is refused and told who is the first', async (t) => {
  const dir = join(t.testdir(), 'two.retro')
  makeRecording(dir)
  const first = await collect(dir)
  await t.rejects(startCollector(dir), { code: 'LOCKED', message: new RegExp(`\\b${first.pid}\\b`) })
  first.send('stop')
  await once(first, 'exit')
  const second = await startCollector(dir)
  await second.stop()
})

t.test('[L12] a reader follows what is being written, and a thread that ended leaves no spool', async (t) => {
  const dir = join(t.testdir(), 'live.retro')
  makeRecording(dir)
  const collector = await startCollector(dir, { untilEnded: true })
  // A thread whose process is dead has ended as soon as it is silent for a moment.
  const writer = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1e6)'], { stdio: 'ignore' })
  const thread = new ThreadScript('0', STARTED_AT_US, { pid: writer.pid! })
  const spool = join(dir, 'spool', '0')
  writeFileSync(spool, SPOOL_MAGIC)
  const reader = await openLog(dir)
  t.equal(reader.endSeq, 0)
  const waits: number[] = []
  for (let n = 0; n < 10; n++) {
    thread.event('mark', 0, STARTED_AT_US + 100 + n, { text: `mark ${n}` })
    thread.flush()
    appendFileSync(spool, thread.blocks.at(-1)!)
    const from = performance.now()
    while (reader.endSeq < thread.ordinal) await reader.refresh()
    waits.push(performance.now() - from)
    t.match((await listEvents(reader)).at(-1), { kind: 'mark', body: { text: `mark ${n}` } })
  }
  writer.kill('SIGKILL')
  t.comment(`seen after ${waits.map((ms) => ms.toFixed(0)).join(', ')} ms`)
  await collector.done
  t.notOk(existsSync(spool), 'its process is dead, and the log holds it all')
  await reader.refresh()
  t.equal(reader.endSeq, thread.ordinal)
  await reader.close()
})

t.test('[L5] whoever opens a recording that nobody collects waits for no send of a dead thread', async (t) => {
  const dir = join(t.testdir(), 'dead-sender.retro')
  makeRecording(dir)
  const gone = fork(PROGRAM, [dir], { execArgv: ['--version'], stdio: 'ignore' })
  await once(gone, 'exit')
  const channel = { transport: 'port' } as const
  const live = new ThreadScript('0', STARTED_AT_US)
  const dead = new ThreadScript('1', STARTED_AT_US + 1, { pid: gone.pid! })
  dead.open(STARTED_AT_US + 2, { name: 'orders', type: 'channel', channel: { ...channel, end: 0 } })
  const end = live.open(STARTED_AT_US + 3, { name: 'orders', type: 'channel', channel: { ...channel, end: 1 } })
  for (let n = 0; n < 3; n++) {
    live.event('message', end, STARTED_AT_US + 100 + n, { op: 'receive', n, payload: 'never flushed by its sender' })
  }
  mkdirSync(join(dir, 'spool'))
  for (const { path, bytes } of [live, dead].map((thread) => ({ path: thread.path, bytes: thread.toBytes() }))) {
    writeFileSync(join(dir, 'spool', path), bytes)
  }
  const reader = await openLog(dir)
  t.equal(reader.endSeq, live.ordinal + dead.ordinal)
  await reader.close()
})
