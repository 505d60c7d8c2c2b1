// Measures on somebody else's test suite that recording changes nothing and that what was recorded runs again. Each FILE runs by
// itself: plain, under `record`, and its recording under `replay --all`.
//
//   npm run test:suites -- DIR FILE… -- COMMAND…        `{}` in COMMAND is the file, as DIR names it
//   npm run test:suites -- /tmp/express /tmp/express/test/*.js -- node node_modules/mocha/bin/mocha.js --reporter tap {}
//
// The command prints TAP: results are compared by the names of its tests. `--keep NEW` keeps the recordings that are not exact
// in a directory, `--limit 60` ends what takes longer than so many seconds. Prints a line for each file, what differs below it,
// and totals; ends with 1 where anything is not as it should be.
import { spawn } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { constants, tmpdir } from 'node:os'
import { join, relative, resolve } from 'node:path'
import { parseArgs } from 'node:util'

const CLI = resolve(import.meta.dirname, '../dist/replayer/faces/cli/main.js')
const words = process.argv.slice(2)
const split = words.indexOf('--')
if (split < 0) usage()
const { values, positionals } = parseArgs({
  args: words.slice(0, split),
  allowPositionals: true,
  options: { keep: { type: 'string' }, limit: { type: 'string', default: '60' } },
})
const [dir, ...files] = positionals
const command = words.slice(split + 1)
if (!dir || files.length === 0 || command.length === 0) usage()
const limitMs = Number(values.limit) * 1000
const keep = values.keep && resolve(values.keep)
if (keep) mkdirSync(keep, { recursive: true })

const temporary = mkdtempSync(join(tmpdir(), 'retroscope-suite-'))
const totals = { files: 0, tests: 0, same: 0, exact: 0, entries: 0 }
try {
  for (const file of files) await measure(relative(dir, file))
} finally {
  rmSync(temporary, { recursive: true, force: true })
}
console.log(
  `\n${totals.files} files, ${totals.tests} tests; ${totals.same} files the same under record, ${totals.exact} replays exact, ${totals.entries} entries`,
)
process.exitCode = totals.same === totals.files && totals.exact === totals.files ? 0 : 1

function usage() {
  console.error('usage: npm run test:suites -- [--keep NEW] [--limit SECONDS] DIR FILE… -- COMMAND… {}')
  process.exit(2)
}

async function measure(file) {
  const asked = command.map((word) => word.replaceAll('{}', file))
  const out = join(temporary, 'run.retro')
  const plains = [await run(asked)]
  const recordeds = [await record(asked, out)]
  const isSame = () => plains.some(({ results }) => recordeds.some((other) => other.results === results))
  // Tests that are not the same from run to run are nobody's fault: only what differs twice is ours.
  if (!isSame()) {
    plains.push(await run(asked))
    recordeds.push(await record(asked, out))
  }
  const [plain, recorded, same] = [plains.at(-1), recordeds.at(-1), isSame()]
  const replayed = await replay(out)
  report(file, { plain, recorded, same, replayed })
  if (!keep || replayed.exact || !existsSync(out)) return
  cpSync(out, join(keep, `${file.replaceAll('/', '+')}.retro`), { recursive: true, force: true })
}

function report(file, { plain, recorded, same, replayed }) {
  totals.files++
  totals.tests += plain.count
  totals.same += Number(same)
  totals.exact += Number(replayed.exact)
  totals.entries += replayed.entries
  const verdict = replayed.exact ? 'exact' : 'NOT EXACT'
  const result = same ? 'the same recorded' : `RECORDED ${describe(recorded)}`
  console.log(`${file.padEnd(52)} ${describe(plain).padEnd(24)} ${result}  ${verdict}, ${replayed.entries} entries`)
  if (!same) console.log(toDifference(plain.results, recorded.results))
  if (!replayed.exact) console.log(`  ${replayed.why}`)
}

function describe({ passed, failed, code }) {
  return `${passed} ok, ${failed} not, exit ${code}`
}

function toDifference(one, other) {
  const [before, after] = [one.split('\n'), other.split('\n')]
  const only = (lines, others, mark) =>
    lines.filter((line) => !others.includes(line)).map((line) => `  ${mark} ${line}`)
  return [...only(before, after, '-'), ...only(after, before, '+')].slice(0, 20).join('\n')
}

async function record(asked, out) {
  rmSync(out, { recursive: true, force: true })
  return run([process.execPath, CLI, 'record', '-o', out, '--', ...asked])
}

async function replay(out) {
  const verdict = join(temporary, 'verdict.json')
  rmSync(verdict, { force: true })
  const ran = await run([process.execPath, CLI, 'replay', out, '--all', '--json', '--verdict', verdict])
  try {
    const { threads } = JSON.parse(readFileSync(verdict, 'utf8'))
    const odd = threads.find((thread) => !thread.verdict.kind.startsWith('exact'))
    const entries = threads.reduce((sum, thread) => sum + thread.verdict.entries, 0)
    return { exact: odd === undefined, entries, why: odd && toText(odd) }
  } catch {
    return { exact: false, entries: 0, why: ran.late ? 'the replay takes longer than the limit' : ran.stderr.trim() }
  }
}

function toText({ thread, verdict: { kind, divergence } }) {
  if (!divergence) return `thread ${thread} ${kind}`
  const { turn, recorded, replayed, frame, thrown } = divergence
  const lines = [`thread ${thread} diverges at @${turn}`, `recorded ${recorded}`, `replayed ${replayed}`]
  if (frame) lines.push(`in ${frame}`)
  if (thrown) lines.push(`thrown ${String(thrown).split('\n').slice(0, 4).join(' | ')}`)
  return lines.map((line) => line.slice(0, 400)).join('\n  ')
}

/** Runs it to its end or to the limit, with all that it started. */
function run([word, ...rest]) {
  const { NODE_OPTIONS: _options, ...env } = process.env
  for (const key of Object.keys(env)) if (/^(npm_|RETROSCOPE_|NODE_TEST)/.test(key)) delete env[key]
  return new Promise((done, fail) => {
    const child = spawn(word, rest, { cwd: dir, env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] })
    const [out, err] = [collect(child.stdout), collect(child.stderr)]
    let late = false
    const timer = setTimeout(() => {
      late = true
      process.kill(-child.pid, 'SIGKILL')
    }, limitMs)
    child.on('error', fail)
    child.on('close', (code, signal) => {
      clearTimeout(timer)
      // A signal is said as shells do, and `record`.
      const end = late ? 'late' : (code ?? 128 + constants.signals[signal])
      done({
        code: end,
        late,
        stderr: err(),
        ...toResults(out(), end),
      })
    })
  })
}

function collect(stream) {
  let text = ''
  stream.setEncoding('utf8').on('data', (part) => {
    text += part
  })
  return () => text
}

/** What the tests said, by name; how long they took is nobody's result. */
function toResults(text, code) {
  const lines = [...text.matchAll(/^( *)(ok|not ok) \d+ ?-? ?(.*)$/gm)].map(
    ([, indent, word, name]) => `${indent}${word} ${name.replace(/ # time=.*| \(\d+m?s\)$/, '')}`,
  )
  const passed = lines.filter((line) => line.trimStart().startsWith('ok')).length
  const results = [...lines.sort(), `exit ${code}`].join('\n')
  return { passed, failed: lines.length - passed, count: lines.length, results }
}
