// Lint, build, every test; ends with `N passed, N failed`. Installs what the tests need from the system (Debian, root).
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'

const NEEDED = { tmux: 'tmux', strace: 'strace', script: 'bsdutils', 'redis-server': 'redis-server' }
const POSTGRES = '/usr/lib/postgresql'

const missing = Object.keys(NEEDED).filter((command) => spawnSync('sh', ['-c', `command -v ${command}`]).status !== 0)
if (!existsSync(POSTGRES)) missing.push(POSTGRES)
if (missing.length > 0 && process.getuid?.() === 0 && spawnSync('sh', ['-c', 'command -v apt-get']).status === 0) {
  const packages = missing.map((command) => NEEDED[command] ?? 'postgresql')
  console.log(`installing ${packages.join(', ')}`)
  spawnSync('sh', ['-c', `apt-get update -q && apt-get install -qy --no-install-recommends ${packages.join(' ')}`], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  })
}

for (const step of [
  ['npm', 'run', '--silent', 'lint'],
  ['node', '.ci/build.mjs', '--clean'],
  ['node', '.ci/test.mjs'],
]) {
  const started = Date.now()
  const done = spawnSync(step[0], step.slice(1), { stdio: ['ignore', 'inherit', 'inherit'] })
  if (step.at(-1) !== '.ci/test.mjs')
    console.log(`# ${step.join(' ')}: ${((Date.now() - started) / 1000).toFixed(1)} s`)
  if (done.status !== 0) {
    if (!step.at(-1).includes('test')) console.log('0 passed, 1 failed')
    process.exit(done.status ?? 1)
  }
}
