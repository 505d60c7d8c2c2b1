/** Peak memory while 5 M events are recorded, of the program and of the collector, and while questions are answered. */
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { printRow } from '../measure.js'
import type { Peak } from '../peak.js'

const EVENTS = 5_000_000
const LIMIT_MB = 256
const CLI = fileURLToPath(new URL('../../../replayer/faces/cli/main.js', import.meta.url))
const PROGRAM = fileURLToPath(new URL('../programs/busy.js', import.meta.url))
const PEAK = new URL('../peak.js', import.meta.url).href
const dir = mkdtempSync(join(tmpdir(), 'retroscope-bench-'))
const recording = join(dir, 'busy.retro')

const QUESTIONS: Readonly<Record<string, readonly string[]>> = {
  info: [],
  why: ['cart', '/total'],
  state: ['cart', '--at', '2500000'],
  history: ['cart', '--path', '/total'],
  events: ['--match', 'order-4999998'],
}

try {
  await measureRecording()
  await measureQuestions()
} finally {
  rmSync(dir, { recursive: true, force: true })
}

async function measureRecording(): Promise<void> {
  const bare = await toProgramPeak([], 'bare')
  const collector = join(dir, 'collector-peak')
  const record = ['--import', PEAK, CLI, 'record', '-o', recording, '--', process.execPath]
  const recorded = await toProgramPeak(record, 'recorded', collector)
  const added = { own: recorded.own - bare.own, resident: recorded.resident - bare.resident }
  print('the recorded program adds', added, `${toMb(bare.own)} MB bare`)
  print('the collector', readPeak(collector), '`retroscope record` as a whole')
}

async function measureQuestions(): Promise<void> {
  const path = join(dir, 'peak')
  for (const [command, words] of Object.entries(QUESTIONS)) {
    const seconds = await run(['--import', PEAK, CLI, command, recording, ...words], path)
    print(`\`${['retroscope', command, ...words].join(' ')}\``, readPeak(path), `answered in ${seconds.toFixed(1)} s`)
  }
}

async function toProgramPeak(before: readonly string[], mode: string, peakOfFirst = ''): Promise<Peak> {
  const path = join(dir, 'program-peak')
  await run([...before, PROGRAM, String(EVENTS), mode, path], peakOfFirst)
  return readPeak(path)
}

/** @returns seconds */
async function run(args: readonly string[], peak: string): Promise<number> {
  const started = performance.now()
  const child = spawn(process.execPath, args, {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, BENCH_PEAK_PATH: peak },
  })
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (part: string) => {
    said += part
  })
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve))
  if (code !== 0) throw new Error(`node ${args.join(' ')} ended with ${code}: ${said}`)
  return (performance.now() - started) / 1000
}

function readPeak(path: string): Peak {
  return JSON.parse(readFileSync(path, 'utf8')) as Peak
}

function toMb(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(0)
}

function print(what: string, { own, resident }: Peak, against: string): void {
  printRow({
    what: `peak memory, ${EVENTS / 1e6} M events: ${what}`,
    figure: `${toMb(own)} MB (${toMb(resident)} with mapped files)`,
    bar: `≤${LIMIT_MB} MB`,
    against,
    met: own <= LIMIT_MB * 2 ** 20,
  })
}
