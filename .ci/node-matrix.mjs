// Runs the tests of replayed programs under each Node of test/matrix/package.json (see HELP). Ends with a line per version
// and `N passed, N failed`.
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { delimiter, dirname, join, resolve } from 'node:path'

const HELP = `usage: npm run test:node-matrix -- [VERSION…] [TEST PATH…] [-g PATTERN]

  npm run test:node-matrix                                   every version, every test of test/program: an hour or more
  npm run test:node-matrix -- 22 24                          these versions alone
  npm run test:node-matrix -- 26 test/program/replay.test.ts -g timers

Each recording is run again 5 times, or RETROSCOPE_TIMES. Binaries are installed once into test/matrix, about 700 MB.
Versions: `

const root = 'test/matrix'
const { dependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
const words = process.argv.slice(2)
if (words.includes('--help') || words.includes('-h')) {
  const versions = Object.keys(dependencies).map((name) => name.replace('node-', ''))
  console.log(HELP + versions.join(', '))
  process.exit(0)
}
const asked = words.filter((word) => `node-${word}` in dependencies)
const rest = words.filter((word) => !asked.includes(word))
const names = asked.length ? asked.map((word) => `node-${word}`) : Object.keys(dependencies)

if (names.some((name) => !existsSync(toBinary(name)))) install()
const TIMES = process.env.RETROSCOPE_TIMES ?? '5'
const totals = { passed: 0, failed: 0 }
const lines = []
for (const name of names) {
  const binary = toBinary(name)
  const version = spawnSync(binary, ['--version'], { encoding: 'utf8' }).stdout.trim()
  console.log(`# Node ${version}`)
  const start = Date.now()
  const counts = await runTests(binary)
  const seconds = Math.round((Date.now() - start) / 1000)
  totals.passed += counts.passed
  totals.failed += counts.failed
  lines.push(
    `Node ${version}: ${counts.passed} passed, ${counts.failed} failed, each replayed ${TIMES} times, in ${seconds} s`,
  )
}
console.log(lines.join('\n'))
console.log(`${totals.passed} passed, ${totals.failed} failed`)
process.exitCode = totals.failed === 0 && totals.passed > 0 ? 0 : 1

function toBinary(name) {
  return resolve(root, 'node_modules', name, 'bin/node')
}

function install() {
  console.error('installing the Node versions to test with (about half a minute, once) …')
  const installed = spawnSync('npm', ['install', '--no-audit', '--no-fund', '--no-package-lock'], {
    cwd: root,
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  if (installed.status !== 0) process.exit(installed.status ?? 1)
}

/** What the tests start by its name, be it `node` or `npx`, runs under that version too. A machine that does something
 *  else meanwhile may be slow. */
function runTests(binary) {
  const paths = rest.some((word) => word.startsWith('test/')) ? rest : ['test/program', ...rest]
  const env = {
    TAP_TIMEOUT: '3600',
    ...process.env,
    RETROSCOPE_TIMES: TIMES,
    PATH: `${dirname(binary)}${delimiter}${process.env.PATH}`,
  }
  const child = spawn(binary, ['.ci/test.mjs', ...paths], { env, stdio: ['ignore', 'pipe', 'inherit'] })
  let last = ''
  child.stdout.setEncoding('utf8').on('data', (part) => {
    process.stdout.write(part)
    last = (last + part).slice(-1000)
  })
  return new Promise((done) => {
    child.on('close', () => {
      const found = [...last.matchAll(/^(\d+) passed, (\d+) failed/gm)].at(-1)
      done(found ? { passed: Number(found[1]), failed: Number(found[2]) } : { passed: 0, failed: 1 })
    })
  })
}
