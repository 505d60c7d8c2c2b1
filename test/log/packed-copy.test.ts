import { copyFileSync, readFileSync, writeFileSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { packRecording, unpackRecording } from '../../replayer/packing.js'
import { openLog } from '../../src/log/open.js'
import type { BlockPlace } from '../../src/log/packed-block.js'
import { loadIndex, readRoot } from '../../src/log/packed-store.js'
import { verifyRecording } from '../../src/log/verify.js'
import { listEvents, makeRecording, SpoolScript } from './spool-script.js'

t.setTimeout(120_000)

/** Blocks that hold the tables and dictionaries of the only segment, and those that hold their copy. */
async function findTables(path: string): Promise<{ tables: BlockPlace[]; copies: BlockPlace[] }> {
  const file = await open(path, 'r')
  try {
    const { root } = await readRoot(path, file)
    const [segment] = root.segments
    const copies = [...(await loadIndex({ path, file, ...segment!.copy! })).blocks()]
    const tables = [...(await loadIndex({ path, file, ...segment! })).blocks()].slice(0, copies.length)
    return { tables, copies }
  } finally {
    await file.close()
  }
}

function hit(path: string, places: readonly BlockPlace[]): void {
  const bytes = readFileSync(path)
  for (const { offset, bytes: size } of places) bytes[offset + size - 5]! ^= 16
  writeFileSync(path, bytes)
}

async function makePacked(t: Test): Promise<{ packed: string; dir: string }> {
  const dir = t.testdir()
  const source = join(dir, 'whole.retro')
  makeRecording(source)
  const script = new SpoolScript(41)
  script.run(900)
  script.writeTo(source)
  await (await openLog(source)).close()
  const packed = join(dir, 'packed.retro')
  await packRecording(source, packed)
  return { packed, dir }
}

t.test(
  '[L19] a packed recording whose tables are damaged is read by their copy, and the damage is named',
  async (t) => {
    const { packed, dir } = await makePacked(t)
    const whole = await openLog(packed)
    const events = await listEvents(whole)
    const states = await listStates(whole, events.length)
    t.strictSame(whole.gaps(), [])
    await whole.close()
    const { tables, copies } = await findTables(packed)
    for (const [what, places, gaps] of [
      ['tables', tables, [{ reason: 'damaged', detail: /tables were read from their copy/ }]],
      ['copy', copies, []],
    ] as const) {
      const path = join(dir, `${what}.retro`)
      copyFileSync(packed, path)
      hit(path, places)
      const log = await openLog(path)
      t.match(log.gaps(), gaps)
      t.equal(log.gaps().length, gaps.length)
      t.strictSame(await listEvents(log), events, `${what}: every event`)
      t.strictSame(await listStates(log, events.length), states, `${what}: every state`)
      await log.close()
      const { damage } = await verifyRecording(path)
      for (const { offset } of places)
        t.ok(
          damage.some(({ range }) => range?.from === offset),
          'verify names the block',
        )
      await unpackRecording(path, join(dir, `un${what}.retro`))
      const again = await openLog(join(dir, `un${what}.retro`))
      t.strictSame(await listEvents(again), events, `${what}: unpacked, it is whole again`)
      await again.close()
    }
  },
)

t.test('[L19] with tables and copy damaged it is refused, with what to do', async (t) => {
  const { packed } = await makePacked(t)
  const { tables, copies } = await findTables(packed)
  hit(packed, [...tables, ...copies])
  await t.rejects(openLog(packed), { code: 'DAMAGED', hint: /verify/ })
  const { damage } = await verifyRecording(packed)
  t.ok(damage.length >= tables.length + copies.length)
})

async function listStates(log: Awaited<ReturnType<typeof openLog>>, end: number): Promise<unknown[]> {
  const states: unknown[] = []
  for (const box of log.processes().filter(({ type }) => type === 'store')) {
    for (let seq = 50; seq < end; seq += 150) states.push(await log.stateAt(box, seq as never))
  }
  return states
}
