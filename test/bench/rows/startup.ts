/** CPU that the preload adds to the start of a Node process. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createRecording } from '../../../recorder/recording-directory.js'
import { median, printRow } from '../measure.js'

const ROUNDS = 25
const PRELOAD = fileURLToPath(new URL('../../../recorder/preload.cjs', import.meta.url))
const dir = mkdtempSync(join(tmpdir(), 'retroscope-bench-'))
const recording = createRecording(join(dir, 'startup.retro'))
const figures = join(dir, 'cpu')
const program = `process.on('exit', () => { const { user, system } = process.cpuUsage(); process.getBuiltinModule('fs').writeFileSync(${JSON.stringify(figures)}, String(user + system)) })`

function start(args: readonly string[], env: NodeJS.ProcessEnv): number {
  const done = spawnSync(process.execPath, [...args, '-e', program], {
    env: { ...process.env, ...env },
    stdio: 'ignore',
  })
  if (done.status !== 0) throw new Error(`node ended with ${done.status}`)
  return Number(readFileSync(figures, 'utf8')) / 1000
}

/** What `record` hands to each process: without all of it the preload does nothing. */
function toOrders(thread: number): NodeJS.ProcessEnv {
  return {
    RETROSCOPE_RECORDING: recording,
    RETROSCOPE_THREAD: String(thread),
    RETROSCOPE_KEY: 'a2V5IG9mIHRoZSBiZW5jaA',
  }
}

const [added, withInputs]: [number[], number[]] = [[], []]
for (let round = 0; round < ROUNDS; round++) {
  const bare = start([], {})
  added.push(start(['-r', PRELOAD], toOrders(2 * round)) - bare)
  withInputs.push(start(['-r', PRELOAD], { ...toOrders(2 * round + 1), RETROSCOPE_INPUTS: '1' }) - bare)
}
rmSync(dir, { recursive: true, force: true })
for (const [what, values] of [
  ['start-up added by the preload', added],
  ['  with inputs', withInputs],
] as const) {
  const ms = median(values)
  const against = 'bare node -e, paired, 25 rounds'
  printRow({ what, figure: `${ms.toFixed(1)} ms CPU`, bar: '≤25 ms', against, met: ms <= 25 })
}
