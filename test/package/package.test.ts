import { spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'

const ROOT = resolve(fileURLToPath(new URL('../../..', import.meta.url)))

function run(command: string, args: readonly string[], cwd: string) {
  const done = spawnSync(command, args, {
    cwd,
    encoding: 'utf8',
    env: { ...process.env, NODE_OPTIONS: '', FORCE_COLOR: '0' },
  })
  return { code: done.status, text: `${done.stdout}${done.stderr}` }
}

t.test('[P1] the top level holds what it should and nothing else', async (t) => {
  const listed = run('git', ['ls-files'], ROOT).text.split('\n').filter(Boolean)
  const top = new Set(listed.map((file) => file.split('/')[0] ?? '').filter((name) => !name.startsWith('.')))
  const expected = ['LICENSE', 'README.md', 'package-lock.json', 'package.json']
  t.same([...top].sort(), [...expected, 'recorder', 'replayer', 'samples', 'src', 'test', 'tsconfig.json'].sort())
})

t.test('[P2] the packed package installs into an empty project and works by import, require and command', async (t) => {
  const dir = t.testdir({ project: { 'package.json': '{ "name": "consumer", "private": true }' } })
  const packed = run('npm', ['pack', '--silent', '--ignore-scripts', '--pack-destination', dir], ROOT)
  t.equal(packed.code, 0, packed.text)
  const tarball = join(dir, readdirSync(dir).find((name) => name.endsWith('.tgz')) ?? 'missing')

  const types = run('npx', ['--no-install', 'attw', tarball, '--profile', 'esm-only'], ROOT)
  t.equal(types.code, 0, types.text)
  const published = run('npx', ['--no-install', 'publint', tarball, '--strict'], ROOT)
  t.equal(published.code, 0, published.text)

  const project = join(dir, 'project')
  const installed = run('npm', ['install', '--prefer-offline', '--no-audit', '--no-fund', tarball], project)
  t.equal(installed.code, 0, installed.text)
  const bin = join(project, 'node_modules', '.bin', 'retroscope')
  t.match(run(bin, ['--help'], project), { code: 0, text: /record[\s\S]*replay[\s\S]*why/ })

  mkdirSync(join(project, 'app'))
  writeFileSync(join(project, 'app', 'a.mjs'), BY_IMPORT)
  writeFileSync(join(project, 'app', 'b.cjs'), BY_REQUIRE)
  t.match(run(process.execPath, ['app/a.mjs'], project), { code: 0, text: /^\{"n":2\}$/m })
  t.match(run(process.execPath, ['app/b.cjs'], project), { code: 0, text: /function function/ })
})

t.test('[P3] importing the library loads no viewer and no command line', async (t) => {
  const listing = run(
    process.execPath,
    [
      '--input-type=module',
      '-e',
      `import { register } from 'node:module';
       register('data:text/javascript,export async function load(url, context, next) { process._rawDebug(url); return next(url, context) }');
       await import(${JSON.stringify(join(ROOT, 'dist/recorder/index.js'))})`,
    ],
    ROOT,
  )
  t.equal(listing.code, 0, listing.text)
  t.match(listing.text, /recorder\/index\.js/)
  t.notMatch(listing.text, /commander|faces\//)
})

const BY_IMPORT = `
import { setup } from 'retroscope'
import { openRecording } from 'retroscope/replay'
const scope = await setup({ out: 'run.retro' })
const counter = scope.container('counter', { n: 0 })
counter.n = 1
counter.n = 2
await scope.stop()
const recording = await openRecording('run.retro')
const answer = await recording.stateAt('counter', 'end')
console.log(JSON.stringify(answer.state))
await recording.close()
`

const BY_REQUIRE = `
const { setup } = require('retroscope')
const { openRecording } = require('retroscope/replay')
console.log(typeof setup, typeof openRecording)
`
