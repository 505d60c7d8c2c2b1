import { type ChildProcess, spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { openRecording } from '../../replayer/open.js'
import { CLI, run, runRecord } from '../helpers/command.js'

const NODE = process.execPath

t.setTimeout(480_000)
const LIBRARY = resolve(dirname(fileURLToPath(import.meta.url)), '../../recorder/index.js')

/** Says when it is ready, counts the signals it gets, and ends 300 ms after the first with their number. */
const COUNTER = `
  let count = 0
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(name, () => {
    console.log('got', name)
    if (++count === 1) setTimeout(() => process.exit(70 + count), 300)
  })
  setInterval(Object, 1000)
  // As one text: on a terminal, numbers and booleans may come in colours.
  console.log(\`ready \${process.pid} \${process.stdin.isTTY === true} \${process.stdout.isTTY === true}\`)`

/** Marks, the first of which says that it runs, then waits for its file to appear, then the last. */
const MARKER = `
  import { setup } from ${JSON.stringify(LIBRARY)}
  import { existsSync, writeFileSync } from 'node:fs'
  const scope = await setup()
  scope.mark('first')
  console.log('ready', process.pid)
  while (!existsSync('go')) await new Promise((resolve) => setTimeout(resolve, 10))
  scope.mark('last', { ppid: process.ppid })
  writeFileSync('done', 'yes')`

function once(pattern: RegExp, act: (match: RegExpExecArray, child: ChildProcess) => void) {
  let done = false
  return (text: string, child: ChildProcess) => {
    const match = done ? null : pattern.exec(text)
    if (!match) return
    done = true
    act(match, child)
  }
}

async function readMarks(path: string): Promise<string[]> {
  const recording = await openRecording(path)
  const marks: string[] = []
  for await (const event of recording.events({ kinds: ['mark'] })) {
    if (event.kind === 'mark') marks.push(event.body.text)
  }
  await recording.close()
  return marks
}

t.test('[R5] a signal to us alone is passed on once, one to the process group is not sent again', async (t) => {
  const dir = t.testdir({ 'counter.cjs': COUNTER })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    for (const target of ['alone', 'group'] as const) {
      const onOutput = once(/ready/, (_match, child) =>
        process.kill(target === 'group' ? -child.pid! : child.pid!, signal),
      )
      const ran = await runRecord(['-o', `${signal}-${target}.retro`], [NODE, 'counter.cjs'], {
        cwd: dir,
        detached: true,
        onOutput,
      })
      t.match(ran.stdout, `got ${signal}`)
      t.equal(ran.code, 71, `${signal} to ${target}: once`)
      t.match(ran.own.at(-1), /recorded/)
    }
  }
})

t.test(
  '[R5] a signal that the command does not handle ends it, and we say 128 + n with the recording whole',
  async (t) => {
    const dir = t.testdir()
    const onOutput = once(/ready/, (_match, child) => child.kill('SIGINT'))
    const ran = await runRecord(['-o', 'a.retro'], [NODE, '-e', 'console.log("ready"); setInterval(Object, 9)'], {
      cwd: dir,
      onOutput,
    })
    t.equal(ran.code, 130)
    const recording = await openRecording(join(dir, 'a.retro'))
    t.equal((await recording.info()).threads.length, 1)
    await recording.close()
  },
)

t.test('[R5] Ctrl-C at a terminal: the command decides, once, and the terminal stays one', async (t) => {
  if (spawnSync('script', ['--version']).status !== 0) {
    if (process.env['CI'] === 'true') t.fail('`script` of util-linux is missing')
    else t.comment('SKIPPED: `script` of util-linux is missing, nothing was tried under a terminal')
    return
  }
  const dir = t.testdir({ 'counter.cjs': COUNTER })
  // `script` may meet the end of the terminal before that of its child, and then says 0: a shell says the code itself.
  const command = `trap : INT; ${NODE} ${CLI} record -o tty.retro -- ${NODE} counter.cjs; echo code=$?`
  const ran = await run(['script', '-qc', command, '/dev/null'], {
    cwd: dir,
    keepStdin: true,
    onOutput: once(/ready \d+ true true/, (_match, child) => child.stdin!.write('\x03')),
  })
  t.match(ran.stdout, /got SIGINT/)
  t.match(ran.stdout, /code=71\b/, 'one Ctrl-C is one signal')
  t.match(ran.stdout, /recorded tty\.retro/)
})

t.test('[R5] at a terminal a line says how much is left to take in, and goes', async (t) => {
  if (spawnSync('script', ['--version']).status !== 0) return t.comment('SKIPPED: `script` of util-linux is missing')
  const line = new URL('../../recorder/progress-line.js', import.meta.url).href
  const program = `
    const { showLeft } = await import(${JSON.stringify(line)})
    let looks = 0
    const hide = showLeft(() => {
      if (looks === 2) setImmediate(() => { hide(); console.log('done') })
      return looks++ === 0 ? 9 : looks * 100 * 2 ** 20
    })`
  const dir = t.testdir({ 'line.mjs': program })
  const ran = await run(['script', '-qc', `${NODE} line.mjs`, '/dev/null'], { cwd: dir, keepStdin: true })
  const drawn = [200, 300].map((mb) => `\r\x1b[Kretroscope: taking in the recording: ${mb} MB left`)
  t.equal(ran.stdout.trimEnd(), `${drawn.join('')}\r\x1b[Kdone`)
  const piped = await run([NODE, 'line.mjs'], { cwd: dir })
  t.match(piped, { stdout: '', stderr: '' })
})

t.test('[R5] a signal to the group is known as one, however long we are held up meanwhile', async (t) => {
  const witness = new URL('../../recorder/witness.js', import.meta.url).href
  const program = `
    import { execFileSync, spawn } from 'node:child_process'
    import { once } from 'node:events'
    const { startWitness } = await import(${JSON.stringify(witness)})
    const witness = await startWitness(200)
    const shell = Number(execFileSync('pgrep', ['-P', String(process.pid), 'sh'], { encoding: 'utf8' }))
    // It answers only while we are held up, which is longer than we would wait.
    process.kill(shell, 'SIGSTOP')
    const got = once(process, 'SIGINT')
    process.kill(0, 'SIGINT')
    await got
    const saw = witness.saw('SIGINT')
    spawn('sh', ['-c', 'sleep 0.4; kill -CONT ' + shell])
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1500)
    console.log(await saw, await witness.saw('SIGINT'))
    witness.stop()`
  const ran = await run([NODE, '--input-type=module', '-e', program], { cwd: t.testdir(), detached: true })
  t.equal(ran.stdout, 'true false\n', ran.stderr)
})

t.test('[R6] the program runs on unharmed when its collector is killed, and the recording opens later', async (t) => {
  const dir = t.testdir({ 'marker.mjs': MARKER })
  const ran = await runRecord(['-o', 'a.retro'], [NODE, 'marker.mjs'], {
    cwd: dir,
    onOutput: once(/ready (\d+)/, (_match, child) => child.kill('SIGKILL')),
    onExit: () => writeFileSync(join(dir, 'go'), ''),
  })
  t.equal(ran.signal, 'SIGKILL')
  t.equal(readFileSync(join(dir, 'done'), 'utf8'), 'yes')
  t.same(await readMarks(join(dir, 'a.retro')), ['first', 'last'])
})

t.test('[R6] a command that is killed leaves what it wrote', async (t) => {
  const dir = t.testdir({ 'marker.mjs': MARKER })
  const ran = await runRecord(['-o', 'a.retro'], [NODE, 'marker.mjs'], {
    cwd: dir,
    onOutput: once(/ready (\d+)/, ([, pid]) => process.kill(Number(pid), 'SIGKILL')),
  })
  t.equal(ran.code, 137)
  t.same(await readMarks(join(dir, 'a.retro')), ['first'])
})
