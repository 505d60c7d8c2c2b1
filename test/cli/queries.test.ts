import { spawn, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { EventEmitter, once } from 'node:events'
import { chmodSync, cpSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { Level } from 'level'
import t, { type Test } from 'tap'
import { toVerdictText } from '../../replayer/faces/cli/verdict-text.js'
import { toVisible } from '../../replayer/faces/step/text.js'
import { EVENT_KINDS } from '../../src/events.js'
import { makeCart, nextTurn, Outside, recordHere } from '../replayer/rig.js'
import { CLI, runCli, toLines } from './run-cli.js'

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '../../..')
const JSON_PAGE = readFileSync(join(ROOT, 'replayer/faces/cli/JSON.md'), 'utf8')

const MARK = 'hello \u001b[31mred\u001b[0m \u202eesrever \u009b31m'

/** A cart that goes 0, 10, 30, 60; a crash note; a mark with an escape sequence in it. */
const recorded = await recordHere(t, async (scope) => {
  const [cart, outside] = [scope.container('cart', makeCart()), new Outside()]
  const bus = scope.channel('bus', new EventEmitter())
  bus.on('added', (item) => cart.dispatch({ type: 'add', ...item }))
  scope.channel('orders', outside).onMessage((item) => bus.emit('added', item))
  await nextTurn()
  for (const price of [10, 20, 30]) {
    outside.deliver({ sku: `sku-${price}`, price })
    await nextTurn()
  }
  scope.mark(MARK, { total: cart.getState().total })
  const error = Object.assign(new TypeError('total is wrong'), {
    stack: 'TypeError: total is wrong\n    at check (/app/src/cart.ts:41:9)',
  })
  scope.seam.process(0 as never, {
    op: 'crash',
    reason: 'uncaughtException',
    error: { name: error.name, message: error.message, stack: error.stack },
  })
})

t.test('info is a screen that says how it ended, and what to ask next', async (t) => {
  const { code, stdout } = await runCli('info', recorded)
  t.equal(code, 0)
  for (const part of [
    'run.retro',
    'crashed at',
    'TypeError: total is wrong',
    '/app/src/cart.ts:41',
    'cart',
    'message',
  ]) {
    t.match(stdout, part)
  }
  const commands = [...stdout.matchAll(/retroscope (.*)/g)].map(([, words]) => words!)
  t.ok(commands.length >= 3)
  for (const words of commands) {
    t.notMatch(words, /[#<>]/, 'a shell takes it as it is')
    // The stepper takes a terminal, and a test of its own.
    if (words.startsWith('step ')) continue
    const ran = await runCli(...words.split(' '))
    t.equal(ran.code, 0, `${words}: ${ran.stderr}`)
  }
})

t.test('events: every filter, and the last of them reversed', async (t) => {
  const all = toLines((await runCli('events', recorded, '--json')).stdout)
  t.same(
    all.map(({ seq }) => seq),
    all.map((_, index) => index),
    'in order, without holes',
  )
  const kinds = toLines((await runCli('events', recorded, '--json', '--kind', 'state,mark')).stdout)
  t.same(
    kinds,
    all.filter(({ kind }) => kind === 'state' || kind === 'mark'),
  )
  const ofBus = toLines((await runCli('events', recorded, '--json', '--process', 'bus')).stdout)
  t.same(
    ofBus,
    all.filter(({ process }) => process === 'bus'),
  )
  const matching = toLines((await runCli('events', recorded, '--json', '--match', 'SKU-20', '--limit', '2')).stdout)
  t.same(matching, all.filter((event) => JSON.stringify(event).includes('sku-20')).slice(0, 2))
  const range = toLines((await runCli('events', recorded, '--json', '--from', '3', '--to', '6', '--reverse')).stdout)
  t.same(range, all.slice(3, 7).reverse())
  const turn = toLines(
    (await runCli('events', recorded, '--json', '--from', '@1', '--to', '@1', '--thread', '0')).stdout,
  )
  t.same(
    turn,
    all.filter((event) => event['turn'] === 1),
  )
})

t.test('state, diff, history and why print what was', async (t) => {
  const state = await runCli('state', recorded, 'cart')
  t.same(JSON.parse(state.stdout), { items: ['sku-10', 'sku-20', 'sku-30'], total: 60 })
  t.equal((await runCli('state', recorded, 'cart', '--path', '/items/1')).stdout, '"sku-20"\n')
  const history = toLines((await runCli('history', recorded, 'cart', '--path', '/total', '--json')).stdout)
  t.same(
    history.map(({ value }) => value),
    [0, 10, 30, 60],
  )
  const [, , second, third] = history as [object, object, { seq: number }, { seq: number }]
  const diff = await runCli('diff', recorded, 'cart', '--from', String(second.seq), '--to', String(third.seq))
  t.match(diff.stdout, /2 operations/)
  t.match(diff.stdout, /replace \/total\n {2}- 30\n {2}\+ 60/)
  const why = await runCli('why', recorded, 'cart', '/total')
  t.match(why.stdout, /cart \/total is 60, before it was 30/)
  t.match(why.stdout, /bus {2}message {2}receive 2/)
  t.match(why.stdout, /an input from outside \(recorded\)/)
  t.match(why.stdout, /No equal value stands in the payload/)
  const earlier = await runCli('why', recorded, 'cart', '/total', '--at', String(second.seq - 1), '--json')
  t.match(JSON.parse(earlier.stdout), { ok: true, value: 10, before: 0, ends: 'root', equal: [{ pointer: '/price' }] })
})

t.test('[Q6] what a recording says cannot steer the terminal', async (t) => {
  const { stdout } = await runCli('events', recorded, '--kind', 'mark')
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be there
  t.notMatch(stdout, /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e]/)
  t.match(stdout, 'hello \\u001b[31mred')
  const json = (await runCli('events', recorded, '--kind', 'mark', '--json')).stdout
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be there
  t.notMatch(json, /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e]/)
  t.match((toLines(json)[0]!['body'] as { text: string }).text, MARK, 'and it is the same text')
  t.notMatch(toVisible(MARK), /[\p{Cc}\p{Bidi_Control}]/u, 'nor in the stepper')
})

t.test('[Q9] commands to paste are words to a shell, whatever a container is called', (t) => {
  const divergence = { turn: 5, seq: 9, recorded: 'a', replayed: 'b', frame: null, frameIs: 'here' } as const
  const text = toVerdictText(
    {
      kind: 'diverged',
      turns: 5,
      entries: 9,
      divergence: { ...divergence, lastAgreement: null, reason: null, stack: null },
    },
    { recording: 'my run.retro', session: 'shop', containers: ['cart$(touch x)'] },
  )
  t.match(text, "retroscope diff 'my run.retro' 'cart$(touch x)' --from @4 --to @5")
  t.match(text, "retroscope why 'my run.retro' 'cart$(touch x)' '' --at @5")
  t.end()
})

t.test('[Q7] every --json shape has the members that JSON.md names, and no other', async (t) => {
  const shapes: readonly (readonly [string, ...string[]])[] = [
    ['info', recorded],
    ['events', recorded],
    ['state', recorded, 'cart'],
    ['diff', recorded, 'cart', '--from', '4'],
    ['history', recorded, 'cart', '--path', '/total'],
    ['why', recorded, 'cart', '/total'],
    ['verify', recorded],
    ['pack', recorded, '-o', join(t.testdir(), 'packed.retro')],
  ]
  for (const words of shapes) {
    const { code, stdout, stderr } = await runCli(...words, '--json')
    t.equal(code, 0, stderr)
    const section = toSection(words[0])
    for (const line of toLines(stdout)) {
      for (const member of Object.keys(line))
        t.ok(section.includes(member), `JSON.md says what ${member} of ${words[0]} is`)
    }
  }
  const info = toLines((await runCli('info', recorded, '--json')).stdout)[0]!
  t.same(Object.keys(info['counts'] as object).sort(), [...EVENT_KINDS].sort())
})

function toSection(name: string): string {
  return JSON_PAGE.split(/^## /m).find((section) => section.split('\n')[0]!.includes(name)) ?? ''
}

t.test('[Q2] what does not exist is an error that says what does and what was meant', async (t) => {
  const empty = join(t.testdir(), 'empty')
  mkdirSync(empty)
  const text = join(t.testdirName, 'notes.txt')
  writeFileSync(text, 'no recording\n')
  const foreign = join(t.testdirName, 'leveldb')
  const db = new Level(foreign)
  await db.put('a', 'b')
  await db.close()
  const newer = join(t.testdirName, 'newer.retro')
  mkdirSync(newer)
  writeFileSync(join(newer, 'format'), '{"format":99}\n')
  const cases: readonly (readonly [words: readonly string[], code: number, says: RegExp])[] = [
    [['state', recorded, 'crat'], 1, /no process "crat"[\s\S]*Did you mean cart\?[\s\S]*orders/],
    [['state', recorded, 'bus'], 1, /bus is a channel without recorded state[\s\S]*Containers: cart/],
    [['state', recorded, 'cart', '--at', '999'], 1, /Moment 999 is outside[\s\S]*0 to \d+/],
    [['state', recorded, 'cart', '--at', '@99'], 1, /no turn @99[\s\S]*@0 to @\d+/],
    [['state', recorded, 'cart', '--at', '@1.9'], 1, /no step 9/],
    [['state', recorded, 'cart', '--at', '+9h'], 1, /outside the recording, which is [\d.]+ \w+ long/],
    [['state', recorded, 'cart', '--at', '-9h'], 1, /outside the recording/],
    [['state', recorded, 'cart', '--at', '2001-01-01T00:00:00Z'], 1, /runs from \d{4}-/],
    [['state', recorded, 'cart', '--at', 'soon'], 2, /"soon" names no moment[\s\S]*start, end or crash/],
    [['state', recorded, 'cart', '--path', 'total'], 2, /Did you mean \/total\?/],
    [['state', recorded, 'cart', '--path', '/totl'], 2, /Nothing is at[\s\S]*items, total/],
    [['why', recorded, 'cart', '/totl'], 1, /never written[\s\S]*Did you mean \/total\?/],
    [['events', recorded, '--thread', '0.7'], 1, /no thread 0\.7[\s\S]*Threads: 0/],
    [['events', recorded, '--macth', 'x'], 2, /Did you mean --match\?[\s\S]*--kind/],
    [['events', recorded, '--kind', 'sate'], 2, /Did you mean state\?[\s\S]*message/],
    [['events', recorded, '--limit', 'many'], 2, /whole number/],
    [['events', recorded, '--from', '5', '--to', '2'], 2, /--from 5 is event 5, behind --to 2[\s\S]*Swap/],
    [['history', recorded, 'cart', '--from', 'end', '--to', 'start'], 2, /Swap/],
    [['history', recorded, 'cart', '--path', '/totl'], 1, /never written[\s\S]*Did you mean \/total\?/],
    [['state', recorded, 'cart', '--at', 'start'], 1, /no state yet; its first is at \d+/],
    [['diff', recorded, 'cart', '--from', 'end', '--to', 'start'], 1, /no state yet; its first is at \d+/],
    [['events', recorded, '--match', 'no such text'], 0, /No event is like that/],
    [['history', recorded, 'cart', '--from', 'end'], 0, /did not change in that range/],
    [['events', recorded, '--follow', '--reverse'], 2, /exclude each other/],
    [['evnts', recorded], 2, /Did you mean events\?[\s\S]*history/],
    [['state', recorded], 2, /missing required argument 'container'/i],
    [['info', join(empty, 'nothing.retro')], 1, /There is no /],
    [['info', empty], 1, /empty directory/],
    [['info', text], 1, /did not make/],
    [['info', foreign], 1, /LevelDB database/],
    [['info', newer], 1, /format 99[\s\S]*upgrade/],
    [['info', newer, '--json'], 1, /^\{"error":"FORMAT_TOO_NEW","message":".*","hint":".*"\}\n$/],
    [['pack', recorded, '-o', text], 1, /exists already/],
    [['unpack', recorded], 2, /is a directory/],
  ]
  for (const [words, code, says] of cases) {
    const ran = await runCli(...words)
    t.equal(ran.code, code, `${words.join(' ')} exits with ${code}`)
    t.match(ran.stderr, says)
    t.notMatch(ran.stderr, /\n {4}at /, 'no stack')
    t.equal(ran.stdout, '', 'nothing on stdout')
  }
})

t.test('[Q2] no permission is an error of its own, for a directory, a file in it and a packed file', async (t) => {
  // What root may do to any file is a capability: without it, it is a user like others.
  const drop = ['setpriv', '--bounding-set', '-dac_override,-dac_read_search']
  const asUser = process.getuid?.() === 0 ? drop : []
  if (asUser.length > 0 && spawnSync(drop[0]!, [...drop.slice(1), 'true']).status !== 0) {
    if (process.env['CI'] === 'true') t.fail('setpriv of util-linux cannot take rights from root here')
    else t.comment('SKIPPED: root cannot give up its rights here')
    return
  }
  const dir = join(t.testdir(), 'closed.retro')
  const packed = join(t.testdirName, 'packed.retro')
  cpSync(recorded, dir, { recursive: true })
  // Who collects what is left in spools sets the modes right; this recording is finished.
  rmSync(join(dir, 'spool'), { recursive: true })
  await runCli('pack', dir, '-o', packed)
  const table = readdirSync(join(dir, 'log', '000001')).find((name) => /\.(log|ldb)$/.test(name))!
  for (const [closed, asked] of [
    [dir, dir],
    [join(dir, 'format'), dir],
    [join(dir, 'log', '000001', table), dir],
    [packed, packed],
  ] as const) {
    const { mode } = statSync(closed)
    chmodSync(closed, 0o000)
    const ran = spawnSync(
      asUser[0] ?? process.execPath,
      [...asUser.slice(1), ...(asUser.length > 0 ? [process.execPath] : []), CLI, 'info', asked],
      { encoding: 'utf8' },
    )
    chmodSync(closed, mode & 0o777)
    t.equal(ran.status, 1, closed)
    t.match(
      ran.stderr,
      /^retroscope: .*(refuses access|cannot be read)[^\n]*\n\w[^\n]+\n$/,
      `${closed}: what, and a hint`,
    )
  }
})

t.test('[Q10] what damage took out of a list is named, and where to look', async (t) => {
  const packed = join(t.testdir(), 'damaged one.retro')
  const recording = await recordHere(t, async (scope) => {
    const cart = scope.container('cart', { text: '' })
    for (let n = 0; n < 4_000; n++) cart.text = randomBytes(30).toString('hex')
    scope.mark('the end')
  })
  await runCli('pack', recording, '-o', packed)
  for (const words of [['--process', 'cart'], ['--kind', 'mark'], []]) {
    t.equal((await runCli('events', packed, ...words)).stderr, '', 'nothing is said of a whole one')
  }
  const bytes = readFileSync(packed)
  bytes[Math.floor(bytes.length / 2)]! ^= 1
  writeFileSync(packed, bytes)
  const said = /damaged[\s\S]*retroscope verify '.*damaged one\.retro'\n$/
  for (const words of [
    ['events', '--process', 'cart'],
    ['events', '--kind', 'state', '--json'],
    ['history', 'cart'],
  ]) {
    const [command, ...rest] = words as [string, ...string[]]
    t.match((await runCli(command, packed, ...rest)).stderr, said, words.join(' '))
  }
  t.equal((await runCli('verify', packed)).code, 1)
})

t.test('--help of each command shows an example that works', async (t) => {
  const { stdout } = await runCli('--help')
  const names = [...stdout.matchAll(/^ {2}(\w+)(?: \[| <|\s{2})/gm)]
    .map(([, name]) => name!)
    .filter((name) => name !== 'help')
  for (const name of ['info', 'events', 'state', 'diff', 'history', 'why', 'pack', 'unpack', 'verify'])
    t.ok(names.includes(name), name)
  for (const name of names) {
    const help = (await runCli(name, '--help')).stdout
    t.match(help, new RegExp(`Examples?:\\n {2}retroscope ${name} `), name)
    for (const [, example] of help.matchAll(/^ {2}retroscope (.*)$/gm)) await runExample(t, example!)
  }
})

/** The example's own words, with this test's recording and moments that it has. */
async function runExample(t: Test, example: string): Promise<void> {
  const dir = t.testdir()
  const packed = join(dir, 'checkout-bug.retro')
  if (example.startsWith('unpack')) await runCli('pack', recorded, '-o', packed)
  const words = example
    .split(' ')
    .map((word) =>
      word.replace(/^checkout\.retro$/, example.startsWith('unpack') ? join(dir, 'checkout.retro') : recorded),
    )
    .map((word) => (word === 'checkout-bug.retro' ? packed : word))
    .map((word) => ({ '@811': '@2', '@812': '@3', '+3.2s': 'end', '-2s': 'start' })[word] ?? word)
  const { code, stderr } = await runCli(...words)
  t.equal(code, 0, `${example}: ${stderr}`)
}

t.test('output pipes: whoever closes the pipe early gets what it read, and nothing is complained of', async (t) => {
  const child = spawn('sh', ['-c', `"${process.execPath}" "${CLI}" events "${recorded}" | head -n 2`], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const lines: string[] = []
  createInterface({ input: child.stdout }).on('line', (line) => lines.push(line))
  let complaints = ''
  child.stderr.on('data', (part) => (complaints += part))
  await once(child, 'close')
  t.equal(lines.length, 2)
  t.equal(complaints, '')
})
