import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import t from 'tap'
import type { Patch } from '../../src/events.js'
import { findAt } from '../../src/json/pointer.js'
import { readFormat } from '../../src/log/format-file.js'
import { MemoryLog } from '../../src/log/memory-log.js'
import { openLog } from '../../src/log/open.js'
import { packStores } from '../../src/log/pack.js'
import { PathQuestion, PathSet } from '../../src/log/path-set.js'
import type { DeltaEntry, LogReader } from '../../src/log/reader.js'
import { takeSnapshot } from '../../src/log/snapshot.js'
import { listEvents, makeRecording, SpoolScript, STARTED_AT_US, type StatesAt } from './spool-script.js'

const LONG = process.env['RETROSCOPE_LONG'] !== undefined
const EVENTS = 1_000

/** Every form answers the same questions; the full number of runs is done where it costs least. */
const SEEDS: Readonly<Record<string, number>> = LONG
  ? { directory: 50, packed: 10, memory: 50 }
  : { directory: 1, packed: 1, memory: 10 }

const CONTAINERS = ['box0', 'box1', 'box2', 'box3', 'box4']

t.setTimeout(LONG ? 3_600_000 : 600_000)

/** The same questions of each form that a recording has. */
const FORMS: Readonly<Record<string, (dir: string, script: SpoolScript) => Promise<LogReader>>> = {
  async directory(dir, script) {
    makeRecording(dir)
    script.writeTo(dir)
    return openLog(dir)
  },
  async packed(dir, script) {
    makeRecording(dir)
    script.writeTo(dir)
    await (await openLog(dir)).close()
    const snapshot = await takeSnapshot(dir)
    const stores = []
    for (const segment of snapshot.segments) stores.push((await snapshot.openSegment(segment)).store)
    await packStores(stores, readFormat(dir), `${dir}.packed`)
    await snapshot.close()
    return openLog(`${dir}.packed`)
  },
  async memory(_, script) {
    const log = new MemoryLog(STARTED_AT_US, {})
    for (const [path, bytes] of script.blocksInTime()) log.append(path, bytes)
    return log.open()
  },
}

for (const [form, open] of Object.entries(FORMS)) {
  t.test(`[L1] ${form}: the state of every container at every seq is the one that the program had`, async (t) => {
    for (let seed = 1; seed <= SEEDS[form]!; seed++) {
      const script = new SpoolScript(seed)
      script.run(EVENTS)
      const reader = await open(join(t.testdir(), `${seed}.retro`), script)
      const events = await listEvents(reader)
      t.equal(events.length, script.count, `seed ${seed}: every event, once`)
      t.strictSame(
        events.map((event) => event.seq as number),
        events.map((_, index) => index),
        'seqs without holes',
      )
      const expected = script.statesBySeq(reader, events)
      const stride = LONG || form === 'memory' ? 1 : 5
      const forwards = expected.map((_, seq) => seq).filter((seq) => seq % stride === 0)
      const shuffled = forwards.map((seq) => [script.random(), seq] as const).sort((a, b) => a[0] - b[0])
      const orders = {
        forwards,
        backwards: forwards.toReversed(),
        random: shuffled.map(([, seq]) => seq).slice(0, LONG ? undefined : 200),
      }
      for (const [order, seqs] of Object.entries(orders)) {
        const wrong = await findWrong(script, reader, seqs, expected)
        t.equal(wrong, undefined, `seed ${seed}, ${order}`)
      }
      await reader.close()
    }
  })

  t.test(`[L2] ${form}: events are found by seq, time, ordinal, turn, kind, process and in reverse`, async (t) => {
    const script = new SpoolScript(77)
    script.run(2 * EVENTS)
    const reader = await open(join(t.testdir(), 'find.retro'), script)
    const all = await listEvents(reader)
    t.strictSame(await listEvents(reader, { reverse: true }), all.toReversed())
    t.strictSame(
      await listEvents(reader, { kinds: ['mark'] }),
      all.filter((event) => event.kind === 'mark'),
    )
    const box = script.refOf('box3', reader)
    const ofBox = all.filter((event) => event.thread === box.thread && event.subject === box.subject)
    t.strictSame(await listEvents(reader, { subjects: [box] }), ofBox)
    t.strictSame(await listEvents(reader, { subjects: [box], reverse: true, limit: 3 }), ofBox.slice(-3).toReversed())
    t.strictSame(
      await listEvents(reader, { thread: 1 as never, from: 100 as never, to: 900 as never }),
      all.filter((event) => event.thread === 1 && event.seq >= 100 && event.seq <= 900),
    )
    for (let n = 0; n < 20; n++) {
      const event = script.pick(all)
      t.strictSame(await reader.find(event.seq), event)
      t.equal(await reader.findOrdinal(event), event.seq)
      const turn = all.filter((other) => other.thread === event.thread && other.turn === event.turn)
      t.strictSame(await reader.findTurn(event.thread, event.turn), { first: turn[0]!.seq, last: turn.at(-1)!.seq })
      const later = all.findIndex((other) => other.timeUs > event.timeUs)
      t.equal(await reader.seekTime(event.timeUs), later < 0 ? all.length - 1 : later - 1)
    }
    t.equal(await reader.seekTime(-1), undefined)
    t.equal(await reader.findTurn(0 as never, 1e6), undefined)
    await reader.close()
  })

  t.test(`[L3] ${form}: the last write to a pointer is the one that a scan of all deltas finds`, async (t) => {
    const script = new SpoolScript(5)
    script.run(EVENTS)
    const reader = await open(join(t.testdir(), 'write.retro'), script)
    const endSeq = reader.endSeq
    const expected = script.statesBySeq(reader, await listEvents(reader))
    for (const name of ['box0', 'box1', 'box2', 'box3']) {
      const box = script.refOf(name, reader)
      const deltas: DeltaEntry[] = []
      for await (const delta of reader.deltas(box)) deltas.push(delta)
      for (let n = 0; n < 12; n++) {
        const seq = Math.floor(script.random() * endSeq)
        const { states } = expected[seq]!
        const pointer = script.pickPointer(states.get(name) as never)
        const before = (at: number) => expected[at - 1]!.states.get(name)
        const last = deltas.findLast((delta) => delta.seq <= seq && wrote(delta, pointer, before(delta.seq)))
        const found = await reader.lastWrite(box, pointer, seq as never)
        t.equal(found?.seq, last?.seq, `${name} ${pointer} at ${seq}`)
      }
    }
    await reader.close()
  })
}

t.test('[L15] a bloom denies no pointer that a patch wrote, and most that it did not', (t) => {
  const script = new SpoolScript(15)
  const name = () => script.pick(['items', '0', '1', '7', '-', 'a~1b', '', 'constructor'])
  const path = () => Array.from({ length: Math.floor(script.random() * 4) }, () => `/${name()}`).join('')
  let denied = 0
  let asked = 0
  for (let n = 0; n < 3_000; n++) {
    const op = script.pick(['add', 'remove', 'replace', 'move'] as const)
    const patch = [{ op, path: path(), from: path(), value: n }] as unknown as Patch
    const paths = new PathSet()
    paths.addPatch(patch)
    const bloom = paths.toBloom()
    const question = new PathQuestion(path())
    const judged = question.judge(patch)
    if (judged !== 'no' && !question.mayBeIn(bloom)) t.fail(`${question.pointer} ${JSON.stringify(patch)}`)
    if (judged !== 'no') continue
    asked++
    if (!question.mayBeIn(bloom)) denied++
  }
  t.ok(denied > asked * 0.8, `${denied} of ${asked} denied`)
  t.end()
})

/** Whether a delta wrote the pointer, above it or below it, or moved an element that it stands in. */
function wrote({ patch }: DeltaEntry, pointer: string, before: unknown): boolean {
  return patch === null || patch.some((operation) => writes(operation, pointer, before))
}

function writes(operation: Patch[number], pointer: string, before: unknown): boolean {
  const paths = operation.op === 'move' ? [operation.path, operation.from] : [operation.path]
  return paths.some((path) => {
    if (pointer === path || pointer.startsWith(`${path}/`) || path.startsWith(`${pointer}/`)) return true
    const parent = path.slice(0, path.lastIndexOf('/'))
    if (operation.op === 'replace' || !pointer.startsWith(`${parent}/`)) return false
    if (!Array.isArray(findAt(before, parent)?.value)) return false
    return Number(pointer.slice(parent.length + 1).split('/')[0]) >= Number(path.slice(parent.length + 1))
  })
}

/** The first seq at which a container has not the state that it had. */
async function findWrong(
  script: SpoolScript,
  reader: LogReader,
  seqs: readonly number[],
  expected: readonly StatesAt[],
): Promise<string | undefined> {
  for (const seq of seqs) {
    const { states } = expected[seq]!
    for (const name of CONTAINERS) {
      const answer = await reader.stateAt(script.refOf(name, reader), seq as never)
      const right = states.has(name)
        ? answer.ok && isDeepStrictEqual(answer.state, states.get(name))
        : !answer.ok && answer.error === 'not_found'
      if (!right) return `${name} at ${seq}: ${JSON.stringify(answer)}`
    }
  }
  return undefined
}
