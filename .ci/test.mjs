// Runs the compiled tests (all, or those named by path: test/json/diff.test.ts, a directory, a pattern after -g) and
// ends with the line `N passed, N failed`.
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, readdirSync, statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, relative, resolve } from 'node:path'
import { parseArgs } from 'node:util'

const require = createRequire(import.meta.url)
const root = join(dirname(new URL(import.meta.url).pathname), '..')
process.chdir(root)
const tap = join(dirname(require.resolve('tap/package.json')), 'dist/esm/run.mjs')
if (!existsSync('.tap/plugins')) spawnSync(process.execPath, [tap, 'build'], { stdio: 'ignore' })

const { values, positionals: names } = parseArgs({
  allowPositionals: true,
  options: { grep: { type: 'string', short: 'g', multiple: true } },
})
const flags = (values.grep ?? []).map((pattern) => `--grep=${pattern}`)
// Twenty replays of each program take their time, and a busy machine more of it.
const patience = process.env.RETROSCOPE_LONG === undefined ? [] : ['--timeout=7200']
const files = (names.length ? names : ['test']).flatMap(toTests)
if (files.length === 0) {
  console.error(`no test file under ${names.join(' ') || 'test'}`)
  process.exit(2)
}

const run = spawn(
  process.execPath,
  [tap, 'run', '--reporter=tap', `--jobs=${process.env.RETROSCOPE_JOBS ?? 2}`, ...patience, ...flags, ...files],
  {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, FORCE_COLOR: '0' },
  },
)
let text = ''
let pending = ''
run.stdout.setEncoding('utf8')
run.stdout.on('data', (part) => {
  text += part
  pending += part
  const lines = pending.split('\n')
  pending = lines.pop()
  for (const line of lines) {
    // File results, failures with what follows them, and what a test said aloud; the passing assertions stay quiet.
    if (failing(line) || /^(ok|# )/.test(line)) console.log(line)
  }
})
let inFailure = false
function failing(line) {
  if (/^\s*not ok/.test(line)) inFailure = true
  else if (/^\s*(ok|# Subtest)/.test(line)) inFailure = false
  return inFailure
}
run.on('close', (code, signal) => {
  const totals = [...text.matchAll(/^# \{ total: (\d+)(.*?)\}$/gms)].at(-1)
  const count = (name) => Number(new RegExp(`${name}: (\\d+)`).exec(totals?.[0] ?? '')?.[1] ?? 0)
  const failed = count('fail')
  const skipped = count('skip')
  if (!totals || (code !== 0 && failed === 0)) console.log(`the test runner ended with ${signal ?? code}`)
  console.log(
    `${count('pass')} passed, ${failed || (code === 0 && totals ? 0 : 1)} failed${skipped ? `, ${skipped} skipped` : ''}`,
  )
  process.exitCode = code === 0 && totals && count('pass') > 0 ? 0 : 1
})

function toTests(name) {
  const source = relative(root, resolve(name))
    .replace(/^dist\//, '')
    .replace(/\.ts$/, '.js')
  const path = join('dist', source)
  if (!existsSync(path)) return []
  if (statSync(path).isFile()) return [path]
  return readdirSync(path, { recursive: true })
    .filter((entry) => entry.endsWith('.test.js') && existsSync(join(source, entry.replace(/\.js$/, '.ts'))))
    .sort()
    .map((entry) => join(path, entry))
}
