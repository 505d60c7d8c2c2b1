import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import t from 'tap'

// Three recordings, each asked five times, on a machine that does other work as well.
t.setTimeout(600_000)

const LONG = process.env.RETROSCOPE_LONG !== undefined

function run(sample: string, args: readonly string[] = [], env: NodeJS.ProcessEnv = {}) {
  const file = fileURLToPath(new URL(`../../samples/${sample}.js`, import.meta.url))
  // The runner's own loader would be recorded with the sample.
  const command = ['-u', 'NODE_OPTIONS', process.execPath, file, ...args]
  const done = spawnSync('env', command, { encoding: 'utf8', env: { ...process.env, ...env } })
  return { code: done.status, text: `${done.stdout}${done.stderr}` }
}

t.test('[S1] game: every state of 10,000 random moves equals the game’s own list', async (t) => {
  const { code, text } = run('game/main')
  t.equal(code, 0, text)
  const [, checked, all] = /(\d+) states of (\d+) compared with the game's own list, 0 differ/.exec(text) ?? []
  t.ok(Number(checked) >= 10_000, text)
  t.equal(checked, all)
})

t.test('[S2] document: fed by keystrokes it reads as their log says, and every state on the way', async (t) => {
  for (const log of LONG ? ['sveltecomponent', 'rustcode'] : ['sveltecomponent']) {
    const { code, text } = run('document/main', [log])
    t.equal(code, 0, text)
    t.match(text, /it reads as the log says\n\d+ states of \d+ compared with the document's own list, 0 differ/)
  }
  const generated = run('document/main', [], { RETROSCOPE_TEST_DATA: '' })
  t.match(generated, { code: 0, text: /keystrokes of generated/ })
})

t.test('[S3] checkout: the demo records the crash, runs the shop again and derives why', async (t) => {
  for (let n = 0; n < (LONG ? 10 : 3); n++) {
    const { code, text } = run('checkout/demo')
    t.equal(code, 0, text)
    t.match(text, /Error: oversold: (\w+) stands at -\d/)
    t.match(text, /crashed at \d+/)
    t.match(
      text,
      /cart \/stock\/\w+ is -\d+, before it was -?\d+/,
      'the last order of several that oversold may be the one',
    )
    t.match(text, /replace \/stock\/\w+\n/, 'the diff across the race shows the shelf')
    t.match(text, /Replay of thread 0 is exact: .*, exit code 1\./, 'the shop runs again to the same crash')
    t.match(
      text,
      /http\/\d+ +message +receive 0 request .*\n.*an input from outside \(derived/,
      'why ends at a request',
    )
  }
})
