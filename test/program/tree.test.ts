import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { ThreadOutcome } from '../../replayer/program/replay-program.js'
import { CLI, type Ran, run } from '../helpers/command.js'
import { recordInputs } from './rig.js'

function replay(dir: string, ...more: string[]): Promise<Ran> {
  return run([process.execPath, CLI, 'replay', join(dir, 'program.retro'), ...more], { cwd: '/' })
}

/** A parent whose children write to its own stdout, to a pipe, and from a program that is no Node. */
const FAMILY = {
  'parent.cjs': `
    const { fork, spawn, execFileSync } = require('node:child_process')
    const { Worker } = require('node:worker_threads')
    console.log('parent', Date.now())
    const child = fork('./child.cjs', ['speaks'], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
    child.on('message', (message) => {
      console.log('heard', message)
      child.send('go on')
    })
    child.on('exit', (code) => spawn('echo', ['from elsewhere'], { stdio: 'inherit' }).on('exit', () => {
      console.log('piped:', String(execFileSync(process.execPath, ['./child.cjs', 'piped'])))
      new Worker("console.log('worker', Math.random())", { eval: true }).on('exit', () => { process.exitCode = code })
    }))`,
  'child.cjs': `
    console.log('child', process.argv[2], Math.random())
    console.error('to stderr: é')
    if (process.send) {
      process.on('message', (message) => {
        console.log('told', message)
        process.disconnect()
        setTimeout(() => { throw new TypeError('fails at last') }, 2)
      })
      process.send('here')
    }`,
}

t.test('[B15] without a choice the thread that failed runs, and the first line on stderr names it', async (t) => {
  const dir = t.testdir(FAMILY)
  const recorded = await recordInputs([process.execPath, 'parent.cjs'], { cwd: dir })
  t.equal(recorded.code, 1, recorded.stderr)

  const failed = await replay(dir)
  t.match(
    failed.stderr,
    /^Replaying thread 0\.1 \(\S+ \S+child\.cjs speaks\), the one that failed: an uncaught TypeError\.\n/,
  )
  t.match(failed.stderr, /TypeError: fails at last.*Replay of thread 0\.1 is exact: .* exit code 1\.\n$/s)
  t.match(failed.stdout, /^child speaks 0\.\d+\ntold go on\n$/)

  const parent = await replay(dir, '--thread', '0')
  t.match(parent.stderr, /^Replaying thread 0 \(\S+ \S+parent\.cjs\)\.\n/)
  t.match(parent.stdout, /^parent \d+\nheard here\npiped: child piped 0\.\d+\n\nworker 0\.\d+\n$/)
  t.ok(recorded.stdout.includes(failed.stdout.split('\n')[0]!))
})

t.test('[B16] what children wrote to an inherited stdout is listed and not counted in', async (t) => {
  const dir = t.testdir(FAMILY)
  await recordInputs([process.execPath, 'parent.cjs'], { cwd: dir })
  const child = await replay(dir, '--thread', '0.1')
  const parent = await replay(dir, '--thread', '0')
  const [out, err] = [Buffer.byteLength(child.stdout), Buffer.byteLength('to stderr: é\n')]
  const listed = parent.stderr.split('Not counted in, because children wrote it:\n')[1] ?? ''
  t.match(listed.split('\n'), [
    new RegExp(`^ {2}stdout {2}${out} bytes {2}by thread 0\\.1 \\(\\S+ \\S+child\\.cjs speaks\\)$`),
    new RegExp(`^ {2}stderr {2}${err} bytes {2}by thread 0\\.1 `),
    '  stdout  not recorded  by echo from elsewhere',
    '  stderr  not recorded  by echo from elsewhere',
  ])
  t.notMatch(child.stderr, 'Not counted in')

  const verdict = join(dir, 'verdict.json')
  const quiet = await replay(dir, '--thread', '0', '--json', '--verdict', verdict)
  t.equal(quiet.stderr, 'to stderr: é\n', 'what the other child wrote to a pipe the parent wrote on')
  const { threads } = JSON.parse(readFileSync(verdict, 'utf8')) as { threads: ThreadOutcome[] }
  t.match(threads[0]!.inherited[0], { thread: '0.1', fd: 1, bytes: out })
})

t.test('[B17] all threads: what they wrote to the command’s own outputs comes as it was recorded', async (t) => {
  const dir = t.testdir(FAMILY)
  const recorded = await recordInputs([process.execPath, 'parent.cjs'], { cwd: dir })
  const all = await replay(dir, '--all', '--verdict', join(dir, 'verdict'))
  t.equal(all.stdout, recorded.stdout.replace('from elsewhere\n', ''))
  t.equal(all.stderr, recorded.stderr)
  const verdict = readFileSync(join(dir, 'verdict'), 'utf8')
  for (const thread of ['0', '0.1', '0.3', '0.4']) t.match(verdict, `Replay of thread ${thread} is exact: `)
})

t.test('[B15] a shell script: the last that failed, not what a parent took care of', async (t) => {
  const dir = t.testdir({
    'fine.cjs': `
      const { spawnSync } = require('node:child_process')
      console.log('status', spawnSync(process.execPath, ['bad.cjs', 'cared for']).status)`,
    'bad.cjs': `
      console.log(process.argv[2])
      process.exit(3)`,
    'passes.cjs': `
      const { spawnSync } = require('node:child_process')
      process.exit(spawnSync(process.execPath, ['bad.cjs', 'passed on'], { stdio: 'inherit' }).status)`,
  })
  const node = process.execPath
  const script = `${node} fine.cjs; ${node} passes.cjs | cat; ${node} fine.cjs > other.txt; exit 4`
  const recorded = await recordInputs(['sh', '-c', script], { cwd: dir })
  t.equal(recorded.code, 4)
  const failed = await replay(dir)
  t.match(failed.stderr, /^Replaying thread 0-2\.1 \(\S+ \S+bad\.cjs passed on\), the one that failed: exit code 3\.\n/)
  t.equal(failed.stdout, 'passed on\n')
  t.equal((await replay(dir, '--all')).stdout, 'status 3\n', 'neither a pipe nor a file is the stdout of the command')

  const well = t.testdir({ 'fine.cjs': "console.log('fine')" })
  await recordInputs([node, 'fine.cjs'], { cwd: well })
  t.match((await replay(well)).stderr, /^Replaying thread 0 \(\S+ \S+fine\.cjs\)\.\nReplay of thread 0 is exact/)
})

t.test('[B15] a worker’s error that its parent dies of', async (t) => {
  const dir = t.testdir({
    'main.cjs': `new (require('node:worker_threads').Worker)("throw new RangeError('in the worker')", { eval: true })`,
  })
  const recorded = await recordInputs([process.execPath, 'main.cjs'], { cwd: dir })
  t.equal(recorded.code, 1)
  t.match(
    (await replay(dir)).stderr,
    /^Replaying thread 0\.1 \(worker \[source\]\), the one that failed: an uncaught RangeError\.\n/,
  )
})

t.test('[B15] a worker that was ended by its parent did not fail', async (t) => {
  const dir = t.testdir({
    'main.cjs': `
      const { Worker } = require('node:worker_threads')
      const worker = new Worker("require('node:worker_threads').parentPort.postMessage(1); setInterval(() => {}, 9)", { eval: true })
      worker.on('message', () => worker.terminate().then((code) => { console.log(code); process.exitCode = 1 }))`,
  })
  const recorded = await recordInputs([process.execPath, 'main.cjs'], { cwd: dir })
  t.match(recorded, { code: 1, stdout: '1\n' })
  t.match((await replay(dir)).stderr, /^Replaying thread 0 \(\S+ \S+main\.cjs\), the one that failed: exit code 1\.\n/)
})

t.test('[B17] a thread that cannot be run stops no other', async (t) => {
  const dir = t.testdir({
    'main.cjs': `
      const fork = (file, then) => require('node:child_process').fork(file).on('exit', then)
      fork('./odd.cjs', () => fork('./fine.cjs', () => console.log('main')))`,
    'odd.cjs':
      "const s = new (require('node:inspector').Session)(); s.connect(); s.post('Runtime.enable'); console.log('odd')",
    'fine.cjs': "console.log('fine', Math.random())",
  })
  const recorded = await recordInputs([process.execPath, 'main.cjs'], { cwd: dir })
  const all = await replay(dir, '--all')
  t.equal(all.code, 1)
  t.equal(all.stdout, recorded.stdout.replace('odd\n', ''))
  const verdicts = all.stderr.split('\n').filter((line) => line.startsWith('Replay of'))
  t.match(verdicts, [
    /^Replay of thread 0 is exact/,
    /^Replay of thread 0\.1 is refused: Thread 0\.1 used an inspector session, .* looked at; it cannot be run again\.$/,
    /^Replay of thread 0\.2 is exact/,
  ])
  const said = await replay(dir, '--all', '--json')
  const { threads } = JSON.parse(said.stderr.trimEnd().split('\n').at(-1)!) as { threads: ThreadOutcome[] }
  t.match(threads[1], {
    thread: '0.1',
    verdict: { kind: 'refused', error: 'OBSERVED', message: /an inspector session/ },
  })
})

t.test('[B18] a child is started alike under an environment with secrets', async (t) => {
  const dir = t.testdir({
    'start.cjs': `
      const { spawn, spawnSync } = require('node:child_process')
      const token = process.env.API_TOKEN
      console.log(spawnSync('echo', [String(token.length), '--to=' + token]).status)
      spawn('true', { env: { ...process.env, PASSWORD: 'its own' } }).on('exit', (code) => console.log(code))`,
  })
  const env = { API_TOKEN: 'a-secret-of-somebody', URL: 'postgres://me:hidden-word@host/db' }
  const recorded = await recordInputs([process.execPath, 'start.cjs'], { cwd: dir, env })
  t.equal(recorded.stdout, '0\n0\n')
  const replayed = await replay(dir)
  t.equal(replayed.code, 0, replayed.stderr)
  t.equal(replayed.stdout, '0\n0\n')
})
