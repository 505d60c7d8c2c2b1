import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { delimiter, dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'

const ROOT = resolve(fileURLToPath(new URL('../../..', import.meta.url)))
const README = readFileSync(join(ROOT, 'README.md'), 'utf8')
const CLI = join(ROOT, 'dist/replayer/faces/cli/main.js')

interface Block {
  readonly language: string
  readonly text: string
}

const blocks: Block[] = [...README.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)].map(([, language = '', text = '']) => ({
  language,
  text,
}))

/** A project that has the package installed, as a reader's would. */
function makeProject(dir: string): { readonly dir: string; readonly env: NodeJS.ProcessEnv } {
  const bin = join(dir, 'bin')
  mkdirSync(join(dir, 'node_modules'), { recursive: true })
  mkdirSync(bin)
  symlinkSync(ROOT, join(dir, 'node_modules', 'retroscope'))
  symlinkSync(CLI, join(bin, 'retroscope'))
  const path = [bin, dirname(process.execPath), process.env.PATH].join(delimiter)
  return { dir, env: { ...process.env, PATH: path, NODE_OPTIONS: '' } }
}

t.test('[R1] every snippet and every command of the README runs, in its order', async (t) => {
  const { dir, env } = makeProject(t.testdir())
  let commands = 0
  for (const { language, text } of blocks) {
    const file = /^\/\/ (\S+\.mjs)\n/.exec(text)?.[1]
    if (language === 'js') {
      t.ok(file, 'a snippet begins with its file name')
      writeFileSync(join(dir, file ?? 'unnamed.mjs'), text)
    }
    if (language !== 'sh') continue
    for (const command of text.split('\n').filter((line) => line.startsWith('retroscope') || line.startsWith('node'))) {
      const done = spawnSync('env', ['-u', 'NODE_OPTIONS', 'sh', '-c', command], { cwd: dir, env, encoding: 'utf8' })
      t.equal(done.status, 0, `${command}\n${done.stdout}${done.stderr}`)
      t.not(
        `${done.stdout}${done.stderr}`.trim(),
        command.startsWith('node play') ? undefined : '',
        `${command} says something`,
      )
      commands++
    }
  }
  t.ok(commands >= 14, `${commands} commands ran`)
})

t.test('[R3] the workflow keeps the recording of a failing run, packs it, and it opens at home', async (t) => {
  const { dir, env } = makeProject(t.testdir())
  const workflow = blocks.find(({ language, text }) => language === 'yaml' && text.startsWith('name:'))!.text
  const steps = [...workflow.matchAll(/run: (npx retroscope .*)$/gm)].map(([, command]) => command!)
  t.equal(steps.length, 2)
  const run = (command: string) =>
    spawnSync('sh', ['-c', command.replace(/^npx /, '')], { cwd: dir, env, encoding: 'utf8' })
  const writeTests = (code: number) =>
    writeFileSync(join(dir, 'package.json'), JSON.stringify({ scripts: { test: `node -e 'process.exit(${code})'` } }))
  const kept = /hashFiles\('(.*)'\)/.exec(workflow)![1]!

  writeTests(0)
  t.equal(run(steps[0]!).status, 0)
  t.notOk(existsSync(join(dir, kept)), 'a run that passes leaves nothing')

  writeTests(3)
  t.equal(run(steps[0]!).status, 3, 'the exit code is that of the tests')
  t.ok(existsSync(join(dir, kept)))
  const packed = run(steps[1]!)
  t.equal(packed.status, 0, packed.stderr)
  t.ok(existsSync(join(dir, /path: (\S+\.retro)$/m.exec(workflow)![1]!)), 'what is uploaded is there')
  const atHome = [...README.matchAll(/^ {4}(retroscope .*)$/gm)].map(([, command]) => command!)
  t.ok(atHome.length >= 2)
  for (const command of atHome) t.match(run(command), { status: 0, stdout: /code 3/ }, command)
})

t.test('[R2] the session that the README opens with is the one that npm run demo shows', async (t) => {
  const shown = blocks.find(({ language }) => language === 'console')?.text ?? ''
  // The runner's own loader would be recorded with the shop.
  const demo = spawnSync('env', ['-u', 'NODE_OPTIONS', process.execPath, join(ROOT, 'dist/samples/checkout/demo.js')], {
    cwd: ROOT,
    encoding: 'utf8',
  })
  t.equal(demo.status, 0, `${demo.stdout}${demo.stderr}`)
  t.same(toCommands(shown), toCommands(demo.stdout))
  t.ok(toCommands(shown).length >= 5)
})

/** The commands, with what differs from run to run (seqs, which shelf broke) left out. */
function toCommands(text: string): string[] {
  return text
    .split('\n')
    .filter((line) => line.startsWith('$ '))
    .map((line) => line.replace(/\b\d+\b/g, 'N').replace(/\/stock\/\w+/, '/stock/SKU'))
}
