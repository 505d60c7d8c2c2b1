import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { openRecording } from '../../replayer/open.js'
import type { ProcessBody } from '../../src/events.js'
import { runRecord } from '../helpers/command.js'

const NODE = process.execPath

t.setTimeout(480_000)

interface Tree {
  /** Paths of the recorded threads, sorted. */
  readonly threads: readonly string[]
  /** Each thread's last words on a child: `path type → how it ended`. */
  readonly children: Readonly<Record<string, string>>
  readonly unrecorded: Readonly<Record<string, string>>
  /** `path code` of each thread that said how it ended. */
  readonly exits: readonly string[]
  readonly crashes: readonly string[]
}

async function readTree(path: string): Promise<Tree> {
  const recording = await openRecording(path)
  const info = await recording.info()
  const paths = new Map(info.threads.map(({ no, path }) => [no, path]))
  const children: Record<string, string> = {}
  const unrecorded: Record<string, string> = {}
  const exits: string[] = []
  const crashes: string[] = []
  for await (const event of recording.events({ kinds: ['process'] })) {
    const body = event.body as ProcessBody
    if (body.op === 'child') {
      children[body.path] ??= `${body.type} running`
      if (body.unrecorded) unrecorded[body.path] = body.unrecorded
    }
    if (body.op === 'childExit') {
      const how = body.error ? body.error.code : (body.signal ?? body.code)
      children[body.path] = `${children[body.path]?.replace(/ .*/, '')} ${how}`
    }
    if (event.subject !== 0) continue
    if (body.op === 'exit') exits.push(`${paths.get(event.thread)} ${body.code}`)
    if (body.op === 'crash') crashes.push(`${paths.get(event.thread)} ${body.error?.message ?? body.reason}`)
  }
  await recording.close()
  return { threads: [...paths.values()].sort(), children, unrecorded, exits: exits.sort(), crashes }
}

async function recordProgram(dir: string, name: string, source: string, command?: readonly string[]): Promise<Tree> {
  writeFileSync(join(dir, name), source)
  await runRecord(['-o', `${name}.retro`], command ?? [NODE, name], { cwd: dir })
  return readTree(join(dir, `${name}.retro`))
}

t.test('[T1] every child and worker has the path of its number, in the order of starting, in each run', async (t) => {
  const source = `
    const cp = require('child_process'), { Worker } = require('worker_threads')
    const node = process.execPath
    cp.spawn(node, ['-e', 'process.exit(3)'])
    cp.exec('exit 4', () => {})
    cp.execFile(node, ['-e', 'process.kill(process.pid, 9)'], () => {})
    cp.fork('-', [], { execArgv: ['-e', 'process.exit(5)', '--'] })
    cp.spawnSync(node, ['-e', 'process.exit(6)'])
    cp.execSync(node + ' -e 0')
    try { cp.execFileSync(node, ['-e', 'process.exit(7)'], { stdio: 'ignore' }) } catch {}
    new Worker('process.exit(8)', { eval: true })
    new Worker('const { Worker } = require("worker_threads"); new Worker("0", { eval: true })', { eval: true })
    cp.spawn('no-such-file').on('error', () => {})`
  const dir = t.testdir()
  const expected = {
    threads: ['0', '0.1', '0.3', '0.4', '0.5', '0.6', '0.7', '0.8', '0.9', '0.9.1'],
    children: {
      '0.1': 'main 3',
      '0.2': 'main 4',
      '0.3': 'main SIGKILL',
      '0.4': 'main 5',
      '0.5': 'main 6',
      '0.6': 'main 0',
      '0.7': 'main 7',
      '0.8': 'worker 8',
      '0.9': 'worker 0',
      '0.9.1': 'worker 0',
      '0.10': 'main ENOENT',
    },
    unrecorded: {},
    exits: ['0 0', '0.1 3', '0.4 5', '0.5 6', '0.6 0', '0.7 7', '0.8 8', '0.9 0', '0.9.1 0'],
    crashes: [],
  }
  for (let n = 0; n < 3; n++) t.same(await recordProgram(dir, `tree${n}.cjs`, source), expected)
})

t.test('[T2] a child or worker is reached where the program sets its environment or options itself', async (t) => {
  const look = `console.log(Object.keys(process.env).sort().join(), process.env.NODE_OPTIONS, process.execArgv.join())`
  const source = `
    const cp = require('child_process'), { Worker, SHARE_ENV } = require('worker_threads')
    const node = process.execPath, look = ${JSON.stringify(look)}
    const env = Object.freeze({ A: '1' }), options = Object.freeze({ env, execArgv: [], eval: true })
    const run = (env, execArgv = []) => process.stdout.write(cp.execFileSync(node, [...execArgv, '-e', look], { env }))
    run(env); run({}); run({ NODE_OPTIONS: '' }); run({ NODE_OPTIONS: '--no-warnings' }, ['--no-deprecation'])
    const jobs = [
      [look, options], [look, { eval: true, env: {} }], [look, { eval: true, env: SHARE_ENV, execArgv: [] }],
      [look, { eval: true, execArgv: ['--no-warnings'] }], [look, { eval: true, env: process.env }],
      [look, { eval: true, env: { NODE_OPTIONS: '--no-warnings' } }], [look, { eval: true }],
      ['const {Worker}=require("worker_threads");new Worker(' + JSON.stringify(look) + ',{eval:true})', { eval: true, execArgv: ['--no-warnings'] }],
    ]
    const next = () => jobs.length && new Worker(...jobs.shift()).on('exit', next)
    next()`
  const dir = t.testdir({ 'look.cjs': source })
  const { run } = await import('../helpers/command.js')
  const bare = await run([NODE, 'look.cjs'], { cwd: dir })
  const recorded = await runRecord(['-o', 'look.retro'], [NODE, 'look.cjs'], { cwd: dir })
  t.equal(recorded.stderr, bare.stderr)
  t.equal(recorded.stdout, bare.stdout, 'and sees nothing of it')
  const { threads, unrecorded } = await readTree(join(dir, 'look.retro'))
  t.equal(threads.length, 14)
  t.same(unrecorded, {})
})

t.test('[T3] a shell, npm and cluster in between change nothing', async (t) => {
  const dir = t.testdir({
    'package.json': JSON.stringify({ name: 'x', scripts: { test: 'node one.cjs && node two.cjs' } }),
    'one.cjs': 'console.log(1)',
    'two.cjs': 'require("child_process").execFileSync(process.execPath, ["one.cjs"])',
    'both.sh': 'node one.cjs\nnode two.cjs\n',
  })
  const script = await recordProgram(dir, 'x', '', ['sh', 'both.sh'])
  t.same(script.threads, ['0', '0-2', '0-2.1'])
  const npm = await recordProgram(dir, 'y', '', ['npm', 'test', '--no-update-notifier'])
  t.same(npm.threads, ['0', '0.1', '0.1-2', '0.1-2.1'])
  t.same(
    npm.exits.map((exit) => exit.replace(/.* /, '')),
    ['0', '0', '0', '0'],
  )
  const cluster = await recordProgram(
    dir,
    'cluster.cjs',
    `const cluster = require('cluster')
    if (cluster.isPrimary) { cluster.fork(); cluster.fork({ A: '1' }) }
    else require('http').createServer((q, s) => s.end()).listen(0, () => process.exit(cluster.worker.id))`,
  )
  t.same(cluster.threads, ['0', '0.1', '0.2'])
  t.same(cluster.children, { '0.1': 'main 1', '0.2': 'main 2' })
})

t.test('[T4] a Node process without the preload is listed', async (t) => {
  const dir = t.testdir()
  const tree = await recordProgram(
    dir,
    'out.cjs',
    `const cp = require('child_process'), node = process.execPath
    cp.spawnSync(node, ['--experimental-permission', '-e', '0'])
    cp.spawnSync(node, ['--no-such-option'])
    cp.spawnSync(node, ['--version'])
    cp.spawnSync('sh', ['-c', 'env -i ' + node + ' -e "setTimeout(Object, 1500)"'])`,
  )
  t.match(tree.unrecorded['0.1'], /--experimental-permission/)
  t.match(tree.unrecorded['0.2'], /without having run the preload/)
  t.notOk(tree.unrecorded['0.3'], 'no program ran there')
  t.match(Object.entries(tree.unrecorded).at(-1), [/./, /without the preload/], 'seen below a shell')
  const direct = await recordProgram(dir, 'z', '', ['env', '-i', NODE, '-e', 'setTimeout(Object, 1500)'])
  t.match(Object.values(direct.unrecorded), [/without the preload/])
})
