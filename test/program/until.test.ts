import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { CLI, run } from '../helpers/command.js'
import { recordInputs, replayInputs } from './rig.js'

const TEXT = `
  let n = 0
  const timer = setInterval(async () => {
    console.log(++n, Date.now())
    await null
    process.nextTick(() => console.log('tick', n, Date.now()))
    if (n === 20) throw new Error('twenty')
  }, 1)`

interface Turn {
  readonly turn: number
  readonly first: number
}

async function listTurns(dir: string): Promise<Turn[]> {
  const words = ['events', 'program.retro', '--kind', 'delivery', '--json']
  const listed = await run([process.execPath, CLI, ...words], { cwd: dir })
  const lines = listed.stdout.trim().split('\n')
  return lines.map((line) => JSON.parse(line)).map(({ turn, seq }) => ({ turn, first: seq }))
}

t.test('[B20] a replay stops behind the turn of a moment, and says what agreed and what is left', async (t) => {
  const dir = t.testdir({ 'count.cjs': TEXT })
  const recorded = await recordInputs([process.execPath, 'count.cjs'], { cwd: dir })
  const turns = await listTurns(dir)
  const lines = recorded.stdout.trim().split('\n')
  let shown = 0
  for (const { turn, first } of [turns[0]!, turns[7]!, turns[12]!]) {
    const { verdict, stdout, code } = await replayInputs(dir, ['--until', `@${turn}`])
    t.equal(code, 0)
    t.match(verdict, { kind: 'stopped', turn })
    if (verdict.kind !== 'stopped') return
    t.ok(verdict.left > 5 && verdict.seq >= first, `${verdict.left} turns, seq ${verdict.seq}`)
    t.ok(recorded.stdout.startsWith(stdout), 'what came before came out')
    const count = stdout.trim().split('\n').length
    t.ok(count > shown && count < lines.length, `${count} lines of ${lines.length}`)
    // A turn's ticks and microtasks are its own.
    if (turn === turns[7]!.turn) t.match(stdout.trim().split('\n').at(-1), /^tick/)
    shown = count
    const bySeq = await replayInputs(dir, ['--until', `${first}`])
    t.same(bySeq.verdict, verdict)
  }
  const text = await run([process.execPath, CLI, 'replay', 'program.retro', '--until', '@3'], { cwd: dir })
  t.match(
    text.stderr,
    /Replay of thread 0 stopped behind turn @3 \(event \d+\): \d+ turns, \d+ entries, every one consumed; \d+ turns are left\./,
  )
})

t.test('[B20] a moment at the end is the end, and one that does not exist is said', async (t) => {
  const dir = t.testdir({ 'count.cjs': TEXT })
  const recorded = await recordInputs([process.execPath, 'count.cjs'], { cwd: dir })
  for (const until of ['end', 'crash']) {
    const { verdict, stdout } = await replayInputs(dir, ['--until', until])
    t.match(verdict, { kind: 'exact', code: recorded.code! })
    t.equal(stdout, recorded.stdout)
  }
  const outside = await run([process.execPath, CLI, 'replay', 'program.retro', '--until', '@5000'], { cwd: dir })
  t.equal(outside.code, 1)
  t.match(outside.stderr, /Thread 0 has no turn @5000/)
})

t.test('[B20] what differs before the moment is told; what would differ behind it is not met', async (t) => {
  const dir = t.testdir({ 'count.cjs': TEXT })
  await recordInputs([process.execPath, 'count.cjs'], { cwd: dir })
  const file = join(dir, 'count.cjs')
  writeFileSync(file, readFileSync(file, 'utf8').replace('await null', 'if (n === 10) Date.now(); await null'))
  const early = await replayInputs(dir, ['--sources', 'local', '--until', '@3'])
  t.match(early.verdict, { kind: 'stopped', turn: 3 })
  const late = await replayInputs(dir, ['--sources', 'local', '--until', 'crash'])
  t.match(late.verdict, { kind: 'diverged' })
})

t.test('[B20] a worker stops at a turn of its own', async (t) => {
  const dir = t.testdir({
    'main.cjs': `new (require('node:worker_threads').Worker)('./worker.cjs')`,
    'worker.cjs': `let n = 0; const i = setInterval(() => { console.log(++n, Date.now()); if (n === 20) clearInterval(i) }, 1)`,
  })
  const recorded = await recordInputs([process.execPath, 'main.cjs'], { cwd: dir })
  const { verdict, stdout } = await replayInputs(dir, ['--thread', '0.1', '--until', '@10'])
  t.match(verdict, { kind: 'stopped', turn: 10 })
  t.ok(stdout.length > 0 && recorded.stdout.startsWith(stdout))
})
