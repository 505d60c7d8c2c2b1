import { isMainThread, parentPort } from 'node:worker_threads'
import { Seed, toSeed } from '../src/boundary/node/seed.js'
import { type ThreadPath, toThreadPath } from '../src/ids.js'
import { makeSeed, openBoundary, startTape, type TapedThread } from './boundary.js'
import { watchChildren } from './children.js'
import { redactWords } from './command-words.js'
import { type Orders, takeOrders } from './injection.js'
import { recordThread } from './install.js'
import { originals } from './originals.js'
import { toClaimFile } from './recording-directory.js'
import { Redaction } from './redaction.js'
import { report, toMessage } from './report.js'
import { countChildren, type TreeNode } from './tree.js'
import { takeWorkerOrders, watchWorkers } from './workers.js'

/** It has no inspector, through which they are reached. */
const CLOSED = 'a Node that keeps its bindings to itself, as the parent of node --test does'

// What every Node process and worker of a recorded command loads before its first line (`dist/recorder/preload.cjs`).
// Without orders, outside a recording, it does nothing.
try {
  // It is bundled as CommonJS.
  const preload = __filename
  // Programs list what was loaded, and load it anew.
  delete require.cache[preload]
  const fromEnvironment = takeOrders(preload)
  const orders = isMainThread ? fromEnvironment : takeWorkerOrders(preload)
  if (orders) recordProgram(preload, orders)
} catch (error) {
  report('preload', `this process is not recorded: ${toMessage(error)}`)
}

function recordProgram(preload: string, { thread, worker, ...shared }: Orders): void {
  const internals = shared.inputs && (isMainThread || worker) ? openBoundary() : undefined
  const seed = worker ? new Seed(worker.seed, worker.seedIsGiven === true) : toSeed(process.execArgv, makeSeed())
  const secrets = shared.keepEnv ? {} : process.env
  const redaction = new Redaction({}, secrets, Buffer.from(shared.key, 'base64url'))
  const peers = new WeakMap<object, ThreadPath>()
  const { recording } = shared
  const findPeer = (end: object): ThreadPath | undefined => peers.get(end)
  const { driver, path } = recordThread({
    recording,
    thread,
    preload: true,
    redaction,
    findPeer,
    taped: internals !== undefined,
    level: shared.level,
  })
  const parent = toParent(path)
  if (parent) peers.set(parentPort ?? process, parent)
  const nextPath = countChildren(path)
  let share = (): void => {}
  const node: TreeNode = {
    path,
    seed: internals && seed,
    injection: { preload, ...shared },
    nextPath() {
      share()
      return nextPath()
    },
    log: (body) => driver.process(0 as never, body),
    flush: () => driver.flush(),
    wasClaimed: (child) => originals.existsSync(toClaimFile(recording, child)),
    setPeer: (end, child) => peers.set(end, child),
    redact: (words) => redactWords(words, redaction),
  }
  watchChildren(node)
  watchWorkers(node)
  if (!internals) {
    if (shared.inputs && isMainThread) driver.process(0 as never, { op: 'observed', call: CLOSED })
    return
  }
  const { chaos } = shared
  const tape = startTape({
    internals,
    driver,
    ...hideEnv(process.env, redaction, shared.keepEnv),
    seed,
    worker,
    sources: shared.sources,
    outputs: shared.outputs ?? '',
    ...(chaos !== undefined && { chaos: toOwn(chaos, path) }),
  })
  share = () => {
    tape.shared = true
  }
  if (parent) share()
}

/** Each thread is perturbed in a way of its own. */
function toOwn(seed: number, path: ThreadPath): number {
  return [...path].reduce((mixed, char) => Math.imul(mixed ^ char.charCodeAt(0), 0x01000193), seed)
}

/** Values of secrets as tokens of the same length, in the environment and wherever the program hands them on. */
function hideEnv(env: NodeJS.ProcessEnv, redaction: Redaction, keep: boolean): Pick<TapedThread, 'env' | 'hide'> {
  const given = Object.entries(env) as [string, string][]
  if (keep) return { env: Object.fromEntries(given), hide: (text) => text }
  const hidden = new Map<string, string>()
  for (const [, value] of given) if (!hidden.has(value)) hidden.set(value, redaction.text(value))
  return {
    env: Object.fromEntries(given.map(([name, value]) => [name, hidden.get(value)!])),
    hide: (text) => hidden.get(text) ?? redaction.known(text),
  }
}

function toParent(path: ThreadPath): ThreadPath | undefined {
  const at = path.lastIndexOf('.')
  return at < 0 ? undefined : toThreadPath(path.slice(0, at))
}
