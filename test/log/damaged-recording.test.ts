import { cpSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import t, { type Test } from 'tap'
import { packRecording } from '../../replayer/packing.js'
import { isRetroscopeError } from '../../src/errors.js'
import type { Event } from '../../src/events.js'
import { openLog } from '../../src/log/open.js'
import type { LogReader } from '../../src/log/reader.js'
import { listEvents, makeRecording, SpoolScript, type StatesAt } from './spool-script.js'

const LONG = process.env['RETROSCOPE_LONG'] !== undefined
const TRUNCATIONS = LONG ? 200 : 12
const FLIPS = LONG ? 500 : 24
const CONTAINERS = ['box0', 'box1', 'box2', 'box3', 'box4']

t.setTimeout(LONG ? 3_600_000 : 240_000)

/** Where damage is done to each form; what a spool lost may take seqs with it, the others keep them. */
const FORMS: Readonly<Record<string, { readonly folder: string; readonly keepsSeqs: boolean }>> = {
  packed: { folder: '', keepsSeqs: true },
  spool: { folder: 'spool', keepsSeqs: false },
  LevelDB: { folder: 'log', keepsSeqs: true },
}

interface Whole {
  readonly script: SpoolScript
  readonly count: number
  readonly states: readonly StatesAt[]
}

/** What became of one damaged copy. */
interface Outcome {
  refused: number
  answered: number
  right: number
  withheld: number
}

for (const [form, { folder, keepsSeqs }] of Object.entries(FORMS)) {
  t.test(
    `[L16] ${form}, cut ${TRUNCATIONS} times, ${FLIPS} bits flipped: right answers, or the damage named`,
    async (t) => {
      const { source, whole } = await makeSample(t.testdir(), form)
      const copy = join(t.testdirName, 'copy.retro')
      const { script } = whole
      const seen: Outcome = { refused: 0, answered: 0, right: 0, withheld: 0 }
      const open = countOpenFiles()
      for (let n = 0; n < TRUNCATIONS + FLIPS; n++) {
        cpSync(source, copy, { recursive: true })
        const done = damage(listFiles(join(copy, folder)), script, n < TRUNCATIONS ? 'cut' : 'flip')
        await check(t, copy, { whole, done, keepsSeqs, seen })
        rmSync(copy, { recursive: true })
        // At once, before garbage collection closes what was forgotten.
        if (countOpenFiles() !== open) t.fail(`${done}: ${countOpenFiles() - open} files were left open`)
      }
      t.ok(seen.right > 0 && seen.refused + seen.withheld > 0, JSON.stringify(seen))
      t.comment(`${form}: ${JSON.stringify(seen)}`)
    },
  )
}

interface Case {
  readonly whole: Whole
  readonly done: string
  readonly keepsSeqs: boolean
  readonly seen: Outcome
}

async function check(t: Test, path: string, { whole, done, keepsSeqs, seen }: Case): Promise<void> {
  let log: LogReader
  try {
    log = await openLog(path)
  } catch (error) {
    assertClear(t, error, done)
    seen.refused++
    return
  }
  try {
    seen.answered++
    const events = await listEvents(log)
    const missing = events.reduce((sum, event) => sum + (event.kind === 'gap' ? (event.body.count ?? 1) : 0), 0)
    if (missing > 0 && log.gaps().length === 0) t.fail(`${done}: gaps() names nothing of ${missing} missing events`)
    if (keepsSeqs && events.length < whole.count && log.gaps().length === 0)
      t.fail(`${done}: ${whole.count - events.length} events are missing without a word`)
    await checkStates(t, log, { whole, done, keepsSeqs, seen }, events)
  } catch (error) {
    assertClear(t, error, done)
    seen.withheld++
  } finally {
    await log.close()
  }
}

async function checkStates(t: Test, log: LogReader, { whole, done, keepsSeqs, seen }: Case, events: readonly Event[]) {
  const { script } = whole
  for (let n = 0; n < 12 && events.length > 0; n++) {
    const { seq } = script.pick(events)
    const name = script.pick(CONTAINERS)
    const box = log.processes().find((process) => process.name === name)
    if (!box) continue
    const answer = await log.stateAt(box, seq)
    if (!answer.ok) {
      seen.withheld++
      continue
    }
    // A thread's ordinals are the program's own, whatever seqs they have here.
    const known = events.filter((event) => event.seq <= seq)
    const { states } = keepsSeqs ? whole.states[seq]! : script.statesBySeq(log, known).at(-1)!
    if (isDeepStrictEqual(answer.state, states.get(name))) seen.right++
    else t.fail(`${done}: ${name} at ${seq} is wrong`)
  }
}

function assertClear(t: Test, error: unknown, done: string): void {
  if (!isRetroscopeError(error) || error.code === 'INTERNAL' || error.hint === undefined) t.fail(`${done}: ${error}`)
}

async function makeSample(dir: string, form: string): Promise<{ readonly source: string; readonly whole: Whole }> {
  const script = new SpoolScript(31)
  script.run(900)
  const source = join(dir, 'whole.retro')
  makeRecording(source)
  script.writeTo(source)
  const spooled = join(dir, 'spooled.retro')
  cpSync(source, spooled, { recursive: true })
  const log = await openLog(source)
  const events = await listEvents(log)
  const whole = { script, count: events.length, states: script.statesBySeq(log, events) }
  await log.close()
  // This process wrote the spools and lives; with them here, what the log lost would come from there.
  rmSync(join(source, 'spool'), { recursive: true })
  if (form !== 'packed') return { source: form === 'spool' ? spooled : source, whole }
  const packed = join(dir, 'packed.retro')
  await packRecording(source, packed)
  return { source: packed, whole }
}

function listFiles(path: string): string[] {
  if (statSync(path).isFile()) return [path]
  return readdirSync(path, { recursive: true, encoding: 'utf8' })
    .map((name) => join(path, name))
    .filter((file) => statSync(file).isFile() && !/LOCK$|LOG(\.old)?$/.test(file) && statSync(file).size > 0)
    .sort()
}

function damage(files: readonly string[], script: SpoolScript, how: 'cut' | 'flip'): string {
  const file = script.pick(files)
  const at = Math.floor(script.random() * statSync(file).size)
  if (how === 'cut') truncateSync(file, at)
  else {
    const bytes = readFileSync(file)
    bytes[at]! ^= 1 << Math.floor(script.random() * 8)
    writeFileSync(file, bytes)
  }
  return `${how} ${file.split('/').slice(-2).join('/')} at ${at}`
}

function countOpenFiles(): number {
  return readdirSync('/proc/self/fd').length
}
