import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import t from 'tap'
import ts from 'typescript'
import { CLI, run } from '../helpers/command.js'
import { BASE, CHANGED, type Change, type ChangedFile } from './divergence-base.js'
import { recordInputs, replayInputs } from './rig.js'

const LONG = process.env['RETROSCOPE_LONG'] !== undefined

const dir = t.testdir()
mkdirSync(join(dir, 'node_modules/tally'), { recursive: true })
for (const [file, text] of Object.entries(BASE)) writeFileSync(join(dir, file), text)
const recorded = await recordInputs([process.execPath, 'program.cjs'], { cwd: dir })
const turns = await listTurns()

/** By its steps, the turns in which the recorded program said that it came there. */
async function listTurns(): Promise<ReadonlyMap<string, number>> {
  const { stdout } = await run([process.execPath, CLI, 'events', 'program.retro', '--json', '--kind', 'values'], {
    cwd: dir,
  })
  const found = new Map<string, number>()
  for (const line of stdout.trim().split('\n')) {
    const step = /\\"((?:main|worker|child|tally) \d+) /.exec(line)?.[1]
    if (step) found.set(step, (JSON.parse(line) as { turn: number }).turn)
  }
  return found
}

/** `program.cjs:14`: the first line of a source that holds that text. */
function findLine(file: string, source: string, text: string): string {
  const line = source.split('\n').findIndex((one) => one.includes(text)) + 1
  return `${file}:${line} `
}

async function testChange({ thread, file }: ChangedFile, change: Change): Promise<void> {
  const { name, from, to, step, line, recordedLine, thrown } = change
  await t.test(`[B4] a changed program is caught where it differs: ${file}, ${name}`, async (t) => {
    const source = BASE[file]!
    const changed = source.replace(from, () => to)
    t.not(changed, source)
    writeFileSync(join(dir, file), changed)
    const { verdict, code } = await replayInputs(dir, ['--thread', thread, '--sources', 'local'])
    writeFileSync(join(dir, file), source)
    t.equal(code, 3)
    if (verdict.kind !== 'diverged') return t.fail(verdict.kind)
    const { divergence } = verdict
    t.equal(divergence.turn, turns.get(step), 'the turn')
    t.equal(divergence.lastAgreement, divergence.turn - 1)
    if (line) t.match(divergence.frame, findLine(file, changed, line), 'the line')
    else t.equal(divergence.frame, null)
    if (recordedLine) t.match(divergence.recordedFrame, findLine(file, source, recordedLine), 'the recorded line')
    if (thrown) t.match(divergence.thrown, thrown)
    else t.equal(divergence.thrown, undefined)
    t.match(divergence.reason, `the local file differs from the recorded one: ${join(dir, file)}`)
  })
}

t.equal(recorded.code, 0, recorded.stderr)
for (const file of CHANGED) {
  for (const [index, change] of file.changes.entries()) if (LONG || index % 3 === 0) await testChange(file, change)
}

t.test('[B4] the changes are many enough, and lie deep enough', async (t) => {
  const steps = CHANGED.flatMap(({ changes }) => changes.map(({ step }) => step))
  t.equal(steps.length, 30)
  t.ok(steps.filter((step) => turns.get(step)! > 100).length >= 10)
  t.ok(steps.filter((step) => /^(worker|child) /.test(step)).length >= 10)
  t.ok(steps.filter((step) => step.startsWith('tally ')).length >= 5)
})

t.test("[B4] an error that the recording has, too, is not said to be the replay's alone", async (t) => {
  const text = `
    process.on('exit', () => require('node:fs').writeFileSync('end.txt', 'one'))
    setTimeout(() => { throw new Error('in both') }, 1)`
  const dir = t.testdir({ 'app.cjs': text })
  t.equal((await recordInputs([process.execPath, 'app.cjs'], { cwd: dir })).code, 1)
  writeFileSync(join(dir, 'app.cjs'), text.replace("'one'", "'two'"))
  const { verdict } = await replayInputs(dir, ['--sources', 'local'])
  if (verdict.kind !== 'diverged') return t.fail(verdict.kind)
  t.match(verdict.divergence.frame, 'app.cjs:2')
  t.equal(verdict.divergence.thrown, undefined)
  t.match(verdict.divergence.bytes, { is: 'text', at: 0, recorded: { hex: '6f6e65' }, replayed: { hex: '74776f' } })
})

t.test('[B4] unchanged sources that stand here are exact', async (t) => {
  t.match((await replayInputs(dir, ['--sources', 'local'])).verdict, { kind: 'exact', code: 0 })
})

t.test(
  '[B4] bytes are shown side by side from the first that differs, also where the recording has none',
  async (t) => {
    const source = BASE['child.cjs']!
    writeFileSync(join(dir, 'child.cjs'), source.replace("'it '", "(n === 12 ? 'in ' : 'it ')"))
    const words = ['replay', join(dir, 'program.retro'), '--thread', '0.2', '--sources', 'local', '--trust']
    const { stderr } = await run([process.execPath, CLI, ...words], { cwd: dir })
    writeFileSync(join(dir, 'child.cjs'), source)
    t.match(stderr, 'The bytes that were given, which differ from byte 13 on:')
    t.match(stderr, /recorded {2}102 long, crc [0-9a-f]{8}\n {2}> 00000000 {2}63 68 69 6c 64 .* {2}child 12 of it i\n/)
    t.match(stderr, /replayed {2}102 long, crc [0-9a-f]{8}\n {2}> 00000000 {2}63 68 69 6c 64 .* {2}child 12 of in i\n/)
    t.match(stderr, /\n {2}in {8}child\.cjs:8 Timeout\._onTimeout\n/)
  },
)

const MODULES = dirname(dirname(createRequire(import.meta.url).resolve('tsx/package.json')))

/** Node's lines of the compiled code are not those that were written. */
const TYPED = `import { writeFileSync } from 'node:fs'
interface Sale {
  readonly price: number
  readonly count?: number
}

enum Kind { sale = 'SALE' }

function save({ price }: Sale): void {
  writeFileSync('sales.txt', Buffer.from(\`\${Kind.sale} \${price} \${process.env['SHOP_TOKEN']}\`))
}
setTimeout((): void => {
  save({ price: 1 })
}, 2)
`

t.test('[B4] a secret that decided is named, at the line of TypeScript that nobody compiled into a file', async (t) => {
  const dir = t.testdir({ 'app.ts': TYPED, 'package.json': JSON.stringify({ type: 'module' }) })
  symlinkSync(MODULES, join(dir, 'node_modules'))
  const env = { SHOP_TOKEN: 'a-secret-of-some-length' }
  const ran = await recordInputs([process.execPath, '--import', 'tsx', 'app.ts'], { cwd: dir, env })
  t.equal(ran.code, 0, ran.stderr)
  const { verdict } = await replayInputs(dir)
  if (verdict.kind !== 'diverged') return t.fail(verdict.kind)
  const { frame, reason, bytes } = verdict.divergence
  t.match(frame, /app\.ts:10 save$/)
  t.match(reason, /^SHOP_TOKEN is a secret: a token stands for it/)
  t.match(bytes, { is: 'bytes', at: null, recorded: { length: 30, hex: null }, replayed: { length: 30, from: 0 } })
})

t.test('[B4] a bundle with a source map in a file is told by the lines that were written', async (t) => {
  const dir = t.testdir({ src: { 'app.ts': TYPED }, dist: {}, 'package.json': JSON.stringify({ type: 'commonjs' }) })
  const compilerOptions = { sourceMap: true, module: ts.ModuleKind.CommonJS, target: ts.ScriptTarget.ES2022 }
  const { outputText, sourceMapText } = ts.transpileModule(TYPED, { compilerOptions, fileName: '../src/app.ts' })
  writeFileSync(join(dir, 'dist/app.js'), outputText.replace(/sourceMappingURL=.*/, 'sourceMappingURL=app.js.map'))
  const map = { ...(JSON.parse(sourceMapText!) as object), sources: ['../src/app.ts'] }
  writeFileSync(join(dir, 'dist/app.js.map'), JSON.stringify(map))
  const env = { SHOP_TOKEN: 'a-secret-of-some-length' }
  const ran = await recordInputs([process.execPath, 'dist/app.js'], { cwd: dir, env })
  t.equal(ran.code, 0, ran.stderr)
  const { verdict } = await replayInputs(dir)
  if (verdict.kind !== 'diverged') return t.fail(verdict.kind)
  t.match(verdict.divergence.frame, /src\/app\.ts:10 save$/)
  t.notMatch(readFileSync(join(dir, 'dist/app.js'), 'utf8').split('\n')[9], 'writeFileSync')
})
