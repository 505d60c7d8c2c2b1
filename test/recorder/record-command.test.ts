import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { constants } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { openRecording } from '../../replayer/open.js'
import { run, runRecord } from '../helpers/command.js'

const NODE = process.execPath
const LIBRARY = resolve(dirname(fileURLToPath(import.meta.url)), '../../recorder/index.js')

t.setTimeout(480_000)

function write(dir: string, files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) {
    writeFileSync(join(dir, name), text)
    if (name.endsWith('.sh')) chmodSync(join(dir, name), 0o755)
  }
}

/** Durations differ from run to run, process ids and thread ids too. */
function toStable(text: string): string {
  return text.replace(/(duration_ms:? ?)[\d.]+/g, '$1…').replace(/\(node:\d+\)/g, '(node:…)')
}

const PROGRAMS: Readonly<Record<string, string>> = {
  'view.cjs': `for (const name in process.env) if (name.startsWith('_TAPJS')) delete process.env[name]
    console.log(process.env, process.execArgv, process.argv.slice(2), process.listenerCount('SIGINT'))
    console.log(Object.keys(globalThis), Object.getOwnPropertyNames(process).sort(), require.cache.length)`,
  'throw.cjs': `function deep(n) { if (n === 0) throw new TypeError('no cart'); deep(n - 1) }
    process.on('exit', (code) => console.log('exit', code))
    console.error('before'); setTimeout(() => deep(20), 1)`,
  'reject.mjs': `process.on('exit', (code) => console.log('exit', code)); await 1
    Promise.reject(new Error('nobody cares')); setTimeout(() => console.log('never'), 1000)`,
  'handled.cjs': `process.on('uncaughtException', (e, origin) => console.log('caught', e.message, origin))
    process.on('unhandledRejection', (e) => console.log('rejected', e.message))
    Promise.reject(new Error('r')); setTimeout(() => { throw new Error('x') }, 5)`,
  'big.cjs': `process.stdout.write('x'.repeat(3e6)); process.exitCode = 9`,
  'exit-code.cjs': `process.on('exit', () => { process.exitCode = 21 })`,
  'warn.cjs': `process.emitWarning('careful'); new Buffer(1)`,
  'some.test.mjs': `import { test } from 'node:test'; import assert from 'node:assert'
    test('good', () => {}); test('bad', () => assert.equal(1, 2))`,
  'tree.cjs': `const cp = require('child_process'), { Worker } = require('worker_threads')
    const child = cp.spawn(process.execPath, ['-e', 'console.log(1); process.exit(4)'])
    child.stdout.pipe(process.stdout)
    child.on('exit', (code, signal) => { console.log(code, signal); throw new Error('in a listener') })
    process.on('uncaughtException', (e) => console.log(e.stack))
    child.on('close', () => {
      const done = cp.spawnSync('sh', ['-c', 'echo out; echo err >&2; kill -9 $$'])
      console.log(done.status, done.signal, String(done.stdout), String(done.stderr))
      try { cp.execFileSync('no-such-file') } catch (e) { console.log(e.code, e.syscall, e.spawnargs) }
      try { cp.spawn(process.execPath, [], { cwd: 7 }) } catch (e) { console.log(e.stack) }
      cp.spawn('no-such-file').on('error', (e) => console.log(e.message, e.stack))
      console.log(cp.spawn, cp.fork.length, Worker, Worker.length, Object.keys(child))
      new Worker('throw new RangeError("inside")', { eval: true })
        .on('error', (e) => console.log(e.stack)).on('exit', (code) => console.log('worker', code))
    })`,
  'steps.sh': `#!/bin/sh\necho one | cat; node -e 'console.log(2)' | sed s/2/two/; (exit 5)`,
  'plain.txt': 'no program',
}

/** What is recorded must not show in what the command writes, nor in how it ends. */
const TABLE: readonly { readonly name: string; readonly command: readonly string[]; readonly input?: string }[] = [
  { name: 'a program that looks at its environment', command: [NODE, '--no-deprecation', 'view.cjs', 'a b', '--x'] },
  { name: 'an exit code', command: [NODE, '-e', 'process.exit(3)'] },
  { name: 'an exit code that is set in an exit handler', command: [NODE, 'exit-code.cjs'] },
  { name: 'an uncaught error', command: [NODE, 'throw.cjs'] },
  { name: 'an unhandled rejection', command: [NODE, 'reject.mjs'] },
  {
    name: 'a rejection under --unhandled-rejections=warn',
    command: [NODE, '--unhandled-rejections=warn', 'reject.mjs'],
  },
  { name: 'errors that the program handles itself', command: [NODE, 'handled.cjs'] },
  { name: 'more output than a pipe holds', command: [NODE, 'big.cjs'] },
  { name: 'warnings', command: [NODE, 'warn.cjs'] },
  { name: 'stdin', command: ['cat'], input: 'three\nlines\n\n' },
  { name: 'a program on stdin', command: [NODE, '-'], input: 'console.log(__filename, process.stdin.isTTY)' },
  {
    name: 'a signal that ends the command',
    command: [NODE, '-e', 'process.kill(process.pid, "SIGTERM"); setInterval(Object, 9)'],
  },
  { name: 'a core-dumping signal', command: ['sh', '-c', 'kill -ABRT $$'] },
  { name: 'a shell script with a pipeline', command: ['./steps.sh'] },
  { name: 'node --test', command: [NODE, '--test', '--test-reporter=tap', 'some.test.mjs'] },
  { name: 'children and workers', command: [NODE, 'tree.cjs'] },
  { name: 'an option that keeps preloads out', command: [NODE, '--experimental-permission', '-e', 'console.log(1)'] },
]

t.test('[R1] stdin, stdout, stderr and the way to end are those of the command', async (t) => {
  const dir = t.testdir()
  write(dir, PROGRAMS)
  for (const { name, command, input } of TABLE) {
    const options = { cwd: dir, ...(input !== undefined && { input }) }
    const bare = await run(command, options)
    const recorded = await runRecord(['-o', `${name}.retro`], command, options)
    const code = bare.signal ? 128 + constants.signals[bare.signal] : bare.code
    t.equal(recorded.code, code, `${name}: exit code`)
    t.equal(toStable(recorded.stdout), toStable(bare.stdout), `${name}: stdout`)
    t.equal(toStable(recorded.stderr), toStable(bare.stderr), `${name}: stderr`)
    t.ok(existsSync(join(dir, `${name}.retro`, 'format')), `${name}: a recording`)
  }
})

t.test('[R2] what cannot start ends as in a shell, and leaves nothing behind', async (t) => {
  const dir = t.testdir({ taken: { format: '{}' }, file: 'x' })
  write(dir, PROGRAMS)
  const table: readonly [code: number, record: readonly string[], command: string, says: RegExp][] = [
    [127, ['-o', 'a.retro'], 'no-such-command', /no-such-command: command not found/],
    [126, ['-o', 'a.retro'], './plain.txt', /plain\.txt: not executable/],
    [126, ['-o', 'a.retro'], '/', /\/: not executable/],
    [125, ['-o', 'taken'], 'true', /taken holds a recording already/],
    [125, ['-o', 'file'], 'true', /file/],
    [125, ['-o', 'file/a.retro'], 'true', /file\/a\.retro/],
    [125, ['-o', '/proc/no/a.retro'], 'true', /No recording can be made at \/proc\/no\/a\.retro/],
    [2, ['--keep', 'sometimes'], 'true', /always, failure/],
  ]
  for (const [code, record, command, says] of table) {
    const ran = await runRecord(record, [command], { cwd: dir })
    t.equal(ran.code, code, `${record.join(' ')} ${command}`)
    t.match(ran.own.join('\n'), says)
    t.equal(ran.stdout, '')
    t.notOk(existsSync(join(dir, 'a.retro')), 'no recording is left')
  }
  const none = await run([NODE, (await import('../helpers/command.js')).CLI, 'record'], { cwd: dir })
  t.equal(none.code, 2, 'no command is wrong usage')
})

t.test('[R3] --keep failure keeps the recording only of a command that fails', async (t) => {
  const dir = t.testdir()
  const good = await runRecord(['-o', 'good.retro', '--keep', 'failure'], [NODE, '-e', '0'], { cwd: dir })
  t.equal(good.code, 0)
  t.notOk(existsSync(join(dir, 'good.retro')))
  t.match(good.own.at(-1), /exited with 0.*not kept/)
  const bad = await runRecord(['-o', 'bad.retro', '--keep', 'failure'], [NODE, '-e', 'process.exit(2)'], { cwd: dir })
  t.equal(bad.code, 2)
  t.ok(existsSync(join(dir, 'bad.retro', 'format')))
  const killed = await runRecord(['--keep', 'failure', '-o', 'killed.retro'], ['sh', '-c', 'kill -9 $$'], { cwd: dir })
  t.equal(killed.code, 137)
  t.ok(existsSync(join(dir, 'killed.retro', 'format')))
})

t.test('[R4] the closing line names the recording and a command to paste', async (t) => {
  const dir = t.testdir()
  write(dir, PROGRAMS)
  const ran = await runRecord([], [NODE, 'exit-code.cjs'], { cwd: dir })
  const names = readdirSync(join(dir, 'recordings'))
  t.match(names, [/^\d{8}-\d{6}-node-exit-code\.retro$/])
  t.match(ran.own.at(-1), new RegExp(`recordings/${names[0]}.*events.*retroscope info recordings/${names[0]}$`))
  t.notMatch(ran.own.at(-1), /[#<>]/)
  t.equal(ran.own.length, 2, 'one line about the data in it, one closing line')
  t.equal(statSync(join(dir, 'recordings', names[0]!)).mode & 0o777, 0o700)
  for (const entry of readdirSync(join(dir, 'recordings', names[0]!), { recursive: true, encoding: 'utf8' })) {
    const { mode } = statSync(join(dir, 'recordings', names[0]!, entry))
    t.equal(mode & 0o077, 0, `${entry} is for its owner only`)
  }
  mkdirSync(join(dir, 'a b'))
  const spaced = await runRecord(['-o', "a b/it's.retro"], ['true'], { cwd: dir })
  t.match(spaced.own.at(-1), /retroscope info 'a b\/it'\\''s\.retro'$/)
})

t.test(
  '[R7] values of secret-like variables and options are nowhere in the recording, unless --keep-env',
  async (t) => {
    const dir = t.testdir({
      'use.mjs': `import { setup } from ${JSON.stringify(LIBRARY)}
      import { execFileSync, spawnSync } from 'node:child_process'
      const scope = await setup()
      scope.mark('using ' + process.env.SHOP_TOKEN, { header: process.env.SHOP_TOKEN })
      spawnSync(process.execPath, ['-e', '0', '--', process.env.SHOP_TOKEN, '--password', 'hunter2hunter2'])
      spawnSync('sh', ['-c', 'exit 3', '--api-key=shortkey'], { env: { ...process.env, LATER_SECRET: 'made-up-later-1234' } })
      await scope.stop()`,
    })
    const SHOP_TOKEN = 'Zq8-vv71-planted-secret-value'
    const secrets = [SHOP_TOKEN, 'hunter2hunter2', 'shortkey', 'made-up-later-1234']
    const command = [NODE, 'use.mjs', SHOP_TOKEN, '--password', 'hunter2hunter2']
    const options = { cwd: dir, env: { SHOP_TOKEN } }
    const ran = await runRecord(['-o', 'a.retro', '--no-inputs'], command, options)
    t.equal(ran.code, 0)
    const text = readAll(join(dir, 'a.retro')) + (await readEvents(join(dir, 'a.retro')))
    for (const secret of secrets) t.notOk(text.includes(secret), `${secret.slice(0, 4)}… is not in it`)
    t.match(text, /"using [^"]{29}"/, 'a token of the same length stands in its place')
    await runRecord(['-o', 'b.retro', '--keep-env'], command, options)
    t.match(await readEvents(join(dir, 'b.retro')), `using ${SHOP_TOKEN}`)
    await runRecord(['-o', 'c.retro'], command, options)
    const inputs = readAll(join(dir, 'c.retro')) + (await readEvents(join(dir, 'c.retro')))
    t.notOk(inputs.includes(SHOP_TOKEN), 'not where inputs are recorded either')
  },
)

/** All bytes of all files. */
function readAll(dir: string): string {
  return readdirSync(dir, { recursive: true, encoding: 'utf8' })
    .filter((name) => statSync(join(dir, name)).isFile())
    .map((name) => readFileSync(join(dir, name), 'latin1'))
    .join('\n')
}

async function readEvents(path: string): Promise<string> {
  const recording = await openRecording(path)
  const events: unknown[] = []
  for await (const event of recording.events()) events.push(event.body)
  const { command } = await recording.info()
  await recording.close()
  return JSON.stringify([command, events])
}
