import { appendFileSync, cpSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { openRecording } from '../../replayer/index.js'
import { openLevelStore } from '../../src/log/level-store.js'
import { CLI, run, runRecord } from '../helpers/command.js'
import { recordInputs } from './rig.js'

const LARGE = `exports.words = ${JSON.stringify(Array.from({ length: 4000 }, (_, i) => (i * 2654435761) % 4294967296))}`

/** Until Node 22 a `package.json` is read like any other file; later ones answer natively what stands there. */
const PACKAGES = Number.parseInt(process.versions.node, 10) < 22 ? 1 : 0

/** Keys of the log under which contents stand. */
const CONTENTS = { gte: Uint8Array.of(3), lt: Uint8Array.of(4) }

/** A program of a parent, a child and a worker, which all load one large file. */
function makeApp(dir: string): string {
  const app = join(dir, 'app')
  mkdirSync(join(app, 'node_modules/large'), { recursive: true })
  const files = {
    'node_modules/large/index.js': LARGE,
    'state.json': '{ "runs": 0 }',
    'price.cjs': 'exports.price = () => 3 + Math.random()',
    'main.cjs': `
      const { words } = require('large')
      const fs = require('node:fs')
      const state = JSON.parse(fs.readFileSync('state.json', 'utf8'))
      fs.writeFileSync('state.json', JSON.stringify({ runs: state.runs + 1 }))
      console.log(words.length, state, require('./price.cjs').price() > 100 ? 'dear' : 'cheap')
      if (process.argv[2]) {
        require('node:child_process').execFileSync(process.execPath, [__filename])
        new (require('node:worker_threads').Worker)(__filename)
      }`,
  }
  for (const [name, text] of Object.entries(files)) writeFileSync(join(app, name), text)
  return app
}

function replay(dir: string, ...more: string[]) {
  return run([process.execPath, CLI, 'replay', '../program.retro', ...more], { cwd: join(dir, 'elsewhere') })
}

/** Records the program and leaves the recording beside it. */
async function recordApp(t: Test, record: readonly string[] = [], words: readonly string[] = []): Promise<string> {
  const dir = t.testdir({ elsewhere: {} })
  const app = makeApp(dir)
  const options = [...record, '-o', '../program.retro']
  const { code, stderr } = await runRecord(options, [process.execPath, 'main.cjs', ...words], { cwd: app })
  t.equal(code, 0, stderr)
  return dir
}

t.test('[B11] unchanged sources need no trust; changed and missing ones are refused without it', async (t) => {
  const dir = await recordApp(t)
  const app = join(dir, 'app')
  t.match(await replay(dir), { code: 0, stderr: /^Replaying thread 0 [^\n]*\nReplay of thread 0 is exact: [^\n]*\n$/ })
  appendFileSync(join(app, 'price.cjs'), '\n// another one')
  rmSync(join(app, 'node_modules'), { recursive: true })
  const refused = await replay(dir)
  t.equal(refused.code, 1)
  t.equal(refused.stdout, '')
  t.match(
    refused.stderr,
    /2 of 3 recorded sources do not stand here as recorded \(changed: \S+price\.cjs; missing: \S+large/,
  )
  t.match(refused.stderr, /--trust\b.*--sources local/)
  const trusted = await replay(dir, '--trust', '--json', '--verdict', 'verdict.json')
  t.match(trusted, { code: 0, stdout: '4000 { runs: 0 } cheap\n' })
  const { threads } = JSON.parse(readFileSync(join(dir, 'elsewhere/verdict.json'), 'utf8'))
  t.match(threads, [
    { verdict: { kind: 'exact' }, sources: { files: 3, changed: [/price\.cjs$/], missing: [/large/] } },
  ])
})

t.test('[B11] local sources are run against the recorded inputs up to the first difference', async (t) => {
  const dir = await recordApp(t)
  const price = join(dir, 'app/price.cjs')
  writeFileSync(price, 'exports.price = () => Math.random() + 3')
  const same = await replay(dir, '--sources', 'local')
  t.match(same, { code: 0, stderr: /is exact[\s\S]*price\.cjs\); the local ones were run\.\n$/ })
  writeFileSync(price, 'exports.price = () => 300 + Math.random()')
  const other = await replay(dir, '--sources', 'local')
  t.equal(other.code, 3)
  t.match(other.stderr, /diverged at turn @0[\s\S]*23 bytes[\s\S]*22 bytes[\s\S]*main\.cjs:6/)
})

t.test(
  '[B12] a source stands once in the recording, whoever loaded it; packed and unpacked it is all there',
  async (t) => {
    const dir = await recordApp(t, [], ['tree'])
    renameSync(join(dir, 'app'), join(dir, 'gone'))
    const recording = await openRecording(join(dir, 'program.retro'))
    const { sources, threads } = await recording.info()
    await recording.close()
    t.equal(threads.length, 3)
    t.match(sources, { files: 4 + PACKAGES, contents: 6 + PACKAGES, missing: 0 })
    t.ok(sources.bytes > LARGE.length && sources.bytes < LARGE.length * 1.1, `${sources.bytes} bytes`)
    const store = await openLevelStore(join(dir, 'program.retro/log/000001'))
    let stored = 0
    for await (const { value } of store.range(CONTENTS)) stored += value!.length
    await store.close()
    t.ok(stored < LARGE.length, `${stored} bytes of contents`)
    const inside = join(dir, 'elsewhere')
    for (const words of [
      ['pack', '../program.retro', '-o', 'a.retro'],
      ['unpack', 'a.retro', '-o', 'b.retro'],
    ]) {
      t.equal((await run([process.execPath, CLI, ...words], { cwd: inside })).code, 0)
    }
    for (const name of ['a.retro', 'b.retro']) {
      t.equal((await run([process.execPath, CLI, 'verify', name], { cwd: inside })).code, 0)
    }
    const again = await run([process.execPath, CLI, 'replay', 'a.retro', '--trust', '--all'], { cwd: inside })
    t.match(again, { code: 0, stderr: /thread 0 is exact[\s\S]*thread 0\.1 is exact[\s\S]*thread 0\.2 is exact/ })
  },
)

t.test('[B11] code that has no name of code is compared when it is loaded', async (t) => {
  const dir = t.testdir({
    'main.cjs': "console.log(require('./odd'), require('./odder.txt'))",
    odd: '"use strict"',
    'odder.txt': '',
    'package.json': '{}',
  })
  await recordInputs([process.execPath, 'main.cjs'], { cwd: dir })
  const again = (...more: string[]) => run([process.execPath, CLI, 'replay', 'program.retro', ...more], { cwd: dir })
  t.equal((await again()).code, 0)
  writeFileSync(join(dir, 'odd'), 'module.exports = 1')
  const refused = await again()
  t.match(refused, { code: 1, stdout: '', stderr: /has other code for \S+odd than stands here[\s\S]*--trust/ })
  t.match(await again('--trust'), { code: 0, stdout: '{} {}\n' })
})

t.test('[B11] what a program reads itself of a file with code is data', async (t) => {
  const dir = t.testdir({
    'main.cjs': `
      const fs = require('node:fs')
      const bytes = Buffer.alloc(20)
      for (const [at, size] of [[0, 10], [5, 10], [null, 3], [null, 3]]) {
        fs.readSync(fs.openSync(__filename), bytes, 0, size, at)
        console.log(String(bytes))
      }
      const fd = fs.openSync(__filename)
      for (const size of [1, 2, 3]) console.log(fs.readSync(fd, bytes, 0, size, null), String(bytes))
      require('node:fs/promises').open(__filename).then(async (file) => {
        console.log((await file.read(bytes, 0, 8, 4)).bytesRead, String(bytes))
        await file.close()
      })`,
  })
  const recorded = await recordInputs([process.execPath, 'main.cjs'], { cwd: dir })
  const again = (...more: string[]) => run([process.execPath, CLI, 'replay', 'program.retro', ...more], { cwd: dir })
  t.match(await again(), { code: 0, stdout: recorded.stdout })
  t.match(await again('--sources', 'local'), { code: 0, stdout: recorded.stdout })
})

t.test('[B12] a damaged source is named, and is taken from here where it stands unchanged', async (t) => {
  const dir = await recordApp(t)
  const store = await openLevelStore(join(dir, 'program.retro/log/000001'))
  for await (const { key, value } of store.range(CONTENTS)) {
    if (value && value.length > 5000) await store.write({ put: [], lost: [key] })
  }
  await store.close()
  const verified = await run([process.execPath, CLI, 'verify', 'program.retro'], { cwd: dir })
  t.match(verified, { code: 1, stdout: /the source with the hash [0-9a-f]{32}: the value fails its checksum/ })
  t.equal((await replay(dir)).code, 0)
  cpSync(join(dir, 'app'), join(dir, 'copy'), { recursive: true })
  appendFileSync(join(dir, 'app/node_modules/large/index.js'), '//')
  t.match(await replay(dir, '--trust'), {
    code: 1,
    stderr: /does not hold 1 of its sources: \S+large\S+ \(changed here\)/,
  })
})

t.test('[B12] --no-sources leaves code out and keeps data', async (t) => {
  const dir = await recordApp(t, ['--no-sources'])
  const info = await run([process.execPath, CLI, 'info', 'program.retro'], { cwd: dir })
  t.match(info.stdout, new RegExp(`sources +${4 + PACKAGES} files, .*; 3 of them not in it`))
  t.match(await replay(dir), { code: 0, stdout: '4000 { runs: 0 } cheap\n' })
  rmSync(join(dir, 'app/price.cjs'))
  t.match(await replay(dir, '--trust'), {
    code: 1,
    stderr: /does not hold 1 of its sources: \S+price\.cjs \(missing here\)/,
  })
})

t.test('[B12] what was loaded survives kill -9', async (t) => {
  const dir = t.testdir({
    'main.cjs': `
      console.log(require('./other.cjs'))
      setImmediate(() => process.kill(process.pid, 'SIGKILL'))`,
    'other.cjs': 'module.exports = Math.random()',
  })
  const recorded = await recordInputs([process.execPath, 'main.cjs'], { cwd: dir })
  t.equal(recorded.code, 137)
  for (const name of ['main.cjs', 'other.cjs']) rmSync(join(dir, name))
  const again = await run([process.execPath, CLI, 'replay', 'program.retro', '--trust'], { cwd: dir })
  t.match(again, { code: 0, stdout: recorded.stdout, stderr: /exact to the kill/ })
})

t.test('[B11] [B12] modules, and code that is read whole, are sources wherever Node reads them', async (t) => {
  const dir = t.testdir({
    'main.mjs': `
      import { readFile } from 'node:fs'
      import * as promises from 'node:fs/promises'
      const { price } = await import('./price.mjs')
      const file = new URL('read.js', import.meta.url)
      console.log(price(), String(await promises.readFile(file)))
      readFile(file, 'utf8', (error, text) => console.log(error, text, Math.random() < 2))`,
    'price.mjs': 'export const price = () => 3',
    'read.js': '"once"',
    'package.json': '{}',
  })
  const recorded = await recordInputs([process.execPath, 'main.mjs'], { cwd: dir }, ['--no-sources'])
  t.match(recorded, { code: 0, stdout: '3 "once"\nnull "once" true\n' })
  const again = (...more: string[]) => run([process.execPath, CLI, 'replay', 'program.retro', ...more], { cwd: dir })
  t.match(await again(), { code: 0, stdout: recorded.stdout })
  for (const [name, text, size] of [
    ['price.mjs', 'export const price = () => 4000', 12],
    ['read.js', '"once and again"', 19],
  ] as const) {
    const before = readFileSync(join(dir, name))
    writeFileSync(join(dir, name), text)
    t.match(await again(), { code: 1, stderr: new RegExp(`does not hold 1 of its sources: \\S+${name} .changed here`) })
    t.match(await again('--sources', 'local'), { code: 3, stderr: new RegExp(`9 bytes[^]*${size} bytes`) })
    writeFileSync(join(dir, name), before)
  }
})
