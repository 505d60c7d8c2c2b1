import { EventEmitter } from 'node:events'
import { Worker } from 'node:worker_threads'
import t from 'tap'
import { type ReplayOutcome, replay } from '../../replayer/replay.js'
import { isSameValue } from '../../src/json/canonical.js'
import { readEvents, recordSession, TestEnd } from '../helpers/record-session.js'

const WORKSHOP = new URL('../helpers/sessions/workshop.js', import.meta.url)
const ECHO = `const { parentPort } = require('node:worker_threads')
parentPort.on('message', (m) => parentPort.postMessage([m.ask, m.between]))`

interface Oracle {
  readonly states: readonly unknown[]
  readonly store: { getState(): unknown }
}

/** Entries that a replay has to consume, counted from the events alone. */
async function countEntries(path: string): Promise<number> {
  let count = 0
  for (const { kind, body, subject } of await readEvents(path)) {
    if (kind === 'delivery') count += 1
    else if (kind === 'values') count += body.values.length
    else if (kind === 'message') count += body.op === 'send' ? 1 : 0
    else if (kind === 'state') count += body.op === 'final' ? 0 : 1
    else if (kind === 'process' && subject > 0) {
      count += (body.op === 'spawn' && body.type !== 'session') || body.op === 'crash' ? 1 : 0
    }
  }
  return count
}

const recorded = (async () => {
  const [events, port, worker] = [new EventEmitter(), new TestEnd(), new Worker(ECHO, { eval: true })]
  t.teardown(() => worker.terminate())
  return await recordSession(t.testdir(), WORKSHOP, { events, worker, port }, async (mounted) => {
    // Two in one tick, so that two deliveries wait for the loop together.
    events.emit('message', 'one')
    events.emit('message', 'two')
    await port.until((message) => (message as { done?: string }).done === 'one')
    await port.until((message) => (message as { done?: string }).done === 'two')
    events.emit('message', 'three')
    await port.until((message) => (message as { done?: string }).done === 'three')
    return mounted as Oracle
  })
})()

t.test('[S1] a session replays exactly, every entry consumed, in a Worker and in process', async (t) => {
  const { path, result } = await recorded
  const entries = await countEntries(path)
  t.ok(entries > 150, `${entries} entries`)
  for (const inProcess of [false, true, false, true, false, true]) {
    const outcome = await replay(path, { session: 'work', inProcess, execArgv: [] })
    t.match(outcome.verdict, { kind: 'exact', entries, ends: 'closed' })
    t.ok(isSameValue(outcome.live['bench'], inProcess ? result.store.getState() : outcome.live['bench']))
    t.equal((outcome.live['bench'] as { jobs: number }).jobs, result.states.length)
  }
})

t.test('[S2] at every stop the states are those that the program had', async (t) => {
  const { path, result } = await recorded
  const events = await readEvents(path)
  const bench = events.find((event) => event.kind === 'state' && event.body.op === 'init')
  const countChanges = (seq: number) =>
    events.filter((event) => {
      return event.seq <= seq && event.kind === 'state' && event.subject === bench?.subject && event.body.op === 'delta'
    }).length
  t.equal(countChanges(events.length), result.states.length)
  const first = { jobs: 0, log: [] }
  const check = ({ at, recorded, live }: Pick<ReplayOutcome, 'at' | 'recorded' | 'live'>, asked: number) => {
    const answer = recorded['bench']
    const [want, wantLive] = [countChanges(asked), countChanges(at?.seq ?? -1)]
    if (!answer?.ok || !isSameValue(answer.state, result.states[want - 1] ?? first))
      t.fail(`recorded state at ${asked}`)
    const { jobs } = live['bench'] as { jobs: number }
    if (jobs !== wantLive) t.fail(`live state after turn ${at?.turn}: ${jobs}, not ${wantLive}`)
  }
  let outcome = await replay(path, { until: bench?.seq ?? 0, inProcess: true })
  for (; outcome.verdict.kind === 'stopped'; outcome = await outcome.step()) check(outcome, outcome.at?.seq ?? 0)
  const step = process.env['RETROSCOPE_LONG'] ? 1 : 37
  for (let seq = bench?.seq ?? 0; seq < events.length; seq += step) {
    const stopped = await replay(path, { until: seq, inProcess: true })
    check(stopped, seq)
    await stopped.close()
  }
})

t.test('[S3] a stopped replay steps on, turn by turn, to the exact end', async (t) => {
  const { path } = await recorded
  let outcome = await replay(path, { until: 'start', inProcess: true })
  t.equal(outcome.verdict.kind, 'stopped')
  let steps = 0
  for (; outcome.verdict.kind === 'stopped'; steps += 1) {
    const before = outcome.at?.turn ?? -1
    outcome = await outcome.step()
    t.ok((outcome.at?.turn ?? -1) > before)
  }
  t.equal(outcome.verdict.kind, 'exact')
  t.equal(outcome.verdict.turns, steps)
})
