import { readdirSync, readFileSync, symlinkSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import t, { type Test } from 'tap'
import type { ThreadOutcome } from '../../replayer/program/replay-program.js'
import { CLI, type Ran, type RunOptions, run, runRecord } from '../helpers/command.js'
import { findChild, readResident, readSize, Sizes, watchSizes } from './resident-memory.js'

const LONG = process.env['RETROSCOPE_LONG'] !== undefined
const SECONDS = Number(process.env['RETROSCOPE_SOAK_S'] ?? 60)

t.setTimeout(1_800_000)

/** Ends when it is asked to, and says then how much it has answered. */
const SERVER = `
  const express = require('express')
  const app = express()
  let [answered, sum] = [0, 0]
  app.use(express.json())
  app.post('/orders/:id', (request, response) => {
    answered++
    const price = Math.round(request.body.items.length * 100 * Math.random())
    sum += price
    response.json({ id: request.params.id, at: Date.now(), items: request.body.items, price })
  })
  app.get('/stop', (_, response) => {
    response.end('bye')
    server.close()
    server.closeIdleConnections()
    console.log('answered', answered, sum)
  })
  const server = app.listen(0, '127.0.0.1', () => console.log(process.pid, server.address().port))`

/** As many questions as are answered, over 30 connections. */
const LOAD = `
  const http = require('node:http')
  const [port, seconds] = process.argv.slice(2).map(Number)
  const agent = new http.Agent({ keepAlive: true, maxSockets: 30 })
  const ask = (method, path, body) => new Promise((done, fail) => {
    const headers = { 'content-type': 'application/json' }
    const request = http.request({ port, method, path, agent, headers }, (response) => response.resume().on('end', done))
    request.on('error', fail).end(body)
  })
  const end = Date.now() + seconds * 1000
  let asked = 0
  const drive = async () => {
    while (Date.now() < end) await ask('POST', '/orders/' + asked++, JSON.stringify({ items: ['a', 'b', String(asked)] }))
  }
  Promise.all(Array.from({ length: 30 }, drive)).then(() => ask('GET', '/stop')).then(() => {
    agent.destroy()
    console.log(asked)
  })`

interface Soaked {
  readonly ran: Ran
  readonly asked: number
  readonly server: Sizes
  readonly recorder: Sizes
  readonly spool: Sizes
  /** From the server's own end to that of the command. */
  readonly endedMs: number
}

/** Drives the server to its limit from another process.
 *  @param start runs it, whichever way
 *  @param behind the recorder gets no turn as long as the server is asked */
async function soak(
  dir: string,
  seconds: number,
  start: (options: RunOptions) => Promise<Ran>,
  behind = false,
): Promise<Soaked> {
  const [server, recorder, spool] = [new Sizes(), new Sizes(), new Sizes()]
  let load: Promise<Ran> | undefined
  let stop = (): void => {}
  let stoppedAt = 0
  const ran = await start({
    cwd: dir,
    onOutput: (text, child) => {
      const own = child.pid
      if (text.includes('answered')) {
        stoppedAt ||= Date.now()
        if (behind) child.kill('SIGCONT')
      }
      const [, pid, port] = /^(\d+) (\d+)\n/.exec(text) ?? []
      if (load || !port) return
      if (behind) child.kill('SIGSTOP')
      load = run([process.execPath, 'load.cjs', port, String(seconds)], { cwd: dir })
      stop = watchSizes([
        [server, () => readResident(Number(pid))],
        [recorder, () => readResident(own!)],
        [spool, () => readSize(join(dir, 'program.retro/spool'))],
      ])
    },
  })
  const endedMs = Date.now() - stoppedAt
  stop()
  const asked = Number((await load!).stdout)
  return { ran, asked, server, recorder, spool, endedMs }
}

/** How much more is held at the end than in the middle, in MB. */
function toGrowth(sizes: Sizes): number {
  return sizes.middle(0.75, 1) - sizes.middle(0.25, 0.5)
}

/** Runs the recording again. @returns its verdict, and what the process of the program took up meanwhile */
async function replay(dir: string) {
  const [program, command] = [new Sizes(), new Sizes()]
  const verdict = join(dir, 'verdict.json')
  let stop = (): void => {}
  const since = Date.now()
  const ran = await run([process.execPath, CLI, 'replay', 'program.retro', '--json', '--verdict', verdict], {
    cwd: dir,
    onOutput: (text, { pid }) => {
      if (!/^\d+ \d+\n$/.test(text)) return
      stop = watchSizes([
        [program, () => readResident(findChild(pid!) ?? 0)],
        [command, () => readResident(pid!)],
      ])
    },
  })
  stop()
  const { threads } = JSON.parse(readFileSync(verdict, 'utf8')) as { threads: [ThreadOutcome] }
  return { ran, verdict: threads[0].verdict, program, command, seconds: (Date.now() - since) / 1000 }
}

/** In MB. */
function readLog(dir: string): number {
  const log = join(dir, 'program.retro/log')
  return readdirSync(log).reduce((sum, segment) => sum + readSize(join(log, segment)), 0)
}

function makeProgram(t: Test): string {
  const dir = t.testdir({ 'server.cjs': SERVER, 'load.cjs': LOAD })
  const modules = dirname(dirname(createRequire(import.meta.url).resolve('express/package.json')))
  symlinkSync(modules, join(dir, 'node_modules'))
  return dir
}

const COMMAND = [process.execPath, 'server.cjs']
const record = (options: RunOptions) => runRecord(['-o', 'program.retro'], COMMAND, options)

/** Takes minutes, and asks Linux how much memory a process has. */
const skip = !LONG && process.env['RETROSCOPE_SOAK_S'] === undefined && 'in the long suite only'

t.test('[B23] a server at full load: memory stays, and the replay is exact', { skip }, async (t) => {
  const dir = makeProgram(t)
  const bare = await soak(dir, SECONDS, (options) => run(COMMAND, options))
  const soaked = await soak(dir, SECONDS, record)
  t.equal(soaked.ran.code, 0, soaked.ran.stderr)
  t.comment(`bare: ${bare.asked} requests in ${SECONDS} s; server ${bare.server}`)
  t.comment(`recorded: ${soaked.asked} requests; server ${soaked.server}; recorder ${soaked.recorder}`)
  t.comment(`spool ${soaked.spool}; log ${readLog(dir).toFixed(1)} MB`)
  t.comment(`the command ended ${soaked.endedMs} ms after its server had answered its last request`)
  t.ok(toGrowth(soaked.server) < toGrowth(bare.server) + 12, 'the recorded program does not grow')
  t.ok(soaked.server.most < bare.server.most + 48, 'nor is it much larger')
  t.ok(toGrowth(soaked.recorder) < 12, 'the recorder does not grow')
  t.ok(soaked.recorder.most < 160, 'nor is it large')

  const again = await replay(dir)
  t.match(again.verdict, { kind: 'exact', code: 0 })
  t.equal(again.ran.stdout, soaked.ran.stdout)
  t.ok('entries' in again.verdict && again.verdict.entries > soaked.asked * 4, 'all of it was recorded')
  t.comment(`replayed in ${again.seconds} s; program ${again.program}; command ${again.command}`)
  t.comment(JSON.stringify(again.verdict))
  t.ok(toGrowth(again.program) < 12, 'the replayed program does not grow')
  t.ok(again.program.most < soaked.server.most + 48, 'nor is it much larger')
  t.ok(again.command.most < 200, 'the command holds none of it')
})

t.test('[B23] a recorder that is behind takes in the rest at the end', { skip }, async (t) => {
  const dir = makeProgram(t)
  const soaked = await soak(dir, SECONDS / 4, record, true)
  t.equal(soaked.ran.code, 0, soaked.ran.stderr)
  t.ok(soaked.spool.most > 1, 'the spool grew')
  t.comment(`${soaked.asked} requests; spool ${soaked.spool}; recorder ${soaked.recorder}`)
  t.comment(`the command ended ${soaked.endedMs} ms after its server had answered its last request`)
  t.ok(soaked.recorder.most < 160, 'what stands in the spool is not read at once')
  const again = await replay(dir)
  t.match(again.verdict, { kind: 'exact', code: 0 })
  t.equal(again.ran.stdout, soaked.ran.stdout)
})
