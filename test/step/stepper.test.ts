import { execFileSync, spawnSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { setup } from '../../recorder/index.js'
import { toKeys } from '../../replayer/faces/step/keys.js'
import { fit, toVisible } from '../../replayer/faces/step/text.js'
import { toRows } from '../../replayer/faces/step/tree.js'

const CLI = fileURLToPath(new URL('../../replayer/faces/cli/main.js', import.meta.url))
const hasTmux = spawnSync('tmux', ['-V']).status === 0
if (!hasTmux && process.env.CI === 'true') t.fail('tmux is missing: npm run verify installs it')

t.test('[T1] keys come out of what a terminal sends', async (t) => {
  t.same(toKeys('\x1b[C\x1bOD\x1b[5~\x1b[1;5Cq\x03é\x1b'), ['right', 'left', 'pageup', 'q', 'ctrl-c', 'é', 'escape'])
})

t.test(
  '[T2] text fits its cells, wide and combining characters counted, and never reaches the terminal raw',
  async (t) => {
    t.equal(fit('漢字かな', 5), '漢字…')
    t.equal(fit('e\u0301a', 4), 'e\u0301a  ')
    t.equal(toVisible('a\x1b[31mb\x07'), 'a·[31mb·')
    for (const text of ['', 'abc', '漢', 'a漢字', 'x'.repeat(99)])
      t.equal(toCells(fit(text, 7)), 7, JSON.stringify(text))
  },
)

t.test('[T3] branches that lead to a change are open, others as the reader left them', async (t) => {
  const state = { a: { b: { c: 1 }, d: 2 }, e: [1, 2] }
  const rows = toRows(state, { opened: new Set(), closed: new Set(), changed: ['/a/b/c'] })
  t.same(
    rows.map(({ pointer, changed }) => `${pointer}${changed ? '*' : ''}`),
    ['*', '/a*', '/a/b*', '/a/b/c*', '/a/d', '/e'],
  )
})

t.test('[T4] without a terminal it says what to use instead', async (t) => {
  const recording = await makeRecording(t)
  const done = spawnSync(process.execPath, [CLI, 'step', recording], { encoding: 'utf8', input: '' })
  t.equal(done.status, 2)
  t.match(done.stderr, /needs a terminal[\s\S]*retroscope events/)
  t.equal(done.stdout, '')
})

t.test('[T5] under tmux: steps, goes to changes both ways, to moments, searches', { skip: !hasTmux }, async (t) => {
  const screen = openScreen(t, await makeRecording(t), ['--watch', '/total', '--at', 'start'])
  await screen.until(/seq 0 of 1\d/)
  screen.press('n')
  await screen.until(/total: 0\b/)
  screen.press('n')
  t.match(await screen.until(/total: 5\b/), /●◉ +total: 5/, 'the change is marked in the tree')
  screen.press('n')
  await screen.until(/total: 9\b/)
  screen.press('n')
  await screen.until(/No later change of \/total/)
  screen.press('N')
  await screen.until(/total: 5\b/)
  screen.press('Right')
  await screen.until(/total: 5[\s\S]*lines: /)
  screen.press('g')
  screen.type('end')
  screen.press('Enter')
  await screen.until(/exit/)
  screen.press('Left')
  screen.press('Home')
  await screen.until(/seq 0 of/)
  screen.press('/')
  screen.type('second note')
  screen.press('Enter')
  await screen.until(/▶ \d+ .*second note/)
  screen.press('g')
  screen.type('nowhere')
  screen.press('Enter')
  await screen.until(/"nowhere" names no moment/)
  screen.press('w')
  screen.press('C-u')
  screen.type('/lines/0')
  screen.press('Enter')
  await screen.until(/watching \/lines\/0/)
  screen.press('N')
  await screen.until(/◉ .*0: ["']?pen/)
  screen.press('?')
  await screen.until(/Any key closes this page/)
  screen.press('x')
  screen.press('Tab')
  screen.press('Up')
  screen.press('Enter')
  await screen.until(/Tab tree/)
  screen.press('q')
  t.match(await screen.until(/ended with 0/), /before\n[\s\S]*ended with 0/, 'the screen from before is back')
})

t.test('[T6] under tmux: Ctrl-C, SIGTERM and a resize leave the terminal as it was', { skip: !hasTmux }, async (t) => {
  const recording = await makeRecording(t)
  const first = openScreen(t, recording, [])
  await first.until(/seq \d+ of/)
  first.resize(70, 14)
  await first.until(/^←→ step/m)
  first.press('C-c')
  await first.until(/before\n[\s\S]*ended with 0/)
  t.match(first.stty(), / echo /, 'the terminal echoes again')
  t.match(first.stty(), / icanon/, 'and reads lines again')

  const second = openScreen(t, recording, [])
  await second.until(/seq \d+ of/)
  process.kill(second.child(), 'SIGTERM')
  await second.until(/before\n[\s\S]*ended with 143/)
})

interface Screen {
  press(key: string): void
  type(text: string): void
  resize(columns: number, rows: number): void
  stty(): string
  /** The stepper's process. */
  child(): number
  /** Waits until the screen shows it. @returns the screen */
  until(pattern: RegExp): Promise<string>
}

/** A terminal of its own, in a tmux server of its own. */
function openScreen(t: Test, recording: string, args: readonly string[]): Screen {
  const socket = `retroscope-${randomUUID()}`
  const tmux = (...words: string[]) =>
    execFileSync('tmux', ['-L', socket, '-f', '/dev/null', ...words], { encoding: 'utf8' })
  const command = [process.execPath, CLI, 'step', recording, ...args].map((word) => `'${word}'`).join(' ')
  const script = `${recording}.sh`
  writeFileSync(script, `echo before\n${command}\necho "ended with $?"\nexec cat\n`)
  tmux('new-session', '-d', '-s', 's', '-x', '120', '-y', '30', 'sh', script)
  t.teardown(() => {
    try {
      tmux('kill-server')
    } catch {}
  })
  const shell = tmux('display-message', '-p', '-t', 's', '#{pane_pid}').trim()
  const pane = tmux('display-message', '-p', '-t', 's', '#{pane_tty}').trim()
  return {
    press: (key) => void tmux('send-keys', '-t', 's', key),
    type: (text) => void tmux('send-keys', '-t', 's', '-l', text),
    resize: (columns, rows) => void tmux('resize-window', '-t', 's', '-x', `${columns}`, '-y', `${rows}`),
    stty: () => execFileSync('stty', ['-a', '-F', pane], { encoding: 'utf8' }).replaceAll(';', ' '),
    child: () => Number(execFileSync('pgrep', ['-P', shell], { encoding: 'utf8' })),
    async until(pattern) {
      const deadline = Date.now() + 20_000
      for (;;) {
        const shown = tmux('capture-pane', '-p', '-t', 's')
        if (pattern.test(shown)) return shown
        if (Date.now() > deadline) {
          t.fail(`the screen never showed ${pattern}`, { shown })
          throw new Error(`the screen never showed ${pattern}:\n${shown}`)
        }
        await new Promise((resolve) => setTimeout(resolve, 20))
      }
    },
  }
}

async function makeRecording(t: Test): Promise<string> {
  const recording = join(t.testdir(), 'steps.retro')
  rmSync(recording, { recursive: true, force: true })
  const scope = await setup({ out: recording })
  const cart = scope.container('cart', { total: 0, lines: [] as string[] })
  scope.mark('first note')
  cart.lines.push('pencil')
  cart.total = 5
  scope.mark('second note')
  cart.lines[0] = 'pen'
  cart.total = 9
  for (let n = 0; n < 6; n++) scope.mark(`note ${n}`)
  await scope.stop()
  return recording
}

function toCells(text: string): number {
  return [...text].reduce((cells, character) => cells + (/[漢字かな]/.test(character) ? 2 : 1), 0)
}
