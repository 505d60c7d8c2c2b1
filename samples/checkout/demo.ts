/** The main job, end to end: record a shop until its invariant breaks, run it again offline, and ask what that derives why. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { drive } from './traffic.js'

const CLI = fileURLToPath(new URL('../../replayer/faces/cli/main.js', import.meta.url))
const SHOP = relative(process.cwd(), fileURLToPath(new URL('./shop.js', import.meta.url)))

const dir = mkdtempSync(join(tmpdir(), 'retroscope-demo-'))
const recording = join(dir, 'shop.retro')
/** The race shows within the first hundred; that all of these miss it would be a wonder. */
const MOST_ORDERS = 5_000
let failed = false

/** Runs one command in view, and says when it did not end as it should. */
function show(args: readonly string[], expected = 0): void {
  say(`retroscope ${args.map((word) => (word === recording ? 'shop.retro' : word)).join(' ')}`)
  const done = spawnSync(process.execPath, [CLI, ...args], { stdio: ['ignore', 'pipe', 'pipe'], encoding: 'utf8' })
  process.stdout.write(done.stdout.replaceAll(recording, 'shop.retro'))
  process.stdout.write(done.stderr.replaceAll(recording, 'shop.retro'))
  if (done.status !== expected) {
    failed = true
    console.error(`demo: expected exit ${expected}, got ${done.status ?? done.signal}`)
  }
}

function ask(args: readonly string[]): Record<string, unknown> {
  const done = spawnSync(process.execPath, [CLI, ...args, '--json'], { encoding: 'utf8' })
  return JSON.parse(done.stdout || '{}')
}

function say(command: string): void {
  console.log(`\n$ ${command}`)
}

async function record(): Promise<number | null> {
  say(`retroscope record --level off -o shop.retro -- node ${SHOP}`)
  const words = ['record', '--level', 'off', '-o', recording, '--', process.execPath, SHOP]
  const child = spawn(process.execPath, [CLI, ...words], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  child.stderr
    .setEncoding('utf8')
    .on('data', (text: string) => process.stdout.write(text.replaceAll(recording, 'shop.retro')))
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve))
  for await (const line of createInterface({ input: child.stdout })) {
    console.log(line)
    const url = /http:\/\/\S+/.exec(line)?.[0]
    if (url) void trade(url, child)
  }
  return ended
}

/** Sends orders until the shop is gone. One that outlives them all is ended: there is no crash to look at. */
async function trade(url: string, shop: ChildProcess): Promise<void> {
  const answers = await drive(url, { most: MOST_ORDERS })
  console.log(`(traffic: ${answers} orders answered)`)
  if (answers === MOST_ORDERS) shop.kill()
}

try {
  const code = await record()
  if (code !== 1) throw new Error(`the shop ended with ${code}; it was expected to crash with 1`)
  show(['info', recording])
  console.log('\nThe shop, its worker and its customers are gone. It runs again from the recording alone:')
  show(['replay', recording, '--trace'])
  const broken = findBroken()
  show(['history', recording, 'cart', '--path', `/stock/${broken}`, '--reverse', '--limit', '4'])
  show(['why', recording, 'cart', `/stock/${broken}`])
  const { looked, sold } = findRace(broken)
  console.log(`\nBetween the look at the shelf (${looked}) and the sale (${sold}) others bought from it:`)
  show(['diff', recording, 'cart', '--from', looked, '--to', sold])
} catch (error) {
  failed = true
  console.error(`demo: ${error instanceof Error ? error.message : String(error)}`)
} finally {
  rmSync(dir, { recursive: true, force: true })
}
process.exitCode = failed ? 1 : 0

interface Link {
  readonly event: Named & { readonly kind: string; readonly process: string }
}

/** An event that was derived has the number of the one before it, and its own behind that. */
interface Named {
  readonly seq: number
  readonly derived?: number
}

/** The moment at which the order that broke the shelf looked at it, and the one at which it sold from it. */
function findRace(broken: string): { readonly looked: string; readonly sold: string } {
  const { chain = [] } = ask(['why', recording, 'cart', `/stock/${broken}`]) as { chain?: readonly Link[] }
  const looked = chain.find(({ event }) => event.kind === 'message' && event.process.startsWith('http/'))
  const sold = chain[0]
  if (!looked || !sold) throw new Error('the chain of causes has no request in it')
  return { looked: toMoment(looked.event), sold: toMoment(sold.event) }
}

function toMoment({ seq, derived }: Named): string {
  return derived === undefined ? String(seq) : `${seq}.${derived}`
}

/** The shelf that stands below nothing at the end. */
function findBroken(): string {
  const { state } = ask(['state', recording, 'cart']) as { state?: { stock?: Record<string, number> } }
  const broken = Object.entries(state?.stock ?? {}).find(([, left]) => left < 0)
  if (!broken) throw new Error('no shelf stands below nothing')
  return broken[0]
}
