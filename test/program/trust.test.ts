import type { ChildProcess } from 'node:child_process'
import { cpSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { isKnownFlag, joinOptions, keepFlags, splitOptions } from '../../replayer/program/node-flags.js'
import { CLI, run } from '../helpers/command.js'
import { recordInputs, replayInputs } from './rig.js'

/** A user of this machine, with a key of their own. */
const toUser = (dir: string, name: string) => ({ XDG_STATE_HOME: join(dir, name) })

function retroscope(dir: string, words: readonly string[], user = 'ann') {
  return run([process.execPath, CLI, ...words], { cwd: dir, env: toUser(dir, user) })
}

const HOOKS = {
  'main.mjs': `
    import { register } from 'node:module'
    register('data:text/javascript,export const load = (url, context, next) => next(url, context)')
    await import('./other.mjs')`,
  'other.mjs': 'console.log(Math.random() < 2)',
}

const IN_ADDRESS = 'data:text/javascript,globalThis.a=1'

/** The URL parser does not see tabs and ends of lines. */
const IN_BROKEN_ADDRESS = 'da\tta:text/javascript,globalThis.a=1'

type Row = readonly [name: string, command: readonly string[], input: string, options?: string]

const IN_NO_FILE: readonly Row[] = [
  ['a text on the command line', ['-e', 'console.log(Math.random())'], ''],
  ['a text from stdin', [], 'console.log(Math.random())'],
  ['module hooks', ['main.mjs'], ''],
  ['a module in its own address', ['--import', IN_ADDRESS, 'other.mjs'], ''],
  ['an address with a tab', ['--import', IN_BROKEN_ADDRESS, 'other.mjs'], ''],
  ['such an address in NODE_OPTIONS', ['other.mjs'], '', `--import="${IN_BROKEN_ADDRESS}"`],
  ['a text from stdin, and tests no longer', ['--test', '--no-test'], 'console.log(Math.random())'],
  ['a text from stdin for an empty script', [''], 'console.log(Math.random())'],
  [
    'a text from stdin behind what is no value',
    ['--experimental-specifier-resolution', '-', 'other.mjs'],
    'Math.random()',
  ],
]

for (const [name, words, input, options] of IN_NO_FILE) {
  t.test(`[B11] ${name}: runs unasked where it was recorded, and with trust elsewhere`, async (t) => {
    const dir = t.testdir(HOOKS)
    const env = { ...toUser(dir, 'ann'), ...(options && { NODE_OPTIONS: options }) }
    const recorded = await recordInputs([process.execPath, ...words], { cwd: dir, env, input })
    t.equal(recorded.code, 0, recorded.stderr)
    t.match(await retroscope(dir, ['replay', 'program.retro']), { code: 0, stdout: recorded.stdout })
    cpSync(join(dir, 'program.retro'), join(dir, 'copied.retro'), { recursive: true, preserveTimestamps: true })
    t.match(await retroscope(dir, ['replay', 'copied.retro']), REFUSED)
  })
}

t.test("[B11] what is said to Node's own debugger stands in no file", async (t) => {
  const dir = t.testdir(HOOKS)
  // It waits for ever where its input ends before it has reached the program.
  const answer = (text: string, child: ChildProcess) => {
    if (/Break on start[\s\S]*debug> $/.test(text)) child.stdin?.end('.exit\n')
  }
  const options = { cwd: dir, env: toUser(dir, 'ann'), keepStdin: true, onOutput: answer }
  const recorded = await recordInputs([process.execPath, 'inspect', '--port=0', 'other.mjs'], options)
  t.equal(recorded.code, 0, recorded.stderr)
  cpSync(join(dir, 'program.retro'), join(dir, 'copied.retro'), { recursive: true, preserveTimestamps: true })
  t.match(await retroscope(dir, ['replay', 'copied.retro', '--thread', '0']), REFUSED)
})

t.test('[B11] what the system makes of the recording itself does not stand here', async (t) => {
  const dir = t.testdir({ 'main.cjs': 'console.log(Math.random() < 2)' })
  const main = join(dir, 'main.cjs')
  const words = `'${process.execPath}' --preserve-symlinks -r /proc/self/cmdline -- '${main}'`
  const recorded = await recordInputs(['bash', '-c', `exec -a 'console.log("ran")//' ${words}`], { cwd: dir })
  t.match(recorded, { code: 0, stdout: 'ran\ntrue\n' })
  const refused = await retroscope(dir, ['replay', 'program.retro'])
  t.match(refused, {
    code: 1,
    stdout: '',
    stderr: /other code for \/proc\/self\/cmdline than stands here[\s\S]*--trust/,
  })
})

const REFUSED = { code: 1, stdout: '', stderr: /stands? in no file[\s\S]*--trust/ }

t.test('[B11] neither another user nor packing makes a recording one of this user', async (t) => {
  const dir = t.testdir({})
  const program = [process.execPath, '-e', 'console.log(Math.random())']
  const recorded = await recordInputs(program, { cwd: dir, env: toUser(dir, 'ann') })
  t.match(await retroscope(dir, ['replay', 'program.retro'], 'bob'), REFUSED)
  await retroscope(dir, ['pack', 'program.retro', '-o', 'packed.retro'])
  t.match(await retroscope(dir, ['replay', 'packed.retro']), REFUSED)
  await retroscope(dir, ['unpack', 'packed.retro', '-o', 'unpacked.retro'])
  t.match(await retroscope(dir, ['replay', 'unpacked.retro']), REFUSED)
  t.match(await retroscope(dir, ['replay', 'unpacked.retro', '--trust']), { code: 0, stdout: recorded.stdout })
})

/** Calls by which something outside is touched. */
const REACHING = /\b(?:connect|bind|listen|sendto|kill|execve)\(|\bopen(?:at)?\(.*\bO_(?:WRONLY|RDWR|CREAT)\b/

/** Such calls of a command, but for its own temporary directories, and for the question whether a process is there. */
async function listReaching(t: Test, command: readonly string[], dir: string) {
  if ((await run(['strace', '-V'], { cwd: '/' }).catch(() => ({ code: 1 }))).code !== 0) {
    if (process.env['CI'] === 'true') t.fail('strace is missing')
    else t.comment('SKIPPED: strace is missing, nothing was looked at')
    return undefined
  }
  const trace = join(dir, 'calls')
  const calls = 'trace=connect,bind,listen,sendto,kill,execve,open,openat'
  const ran = await run(['strace', '-f', '-qq', '-o', trace, '-e', calls, ...command], { cwd: dir })
  t.match(ran.stderr, /is exact/)
  const touched = readFileSync(trace, 'utf8')
    .split('\n')
    .filter(
      (line) =>
        REACHING.test(line) && !/kill\(\d+, 0\)|"\/dev\/(?:null|tty)"|"[^"]*\/retroscope-\w+-[^"]*", O_/.test(line),
    )
  return { touched, stdout: ran.stdout }
}

const FLAGGED = {
  'main.cjs': `
    const { Worker, isMainThread } = require('node:worker_threads')
    console.log(isMainThread, pre, imported, typeof gc, process.execArgv.join(' '))
    console.log(process.debugPort > 0, ...['NODE_OPTIONS', 'NODE_EXTRA_CA_CERTS', 'LD_LIBRARY_PATH', 'A'].map((name) => process.env[name]))
    console.log(Object.keys(process.env).length)
    process.emitWarning('careful')
    process.report.directory = __dirname
    process.report.reportOnUncaughtException = true
    process.report.reportOnFatalError = true
    console.log(process.report.directory, process.report.reportOnUncaughtException)
    require('node:v8').setFlagsFromString('--logfile=elsewhere --expose-externalize-string')
    if (isMainThread) new Worker(__filename).once('exit', () => setTimeout(() => { throw new Error('over') }))`,
  'pre.cjs': 'globalThis.pre = "pre" + Date.now()',
  'imp.mjs': 'globalThis.imported = "imp" + Date.now()',
  '.env': 'A=from a file',
  'ca.pem': '',
}

/** Node itself would do something with each of these. */
const WRITING = [
  ...['--cpu-prof', '--heap-prof', '--report-uncaught-exception', '--report-on-fatalerror', '--inspect=127.0.0.1:0'],
  ...['--trace-event-categories', 'v8', '--redirect-warnings=warnings', '--env-file=.env', '-r', './pre.cjs'],
  ...['--import', './imp.mjs'],
]

t.test('[B6] [B7] options by which Node itself writes and listens do nothing in a replay, and are seen', async (t) => {
  const dir = t.testdir(FLAGGED)
  const env = {
    NODE_OPTIONS: '--expose-gc',
    NODE_EXTRA_CA_CERTS: join(dir, 'ca.pem'),
    NODE_V8_COVERAGE: join(dir, 'coverage'),
    LD_LIBRARY_PATH: dir,
  }
  const recorded = await recordInputs([process.execPath, ...WRITING, 'main.cjs'], { cwd: dir, env })
  t.equal(recorded.code, 1, recorded.stderr)
  const replayed: string[] = []
  for (const thread of ['0', '0.1']) {
    const command = [process.execPath, CLI, 'replay', 'program.retro', '--thread', thread]
    const looked = await listReaching(t, command, dir)
    if (!looked) return
    const { touched, stdout } = looked
    t.equal(touched.filter((line) => line.includes('execve(')).length, 2, 'the command and the replay')
    t.same(
      touched.filter((line) => !line.includes('execve(')),
      [],
    )
    replayed.push(stdout)
  }
  t.match(replayed[0], `true pre`)
  t.match(replayed[0], WRITING.join(' '))
  for (const line of recorded.stdout.trim().split('\n')) t.ok(replayed.join('').includes(line), line)
})

t.test('[B7] a worker that writes more than once before it is asked for more', async (t) => {
  const dir = t.testdir({
    'main.cjs': `
      const { Worker, isMainThread } = require('node:worker_threads')
      if (isMainThread) new Worker(__filename)
      else for (const n of [1, 2, 3]) console.log(n, Date.now())`,
  })
  const recorded = await recordInputs([process.execPath, 'main.cjs'], { cwd: dir })
  const { verdict, stdout } = await replayInputs(dir, ['--thread', '0.1'])
  t.match(verdict, { kind: 'exact' })
  t.equal(stdout, recorded.stdout)
})

t.test('[B6] every option of this Node is known to a replay: it is handed on, or dropped with a reason', async (t) => {
  const ask = `
    const { internalBinding } = require('internal/test/binding')
    const { options } = internalBinding('options').getCLIOptionsInfo()
    console.log(JSON.stringify([...Reflect.apply(Map.prototype.keys, options, [])]))`
  const { stdout } = await run([process.execPath, '--no-warnings', '--expose-internals', '-e', ask], { cwd: '/' })
  const names = (JSON.parse(stdout) as string[]).filter((name) => name.startsWith('--'))
  t.ok(names.length > 150)
  t.same(
    names.filter((name) => !isKnownFlag(name)),
    [],
  )
})

t.test('[B6] options with their values are told apart, and split as Node splits them', async (t) => {
  const words = [
    '--cpu-prof-dir',
    'out',
    '-r',
    './a.cjs',
    '--inspect=1',
    '--no-warnings',
    '--stack_size=9',
    '--nonsense',
    'x',
  ]
  t.same(keepFlags(words, 'thread'), ['-r', './a.cjs', '--no-warnings'])
  t.same(keepFlags(words, 'process'), ['--stack_size=9'])
  t.same(keepFlags(['-p', '1 + 1', '--prof'], 'thread'), ['-p', '1 + 1'])
  const odd = ['--title=a b', '-r', 'C:\\x "y"', '--no-warnings']
  t.same(splitOptions(joinOptions(odd)), odd)
})
