import type { Seed } from '../src/boundary/node/seed.js'
import type { ProcessBody } from '../src/events.js'
import { type ThreadPath, toThreadPath } from '../src/ids.js'
import type { Injection } from './injection.js'

/** The thread whose children are being watched. */
export interface TreeNode {
  readonly path: ThreadPath
  readonly injection: Injection
  /** Seed of `Math.random` in this process; undefined where no inputs are recorded. */
  readonly seed: Seed | undefined
  /** Next child's or worker's path: numbers follow the order in which this thread started them. */
  nextPath(): ThreadPath
  /** Logs something about a child, in the name of this thread. Never throws. */
  log(body: ProcessBody): void
  /** Puts on disk what was logged: before a call that blocks this thread for as long as a child lives. */
  flush(): void
  /** Whether a Node process or worker has claimed that path, at any time so far. */
  wasClaimed(path: ThreadPath): boolean
  /** The other end of a Worker or ChildProcess is that thread. */
  setPeer(end: object, path: ThreadPath): void
  /** What is stored of a command line: without the values of secrets. */
  redact(words: readonly string[]): readonly string[]
}

/** Counts children of one thread. */
export function countChildren(path: ThreadPath): () => ThreadPath {
  let count = 0
  return () => toThreadPath(`${path}.${++count}`)
}

const NODE_NAME = /(^|[\\/])(node|nodejs)(\d+)?(\.exe)?$/i

/** Whether a command is Node itself, by its name or because it is the very file that runs us. */
export function isNode(file: string): boolean {
  return file === process.execPath || NODE_NAME.test(file)
}

/** These end before any program runs. */
const RUNS_NOTHING = new Set(['-v', '--version', '-h', '--help', '--v8-options', '--completion-bash'])
/** Under these a preload outside the granted places would stop the program: it is left alone. */
const SHUTS_OUT = /^--(experimental-)?(permission|policy|policy-integrity)(=|$)/

/** Node's own options on its command line: those in front of the script. */
function toNodeOptions(args: readonly string[]): readonly string[] {
  const script = args.findIndex((word, index) => index > 0 && !word.startsWith('-'))
  return args.slice(1, script < 0 ? args.length : script)
}

/** Why the preload must not be put into this command; undefined: it may. */
export function findObstacle(file: string, args: readonly string[], pairs: readonly string[]): string | undefined {
  if (!isNode(file)) return undefined
  const options =
    pairs
      .find((pair) => pair.startsWith('NODE_OPTIONS='))
      ?.slice(13)
      .split(/\s+/) ?? []
  const option = [...toNodeOptions(args), ...options].find((word) => SHUTS_OUT.test(word))
  return option && `it was started with ${option.replace(/=.*/s, '')}, which keeps a preload out`
}

/** Whether a command that no thread has claimed should have been one. */
export function runsProgram(file: string, args: readonly string[]): boolean {
  return isNode(file) && !toNodeOptions(args).some((word) => RUNS_NOTHING.has(word))
}

/** One line for a command: its words, cut at 1,000 characters. */
export function toCommandLine(words: readonly string[]): string {
  const line = words.join(' ')
  return line.length > 1000 ? `${line.slice(0, 999)}…` : line
}
