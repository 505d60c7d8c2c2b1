// Installs the peers to measure against (once; better-sqlite3 compiles for some 100 s) and runs the benchmark.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'

if (!existsSync('test/bench/node_modules')) {
  console.error('installing the peers to measure against (about two minutes, once) …')
  const installed = spawnSync('npm', ['install', '--no-audit', '--no-fund', '--no-package-lock'], {
    cwd: 'test/bench',
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  if (installed.status !== 0) process.exit(installed.status ?? 1)
}
const run = spawnSync(process.execPath, ['dist/test/bench/main.js', ...process.argv.slice(2)], { stdio: 'inherit' })
process.exit(run.status ?? 1)
