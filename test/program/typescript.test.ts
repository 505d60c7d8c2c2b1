import { symlinkSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import t from 'tap'
import { recordInputs, replayInputs, TIMES } from './rig.js'

const MODULES = dirname(dirname(createRequire(import.meta.url).resolve('tsx/package.json')))

const APP = `
import { readFileSync } from 'node:fs'
import { total, type Line } from './total.js'
enum Kind { sale = 'SALE' }
const lines: readonly Line[] = [{ price: Math.random(), count: 2 }]
console.log(Kind.sale, total(lines), Date.now(), readFileSync('data.txt', 'utf8'))
setTimeout((): never => { console.log('later', Date.now()); throw new Error('on line 7') }, 5)`

const FILES = {
  'total.ts': `
    export interface Line { readonly price: number; readonly count: number }
    export const total = (lines: readonly Line[]): number => lines.reduce((sum, { price, count }) => sum + price * count, 0)`,
  'data.txt': 'some data',
}

interface Runner {
  readonly words: readonly string[]
  readonly type: 'module' | 'commonjs'
  readonly threads?: readonly string[]
  /** It keeps compiled code among the temporary files. */
  readonly usesCache?: boolean
}

const RUNNERS: Readonly<Record<string, Runner>> = {
  'tsx, an ES module': { words: ['--import', 'tsx', 'app.ts'], type: 'module' },
  'tsx as a command: it, and the child that runs the program': {
    words: [join(MODULES, 'tsx/dist/cli.mjs'), 'app.ts'],
    type: 'module',
    threads: ['0', '0.1'],
  },
  'tsx, CommonJS': { words: ['-r', 'tsx/cjs', 'app.ts'], type: 'commonjs' },
  'ts-node, CommonJS': { words: ['-r', 'ts-node/register', 'app.ts'], type: 'commonjs', usesCache: true },
  'ts-node, an ES module': { words: ['--no-warnings', '--loader', 'ts-node/esm', 'app.ts'], type: 'module' },
}

for (const [name, { words, type, threads = ['0'], usesCache }] of Object.entries(RUNNERS)) {
  t.test(`[B1] TypeScript through ${name}: recorded once, run again exactly, ${TIMES} times of ${TIMES}`, async (t) => {
    const settings = { module: 'nodenext', target: 'es2022', types: ['node'] }
    const dir = t.testdir({
      ...FILES,
      'app.ts': type === 'module' ? APP : APP.replace('./total.js', './total'),
      'package.json': JSON.stringify({ type }),
      'tsconfig.json': JSON.stringify({ compilerOptions: settings, 'ts-node': { transpileOnly: true } }),
    })
    symlinkSync(MODULES, join(dir, 'node_modules'))
    const recorded = await recordInputs([process.execPath, ...words], {
      cwd: dir,
      env: usesCache ? { TMPDIR: dir } : {},
    })
    t.equal(recorded.code, 1)
    t.match(recorded.stdout, /SALE \d\.\d+ \d{13} some data\nlater \d{13}\n/)
    t.match(recorded.stderr, /app\.ts:\d+\n(.*\n)*Error: on line 7/)
    for (const thread of threads) {
      for (let n = 0; n < TIMES; n++) {
        const { verdict, stdout, stderr } = await replayInputs(dir, ['--thread', thread])
        t.match(verdict, { kind: 'exact', code: 1 }, `thread ${thread}`)
        if (thread !== threads.at(-1)) continue
        t.equal(stdout, recorded.stdout)
        t.equal(stderr, recorded.stderr)
      }
    }
  })
}
