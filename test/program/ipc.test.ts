import { readFileSync } from 'node:fs'
import http from 'node:http'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { CLI, run } from '../helpers/command.js'
import { CLUSTER, ENDS, HANDLES, TALK } from './ipc-programs.js'
import { recordInputs, replayInputs, TIMES } from './rig.js'

/** Runs a thread again, `TIMES` times. @returns what it wrote to stdout, the same each time */
async function replayAlone(t: Test, dir: string, thread: string, expected: object): Promise<string> {
  const outputs = new Set<string>()
  for (let n = 0; n < TIMES; n++) {
    const { verdict, stdout } = await replayInputs(dir, ['--thread', thread])
    t.match(verdict, expected, `thread ${thread}`)
    outputs.add(stdout)
  }
  t.equal(outputs.size, 1, `thread ${thread} writes the same each time`)
  return [...outputs][0]!
}

const EXACT = { kind: 'exact', code: 0 }

for (const serialization of ['json', 'advanced']) {
  t.test(`[B18] a parent and its forked child, each alone: messages as ${serialization}`, async (t) => {
    const dir = t.testdir(TALK)
    const recorded = await recordInputs([process.execPath, 'talk.cjs', serialization], { cwd: dir })
    t.equal(recorded.code, 0, recorded.stderr)
    t.match(recorded.stdout, /told to stop null.*disconnected false\n.*exit 0 null\nERR_IPC_CHANNEL_CLOSED\n$/s)
    t.equal(await replayAlone(t, dir, '0', EXACT), recorded.stdout)
    const child = await replayAlone(t, dir, '0.1', EXACT)
    t.match(child, /^child true own undefined number\n.*bye false\nexiting 0 \d+\n$/s)
    for (const line of child.trim().split('\n')) t.ok(recorded.stdout.includes(line), line)
  })
}

t.test('[B18] handles that are passed: a server, connections, a datagram socket', async (t) => {
  const dir = t.testdir(HANDLES)
  const recorded = await recordInputs([process.execPath, 'hand.cjs'], { cwd: dir })
  t.equal(recorded.code, 0, recorded.stderr)
  t.match(recorded.stdout, /passed on: question 0 \d+/)
  t.equal(await replayAlone(t, dir, '0', EXACT), recorded.stdout)
  const child = await replayAlone(t, dir, '0.1', EXACT)
  t.match(child, /got server Server \d+ \d+\n.*got udp Socket \d+ \d+\n.*datagram \d+/s)
  for (const line of child.trim().split('\n')) t.ok(recorded.stdout.includes(line), line)
})

t.test(
  '[B18] children that are killed, exit, are left, write much, have children and workers of their own',
  async (t) => {
    const dir = t.testdir(ENDS)
    const recorded = await recordInputs([process.execPath, 'ends.cjs'], { cwd: dir })
    t.equal(recorded.code, 0, recorded.stderr)
    t.match(recorded.stdout, /big back 600000 Buffer 1970-01-01T00:00:00.000Z\n/)
    t.equal(await replayAlone(t, dir, '0', EXACT), recorded.stdout)
    await replayAlone(t, dir, '0.1', { kind: 'exact-to-the-kill' })
    for (const thread of ['0.5', '0.5.1', '0.5.2', '0.6']) {
      t.match((await replayInputs(dir, ['--thread', thread])).verdict, EXACT, `thread ${thread}`)
    }
  },
)

function ask(port: string, agent: http.Agent, n: number): Promise<void> {
  return new Promise((done, fail) => {
    http
      .get({ port, host: '127.0.0.1', agent, path: `/${n}` }, (response) => response.resume().on('end', done))
      .on('error', fail)
  })
}

for (const policy of ['rr', 'none']) {
  t.test(`[B18] a cluster of two workers under load, each process alone: ${policy}`, async (t) => {
    const dir = t.testdir(CLUSTER)
    const agent = new http.Agent({ keepAlive: true, maxSockets: 12 })
    let asked: Promise<unknown> | undefined
    const recorded = await recordInputs([process.execPath, 'cluster.cjs', policy], {
      cwd: dir,
      onError: (text) => {
        const port = /^port (\d+)$/m.exec(text)?.[1]
        if (port) asked ??= Promise.all(Array.from({ length: 120 }, (_, n) => ask(port, agent, n)))
      },
    })
    await asked
    agent.destroy()
    t.equal(recorded.code, 0, recorded.stderr)
    const all = recorded.stdout.trim().split('\n')
    const lines: string[] = []
    for (const thread of ['0', '0.1', '0.2'])
      lines.push(...(await replayAlone(t, dir, thread, EXACT)).trim().split('\n'))
    t.same(lines.sort(), all.sort(), 'all of the output is that of the three')
    for (const line of ['1 stop Ann undefined', '2 stop Bob undefined']) t.ok(all.includes(line), line)
  })
}

t.test('[B6] nothing real is touched by a replay: a channel between processes', async (t) => {
  if ((await run(['strace', '-V'], { cwd: '/' }).catch(() => ({ code: 1 }))).code !== 0) {
    if (process.env['CI'] === 'true') t.fail('strace is missing')
    else t.comment('SKIPPED: strace is missing, nothing was looked at')
    return
  }
  const dir = t.testdir(HANDLES)
  await recordInputs([process.execPath, 'hand.cjs'], { cwd: dir })
  for (const thread of ['0', '0.1']) {
    const trace = join(dir, 'trace')
    const calls = 'trace=connect,bind,listen,accept4,sendto,sendmsg,recvmsg,kill,execve'
    const command = [process.execPath, CLI, 'replay', 'program.retro', '--thread', thread]
    const ran = await run(['strace', '-f', '-qq', '-o', trace, '-e', calls, ...command], { cwd: dir })
    t.equal(ran.code, 0, ran.stderr)
    const lines = readFileSync(trace, 'utf8').split('\n')
    t.same(
      lines.filter((line) => /\b(connect|bind|listen|accept4|sendto|sendmsg|recvmsg)\(/.test(line)),
      [],
    )
    t.equal(lines.filter((line) => /\bexecve\(/.test(line)).length, 2, 'the command and the replay')
  }
})
