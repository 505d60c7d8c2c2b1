/** An HTTP JSON route under whole-program recording, and how fast that runs again. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import http from 'node:http'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { median, printRow, toMs } from '../measure.js'

const REQUESTS = 5000
const CONNECTIONS = 30
const ROUNDS = 5

const CLI = fileURLToPath(new URL('../../../replayer/faces/cli/main.js', import.meta.url))
const PROGRAM = resolve('test/bench/programs/route.cjs')
const dir = mkdtempSync(join(tmpdir(), 'retroscope-bench-'))
const recording = join(dir, 'route.retro')
const RECORD = [CLI, 'record', '-o', recording, '--', process.execPath]
const body = JSON.stringify({ sku: 'lamp', quantity: 3, customer: 'ada' })

interface Run {
  readonly perSecond: number
  readonly cpuUs: number
  /** From start to end of the whole command. */
  readonly ms: number
}

function ask(agent: http.Agent, port: number, path: string, post: boolean): Promise<string> {
  const headers = post ? { 'content-type': 'application/json', 'content-length': body.length } : {}
  return new Promise((done, fail) => {
    const request = http.request({ agent, port, host: '127.0.0.1', path, method: post ? 'POST' : 'GET', headers })
    request.on('error', fail).on('response', (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (part) => {
        text += part
      })
      response.on('end', () => done(text))
    })
    request.end(post ? body : undefined)
  })
}

async function serve(words: readonly string[]): Promise<Run> {
  rmSync(recording, { recursive: true, force: true })
  const child = spawn(process.execPath, [...words, PROGRAM], { stdio: ['ignore', 'pipe', 'ignore'] })
  const ended = once(child, 'close')
  const started = performance.now()
  const port = Number(String((await once(child.stdout, 'data'))[0]))
  const agent = new http.Agent({ keepAlive: true, maxSockets: CONNECTIONS })
  const load = async (count: number): Promise<void> => {
    let left = count
    const one = async (): Promise<void> => {
      while (left-- > 0) await ask(agent, port, '/orders', true)
    }
    await Promise.all(Array.from({ length: CONNECTIONS }, one))
  }
  await load(REQUESTS / 5)
  const ms = await toMs(() => load(REQUESTS))
  const { cpuUs } = JSON.parse(await ask(agent, port, '/end', false)) as { cpuUs: number }
  agent.destroy()
  await ended
  return { perSecond: (REQUESTS / ms) * 1000, cpuUs, ms: performance.now() - started }
}

const [rates, costs]: [number[], number[]] = [[], []]
let last: Run | undefined
for (let round = 0; round < ROUNDS; round++) {
  const bare = await serve([])
  last = await serve(RECORD)
  rates.push(last.perSecond / bare.perSecond)
  costs.push(last.cpuUs / bare.cpuUs)
}
const again = await toMs(async () => {
  const child = spawn(process.execPath, [CLI, 'replay', recording], { stdio: 'ignore' })
  const [code] = (await once(child, 'close')) as [number]
  if (code !== 0) throw new Error(`the replay ended with ${code}`)
})
rmSync(dir, { recursive: true, force: true })
const ratio = median(rates)
printRow({
  what: 'an HTTP JSON route with its inputs recorded',
  figure: `${ratio.toFixed(2)}× requests/s, ${median(costs).toFixed(2)}× CPU`,
  bar: '≥0.92×',
  against: `the bare program: Express, ${CONNECTIONS} connections, ${REQUESTS} requests, ${ROUNDS} pairs`,
  met: ratio >= 0.92,
})
printRow({
  what: '  its replay',
  figure: `${(last!.ms / again).toFixed(1)}× as fast`,
  bar: '–',
  against: `the run itself, which kept a core busy: ${(last!.ms / 1000).toFixed(1)} s`,
})
