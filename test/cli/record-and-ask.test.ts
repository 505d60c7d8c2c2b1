import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { collect, open, tellEvent, tellWhy } from '../replayer/rig.js'
import { CLI, toLines } from './run-cli.js'

const PROGRAM = fileURLToPath(new URL('./programs/tree.js', import.meta.url))
const ROUNDS = process.env['RETROSCOPE_LONG'] ? 2_000 : 51

const path = join(t.testdir(), 'tree.retro')
const child = spawn(process.execPath, [CLI, 'record', '-o', path, '--', process.execPath, PROGRAM], {
  env: { ...process.env, ROUNDS: String(ROUNDS) },
  stdio: ['pipe', 'pipe', 'inherit'],
})
const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
t.equal((await lines.next()).value, 'ready')

// While it runs: what is printed as it comes is what stands there afterwards.
const follower = spawn(process.execPath, [CLI, 'events', path, '--follow', '--json'], {
  stdio: ['ignore', 'pipe', 'pipe'],
})
const followed = Promise.all([text(follower.stdout), text(follower.stderr), once(follower, 'close')])
await once(follower.stdout, 'readable')
child.stdin.end('go\n')
const printed = Number((await lines.next()).value)
const [code] = await once(child, 'close')
const recording = await open(t, path)
const events = await collect(recording.events())

t.test('events --follow prints every event once, in order, and ends with the recording', async (t) => {
  const [stdout, stderr, [followCode]] = await followed
  t.equal(stderr, '')
  t.equal(followCode, 0)
  t.same(
    toLines(stdout).map(({ seq }) => seq),
    events.map(({ seq }) => seq),
  )
})

t.test('across two processes and two workers no receive stands before its send, unless it says late', async (t) => {
  t.equal(code, 0)
  const receives = events.filter((event) => event.kind === 'message' && event.body.op === 'receive')
  t.ok(receives.length >= 3 * (ROUNDS - 1), `${receives.length} messages were received`)
  let late = 0
  for (const receive of receives) {
    const send = await recording.partner(receive.seq)
    if (!send) t.fail(`${receive.seq} (${tellEvent(recording, receive)}) has no send`)
    else if (send.late) late++
    else if (send.seq > receive.seq) t.fail(`${receive.seq} stands before its send ${send.seq}`)
    if (send) t.same((send.body as { payload: unknown }).payload, (receive.body as { payload: unknown }).payload)
  }
  t.comment(`${receives.length} messages, ${late} of them late`)
})

t.test('the program went as it would have, and its last state is what it printed', async (t) => {
  const state = await recording.stateAt('total')
  t.match(state, { ok: true, state: { total: printed } })
})

t.test('[Q4] a chain goes from thread to thread, message by message, down to the first', async (t) => {
  for (const name of ['one', 'two', 'child']) {
    const { chain } = await tellWhy(recording, `${name}-seen`, '/items/1')
    t.same(chain.slice(0, 6), [
      `${name}-seen state delta`,
      `${name} message receive 1`,
      `${name} message send 1`,
      `${name} message receive 0`,
      `${name} message send 0`,
      `${name} message receive 0`,
    ])
  }
})

t.test('[Q4] what a child does first leads to the parent that started it', async (t) => {
  for (const thread of recording.getThreads().filter(({ path }) => path.includes('.'))) {
    const links = await recording.causes(thread.firstSeq)
    t.match(
      links.map(({ event }) => (event.kind === 'process' ? event.body.op : event.kind)),
      ['spawn', 'child'],
      `thread ${thread.path}`,
    )
  }
})
