import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { isKind, readSpool, type SpoolEvent } from '../helpers/spool.js'

const SURVIVOR = fileURLToPath(new URL('survivor.js', import.meta.url))
const MODES = ['sigkill', 'exit', 'throw', 'rejection', 'abort', 'oom', 'loop'] as const
const KILLS = process.env['RETROSCOPE_LONG'] ? 200 : 40
const MOST_MISSING = 60
const TIMEOUT_MS = KILLS * 10_000

t.setTimeout(TIMEOUT_MS)

type Mode = (typeof MODES)[number]

interface Death {
  readonly mode: Mode
  /** Last number that the program says it recorded. */
  readonly told: number
  readonly out: string
  readonly code: number | null
  readonly signal: string | null
}

let seed = 20261122
function next(below: number): number {
  seed = (Math.imul(seed, 1103515245) + 12345) >>> 0
  return (seed >>> 8) % below
}

/** Runs the program until it is dead. Who is killed from outside dies when it has told a number of ours. */
function run(out: string, mode: Mode, last: number): Promise<Death> {
  const flags = mode === 'oom' ? ['--max-old-space-size=16'] : []
  const args = [...flags, SURVIVOR, out, mode, String(next(1_000_000)), mode === 'sigkill' ? '-1' : String(last)]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'ignore', 'pipe'] })
  let bytes = 0
  const countTold = () => Math.floor(bytes / 4) - 1
  child.stdio[3]!.on('data', (part: Buffer) => {
    bytes += part.length
    if ((mode === 'sigkill' || mode === 'loop') && countTold() >= last) child.kill('SIGKILL')
  })
  return new Promise((resolve) => {
    child.on('close', (code, signal) => resolve({ mode, told: countTold(), out, code, signal }))
  })
}

function toNumber(event: SpoolEvent): number[] {
  if (event.kind === 'mark') return [(event.body.data as { number: number }).number]
  if (event.kind === 'message') return [(event.body.payload as { number: number }).number]
  if (event.kind === 'state' && event.body.op === 'delta') return [(event.body.trigger as { number: number }).number]
  return []
}

t.test(
  '[D1] whatever ends the program, its recording has no hole and at most 60 events fewer',
  { timeout: TIMEOUT_MS },
  async (t) => {
    const dir = t.testdir()
    const missing: number[] = []
    let started = 0
    const worker = async (): Promise<void> => {
      while (started < KILLS) {
        const number = started++
        const mode = MODES[number % MODES.length]!
        const death = await run(join(dir, `${number}.retro`), mode, 1 + next(2000))
        missing.push(check(death))
      }
    }
    function check({ mode, told, out, code, signal }: Death): number {
      const name = `${mode}, ${told + 1} told, ended by ${signal ?? code}`
      const { events, faults } = readSpool(out)
      const numbers = events.flatMap(toNumber)
      if (numbers.some((found, at) => found !== at)) t.fail(`${name}: the numbers have a hole`)
      if (events.some((event, at) => event.ordinal !== at)) t.fail(`${name}: the ordinals have a hole`)
      if (faults.includes('damaged')) t.fail(`${name}: damaged`)
      const lost = told + 1 - numbers.length
      const most = mode === 'exit' || mode === 'throw' || mode === 'rejection' ? 0 : MOST_MISSING
      t.ok(lost <= most && lost >= -1, `${name}: ${lost} missing`)
      const ops = events.filter(isKind('process')).map(({ body }) => body.op)
      const expected = { exit: ['exit'], throw: ['crash', 'exit'], rejection: ['crash', 'exit'] }[mode as string] ?? []
      t.strictSame(ops.slice(3), expected, `${name}: says how it ended`)
      return Math.max(lost, 0)
    }
    await Promise.all([worker(), worker()])
    missing.sort((a, b) => a - b)
    const at = (share: number) => missing[Math.min(missing.length - 1, Math.floor(missing.length * share))]
    console.error(`# ${KILLS} deaths: median ${at(0.5)}, p90 ${at(0.9)}, max ${missing.at(-1)} events missing`)
  },
)
