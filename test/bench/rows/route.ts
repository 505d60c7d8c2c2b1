/** An HTTP JSON route under whole-program recording, and how fast that runs again. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import http from 'node:http'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { median, printRow, toMs } from '../measure.js'

const REQUESTS = 5000
/** To warm up, and to tell what grows with requests from what does not. */
const FEW = 1000
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
  /** Of the recording. */
  readonly bytes: number
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

async function serve(words: readonly string[], requests = REQUESTS): Promise<Run> {
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
  await load(FEW)
  const ms = await toMs(() => load(requests))
  const { cpuUs } = JSON.parse(await ask(agent, port, '/end', false)) as { cpuUs: number }
  agent.destroy()
  await ended
  return {
    perSecond: (requests / ms) * 1000,
    cpuUs,
    ms: performance.now() - started,
    bytes: words.length > 0 ? measure(recording) : 0,
  }
}

function measure(dir: string): number {
  const entries = readdirSync(dir, { recursive: true, withFileTypes: true })
  return entries.reduce((sum, one) => sum + (one.isFile() ? statSync(join(one.parentPath, one.name)).size : 0), 0)
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
const few = await serve(RECORD, FEW)
rmSync(dir, { recursive: true, force: true })
const ratio = median(rates)
printRow({
  what: 'an HTTP JSON route with its inputs recorded',
  figure: `${ratio.toFixed(2)}× requests/s, ${median(costs).toFixed(2)}× CPU`,
  bar: '≥0.92×',
  against: `the bare program: Express, ${CONNECTIONS} connections, ${REQUESTS} requests, ${ROUNDS} pairs`,
  met: ratio >= 0.92,
})
const perRequest = (last!.bytes - few.bytes) / (REQUESTS - FEW)
printRow({
  what: '  its recording grows by',
  figure: `${(perRequest / 1024).toFixed(2)} KB a request`,
  bar: '≤1.5 KB',
  against: `${body.length} bytes in, some more out; a run of ${REQUESTS} less one of ${FEW}`,
  met: perRequest <= 1536,
})
printRow({
  what: '  its replay',
  figure: `${(last!.ms / again).toFixed(1)}× as fast`,
  bar: '–',
  against: `the run itself, which kept a core busy: ${(last!.ms / 1000).toFixed(1)} s`,
})
