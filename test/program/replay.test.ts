import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { openRecording } from '../../replayer/open.js'
import { CLI, run } from '../helpers/command.js'
import { PROGRAMS } from './programs.js'
import { recordInputs, replayInputs, TIMES } from './rig.js'

function makeData(dir: string): string {
  const data = join(dir, 'data')
  mkdirSync(data)
  for (const n of [0, 1, 2, 3]) writeFileSync(join(data, String(n)), 'line\n'.repeat(100 * (n + 1)))
  writeFileSync(join(data, 'big'), Buffer.from(Array.from({ length: 60_000 }, (_, i) => (i * 7) & 255)))
  return data
}

for (const [name, { file, text, code = 0 }] of Object.entries(PROGRAMS)) {
  t.test(`[B1] ${name}: recorded once, run again exactly, ${TIMES} times of ${TIMES}`, async (t) => {
    const dir = t.testdir({ [file]: text })
    const recorded = await recordInputs([process.execPath, file], { cwd: dir, env: { DATA: makeData(dir) } })
    t.equal(recorded.code, code, recorded.stderr)
    rmSync(join(dir, 'data'), { recursive: true })
    for (let n = 0; n < TIMES; n++) {
      const replayed = await replayInputs(dir, ['--thread', '0'])
      t.match(replayed.verdict, { kind: 'exact', code })
      t.equal(replayed.stdout, recorded.stdout)
      t.equal(replayed.stderr, recorded.stderr)
    }
  })
}

t.test('[B1] entries grow with the load', async (t) => {
  const text = `let n = 0; const i = setInterval(() => { Date.now(); if (++n === Number(process.argv[2])) clearInterval(i) }, 1)`
  const counts: number[] = []
  for (const load of ['5', '50']) {
    const dir = t.testdir({ 'load.cjs': text })
    await recordInputs([process.execPath, 'load.cjs', load], { cwd: dir })
    const { verdict } = await replayInputs(dir)
    t.equal(verdict.kind, 'exact')
    counts.push(verdict.entries)
  }
  t.ok(counts[1]! > counts[0]! + 90, `${counts}`)
})

t.test('[B2] a program that was killed is exact to the kill', async (t) => {
  const dir = t.testdir({
    'killed.cjs': `let n = 0; setInterval(() => { console.log(++n, Date.now()); if (n === 5) process.kill(process.pid, 'SIGKILL') }, 2)`,
  })
  const recorded = await recordInputs([process.execPath, 'killed.cjs'], { cwd: dir })
  t.equal(recorded.code, 137)
  const replayed = await replayInputs(dir)
  t.equal(replayed.verdict.kind, 'exact-to-the-kill')
  t.equal(replayed.stdout, recorded.stdout)
})

t.test('[B3] stdin is fed, and stdout may be a pipe or a file', async (t) => {
  const dir = t.testdir({
    'in.cjs': `let text = ''; process.stdin.on('data', (part) => { text += part }).on('end', () => console.log(text.length, text))`,
  })
  const recorded = await recordInputs([process.execPath, 'in.cjs'], { cwd: dir, input: 'some words' })
  t.match(recorded.stdout, '10 some words')
  const replayed = await replayInputs(dir)
  t.match(replayed.verdict, { kind: 'exact' })
  t.equal(replayed.stdout, recorded.stdout)
  const shell = `${process.execPath} ${CLI} replay program.retro > out.txt; cat out.txt`
  const other = await run(['sh', '-c', shell], { cwd: dir })
  t.equal(other.stdout, recorded.stdout)
  t.match(other.stderr, /exact: \d+ turns, \d+ entries, every one consumed, exit code 0\./)
})

const BASE = `
  const fs = require('node:fs')
  let total = 0
  function add(n) {
    total += n * 2
    fs.writeFileSync(process.env.OUT, 'total ' + total)
  }
  let n = 0
  const timer = setInterval(() => { add(++n); if (n === 120) clearInterval(timer) }, 1)`

t.test('[B4] a changed program is caught where it differs, also in a module that is no CommonJS', async (t) => {
  const text = BASE.replace("const fs = require('node:fs')", "import fs from 'node:fs'")
  const dir = t.testdir({ 'sum.mjs': text })
  await recordInputs([process.execPath, 'sum.mjs'], { cwd: dir, env: { OUT: join(dir, 'out') } })
  writeFileSync(join(dir, 'sum.mjs'), `// One more line.\n${text.replace('n * 2', 'n * (n > 110 ? 3 : 2)')}`)
  t.equal((await replayInputs(dir)).verdict.kind, 'exact')
  const { verdict } = await replayInputs(dir, ['--sources', 'local'])
  if (verdict.kind !== 'diverged') return t.fail(verdict.kind)
  t.ok(verdict.divergence.turn > 100, `turn ${verdict.divergence.turn}`)
  t.match(verdict.divergence.stack.join('\n'), /sum\.mjs/)
})

t.test('[B5] what is not fed is named, and a replay is refused instead of pretended', async (t) => {
  const dir = t.testdir({
    'inspected.cjs': `
      const session = new (require('node:inspector').Session)()
      session.connect()
      session.post('Runtime.evaluate', { expression: '1' }, () => console.log('answered'))`,
  })
  const recorded = await recordInputs([process.execPath, 'inspected.cjs'], { cwd: dir })
  t.equal(recorded.stdout, 'answered\n')
  const replayed = await run([process.execPath, CLI, 'replay', 'program.retro'], { cwd: dir })
  t.equal(replayed.code, 1)
  t.match(replayed.stderr, /used an inspector session, which this version cannot feed/)
  const recording = await openRecording(join(dir, 'program.retro'))
  const { fidelity, fidelityNotes } = await recording.info()
  await recording.close()
  t.equal(fidelity, 'observed')
  t.match(fidelityNotes.join('\n'), /an inspector session/)
})

t.test('[B1] events say what the program asked, what it got and what was delivered', async (t) => {
  const dir = t.testdir({ 'read.cjs': `require('node:fs').readFile(__filename, () => console.log(Date.now()))` })
  const recorded = await recordInputs([process.execPath, 'read.cjs'], { cwd: dir })
  const listed = await run([process.execPath, CLI, 'events', 'program.retro'], { cwd: dir })
  t.match(listed.stdout, /values +head \{"node":"v\d/)
  t.match(listed.stdout, /delivery +fs\.(read completed|ReadFileJob done) \d+/)
  t.match(listed.stdout, `Date.now ${recorded.stdout.trim()}`)
  const json = await run([process.execPath, CLI, 'events', 'program.retro', '--kind', 'delivery', '--json'], {
    cwd: dir,
  })
  t.ok(
    json.stdout
      .trim()
      .split('\n')
      .every((line) => JSON.parse(line).body.call.length > 0),
  )
})

t.test('[R3] a recording with inputs does not claim to be redacted', async (t) => {
  const dir = t.testdir({ 'nothing.cjs': '' })
  const recorded = await recordInputs([process.execPath, 'nothing.cjs'], { cwd: dir })
  t.match(recorded.own.join('\n'), /holds the inputs of the run as they were: .* are not redacted/)
  t.notMatch(recorded.own.join('\n'), /secrets are redacted/)
})

t.test('[B7] what a program reads of files is not touched by the recorder', async (t) => {
  const dir = t.testdir({
    'stat.mjs': `
      import { stat, writeFileSync } from 'node:fs'
      for (let n = 0; n < 8; n++) writeFileSync('f' + n, 'x'.repeat(n + 1))
      for (let round = 0; round < 200; round++) {
        await Promise.all(Array.from({ length: 8 }, (_, n) => new Promise((done) => stat('f' + n, (error, { size }) => {
          if (size !== n + 1) console.log('file', n, 'has', size)
          done()
        }))))
      }`,
  })
  const recorded = await recordInputs([process.execPath, 'stat.mjs'], { cwd: dir })
  t.equal(recorded.stdout, '')
  t.equal((await replayInputs(dir)).verdict.kind, 'exact')
})

t.test(`[B8] a worker's thread runs again alone, ${TIMES} times of ${TIMES}`, async (t) => {
  const dir = t.testdir({
    'main.mjs': `
      import { Worker, setEnvironmentData } from 'node:worker_threads'
      setEnvironmentData('town', ['Ghent'])
      for (const [i, env] of [{ NAME: 'own' }, undefined].entries()) {
        const worker = new Worker('./worker.cjs', { workerData: { i, at: new Date() }, argv: ['--some', i], ...(env && { env }) })
        worker.on('message', (message) => worker.postMessage(message + 1))
      }`,
    'worker.cjs': `
      const { Worker, getEnvironmentData, isMainThread, parentPort, threadId, workerData } = require('node:worker_threads')
      console.log(isMainThread, threadId, workerData, process.argv.slice(2), process.env.NAME, getEnvironmentData('town'))
      console.error(process.cwd(), require.main?.filename, Math.random(), Date.now())
      new Worker('process.hrtime()', { eval: true }).on('exit', (code) => {
        console.log('inner', code)
        parentPort.postMessage(0)
      })
      let n = 0
      parentPort.on('message', (message) => {
        console.log('got', message, ++n, Math.random())
        if (n === 120) setTimeout(() => parentPort.close(), Math.random() * 5)
        else parentPort.postMessage(message)
      })
      process.on('exit', (code) => console.log('exit', code, performance.now()))`,
  })
  const recorded = await recordInputs([process.execPath, 'main.mjs'], { cwd: dir })
  t.equal(recorded.code, 0, recorded.stderr)
  const lines: string[] = []
  for (const thread of ['0.1', '0.2']) {
    const runs: string[] = []
    for (let n = 0; n < TIMES; n++) {
      const { verdict, stdout } = await replayInputs(dir, ['--thread', thread])
      t.match(verdict, { kind: 'exact', code: 0 })
      runs.push(stdout)
    }
    t.equal(new Set(runs).size, 1)
    lines.push(...runs[0]!.trim().split('\n'))
  }
  t.same(lines.sort(), recorded.stdout.trim().split('\n').sort())
  const chances = lines.filter((line) => line.startsWith('got 1 ')).map((line) => line.split(' ').at(-1))
  t.equal(new Set(chances).size, 2, 'no two threads draw the same numbers')
  const source = readFileSync(join(dir, 'worker.cjs'), 'utf8')
  writeFileSync(
    join(dir, 'worker.cjs'),
    source.replace('else parentPort.postMessage(message)', 'else parentPort.postMessage(message + (n > 110))'),
  )
  t.equal((await replayInputs(dir, ['--thread', '0.1'])).verdict.kind, 'exact', 'the recorded sources are run')
  const { verdict } = await replayInputs(dir, ['--thread', '0.1', '--sources', 'local'])
  if (verdict.kind !== 'diverged') return t.fail(verdict.kind)
  t.ok(verdict.divergence.turn > 100, `turn ${verdict.divergence.turn}`)
  t.match(verdict.divergence.stack.join('\n'), /worker\.cjs:13/)
})

t.test('[B8] a worker that dies of an error, and one that is stopped', async (t) => {
  const dir = t.testdir({
    'main.cjs': `
      const { Worker } = require('node:worker_threads')
      new Worker("setTimeout(() => { throw new RangeError('at ' + Date.now()) }, 2)", { eval: true }).on('error', (error) => {
        console.log(error.message)
        const stopped = new Worker("let n = 0; setInterval(() => require('node:worker_threads').parentPort.postMessage(++n), 1)", { eval: true })
        stopped.on('message', (n) => { if (n === 5) stopped.terminate() })
      })`,
  })
  const recorded = await recordInputs([process.execPath, 'main.cjs'], { cwd: dir })
  t.equal(recorded.code, 0, recorded.stderr)
  t.match((await replayInputs(dir, ['--thread', '0.1'])).verdict, { kind: 'exact', code: 1 })
  const { verdict } = await replayInputs(dir, ['--thread', '0.2'])
  t.equal(verdict.kind, 'exact-to-the-kill')
  t.ok(verdict.turns > 4, `${verdict.turns} turns`)
  t.match((await replayInputs(dir, ['--thread', '0'])).verdict, { kind: 'exact', code: 0 })
})

t.test('[B5] a worker that was given a port at its start, and one that shares memory, are refused', async (t) => {
  const dir = t.testdir({
    'main.cjs': `
      const { Worker } = require('node:worker_threads')
      const { port1, port2 } = new MessageChannel()
      new Worker('', { eval: true, workerData: { port2 }, transferList: [port2] }).on('exit', () => port1.close())
      if (process.argv[2]) new Worker('', { eval: true, workerData: new Uint8Array(new SharedArrayBuffer(8)) })`,
  })
  await recordInputs([process.execPath, 'main.cjs'], { cwd: dir })
  t.match((await replayInputs(dir)).verdict, { kind: 'exact', code: 0 })
  const alone = await run([process.execPath, CLI, 'replay', 'program.retro', '--thread', '0.1'], { cwd: dir })
  t.equal(alone.code, 1)
  t.match(alone.stderr, /used worker data with ports, shared memory or native objects, which this version cannot feed/)
  rmSync(join(dir, 'program.retro'), { recursive: true })
  await recordInputs([process.execPath, 'main.cjs', 'share'], { cwd: dir })
  const shared = await run([process.execPath, CLI, 'replay', 'program.retro'], { cwd: dir })
  t.equal(shared.code, 1)
  t.match(shared.stderr, /used memory shared between threads, which/)
})

const REACHING = [
  'an HTTP server and its clients',
  'TLS sockets by name and protocol',
  'datagrams and a name server',
  'files that are watched',
] as const

for (const name of REACHING) {
  t.test(`[B6] nothing real is touched by a replay: ${name}`, async (t) => {
    if ((await run(['strace', '-V'], { cwd: '/' }).catch(() => ({ code: 1 }))).code !== 0) {
      if (process.env['CI'] === 'true') t.fail('strace is missing')
      else t.comment('SKIPPED: strace is missing, nothing was looked at')
      return
    }
    const { file, text } = PROGRAMS[name]!
    const dir = t.testdir({ [file]: text })
    await recordInputs([process.execPath, file], { cwd: dir, env: { DATA: makeData(dir) } })
    const trace = join(dir, 'trace')
    const calls = 'trace=connect,bind,listen,sendto,sendmsg,kill,inotify_add_watch'
    const ran = await run(
      ['strace', '-f', '-qq', '-o', trace, '-e', calls, process.execPath, CLI, 'replay', 'program.retro'],
      { cwd: dir },
    )
    t.equal(ran.code, 0, ran.stderr)
    // Signal 0 asks whether a process is there, which every reader of a recording does.
    const touched = readFileSync(trace, 'utf8')
      .split('\n')
      .filter(
        (line) => /\b(connect|bind|listen|sendto|kill|inotify_add_watch)\(/.test(line) && !/kill\(\d+, 0\)/.test(line),
      )
    t.same(touched, [])
  })
}
