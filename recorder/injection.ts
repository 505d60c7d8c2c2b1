import type { WorkerStart } from '../src/boundary/node/head.js'
import type { Level } from './levels.js'

/** What a Node process or worker of the tree is told. */
export interface Orders {
  /** Absolute path of the recording's directory. */
  readonly recording: string
  /** Path that the thread is to claim. */
  readonly thread: string
  /** Key of the tokens that stand for secrets: equal secrets are equal in the whole recording. */
  readonly key: string
  /** Store environment values with secret-like names as they are. */
  readonly keepEnv: boolean
  /** Record the inputs of whole programs, so that they can run again. */
  readonly inputs: boolean
  /** Seed by which the order of what comes to the threads is perturbed. */
  readonly chaos?: number
  /** Put what threads load into the recording, and not only its hashes. */
  readonly sources: boolean
  readonly level: Level
  /** What stands behind the command's stdout and stderr. */
  readonly outputs?: string
  /** How a worker was started. */
  readonly worker?: WorkerStart
}

/** What each thread hands on to those that it starts. */
export interface Injection extends Omit<Orders, 'thread' | 'worker'> {
  /** Absolute path of the preload's file. */
  readonly preload: string
}

export const RECORDING_VARIABLE = 'RETROSCOPE_RECORDING'

/** Orders travel down the process tree in these variables, whatever stands in between. */
const VARIABLES = {
  recording: RECORDING_VARIABLE,
  thread: 'RETROSCOPE_THREAD',
  key: 'RETROSCOPE_KEY',
  keepEnv: 'RETROSCOPE_KEEP_ENV',
  inputs: 'RETROSCOPE_INPUTS',
  chaos: 'RETROSCOPE_CHAOS',
  noSources: 'RETROSCOPE_NO_SOURCES',
  level: 'RETROSCOPE_LEVEL',
  outputs: 'RETROSCOPE_OUTPUTS',
} as const

const NAMES: ReadonlySet<string> = new Set(Object.values(VARIABLES))

/** Environment as `KEY=VALUE` strings, the way Node hands it to the system. */
export type EnvPairs = readonly string[]

/** Adds the preload and its orders to a child's environment and leaves the given one alone. */
export function injectPairs(pairs: EnvPairs, injection: Injection, thread: string): string[] {
  const injected: string[] = []
  let options = -1
  for (const pair of pairs) {
    const name = pair.slice(0, pair.indexOf('='))
    if (NAMES.has(name)) continue
    // In its old place: a program that prints its environment sees the order it would see without us.
    if (name === 'NODE_OPTIONS') options = injected.length
    injected.push(pair)
  }
  if (options < 0) injected.push(`NODE_OPTIONS=${injectOptions(undefined, injection.preload)}`)
  else injected[options] = `NODE_OPTIONS=${injectOptions(injected[options]!.slice(13), injection.preload)}`
  injected.push(`${VARIABLES.recording}=${injection.recording}`, `${VARIABLES.thread}=${thread}`)
  injected.push(`${VARIABLES.key}=${injection.key}`)
  if (injection.keepEnv) injected.push(`${VARIABLES.keepEnv}=1`)
  if (injection.inputs) injected.push(`${VARIABLES.inputs}=1`, `${VARIABLES.outputs}=${injection.outputs ?? ''}`)
  if (injection.chaos !== undefined) injected.push(`${VARIABLES.chaos}=${injection.chaos}`)
  if (!injection.sources) injected.push(`${VARIABLES.noSources}=1`)
  if (injection.level !== 'full') injected.push(`${VARIABLES.level}=${injection.level}`)
  return injected
}

/** The same for an environment as an object. */
export function injectEnv(env: NodeJS.ProcessEnv, injection: Injection, thread: string): NodeJS.ProcessEnv {
  const pairs = Object.entries(env).map(([name, value]) => `${name}=${value}`)
  return Object.fromEntries(
    injectPairs(pairs, injection, thread).map((pair) => {
      const at = pair.indexOf('=')
      return [pair.slice(0, at), pair.slice(at + 1)]
    }),
  )
}

/** NODE_OPTIONS with the preload in front, so that it runs before those of the program. A blank behind it says that the
 *  variable was set before, be it to nothing: `restoreOptions` gives back exactly what was there. */
export function injectOptions(options: string | undefined, preload: string): string {
  const own = toOption(preload)
  return options === undefined ? own : `${own} ${options}`
}

/** NODE_OPTIONS as the program would see it without us; undefined: not set. */
export function restoreOptions(options: string | undefined, preload: string): string | undefined {
  const own = toOption(preload)
  if (options === undefined || options === own) return undefined
  return options.startsWith(`${own} `) ? options.slice(own.length + 1) : cutOption(options, preload)
}

/** Something in between put its own in front of ours, or wrote the whole anew in its own way of quoting. */
function cutOption(options: string, preload: string): string | undefined {
  const words = [...options.matchAll(/(?:"(?:\\.|[^"\\])*"|[^\s"])+/g)]
  const at = words.findIndex((word) => toPlain(word[0]) === preload)
  const flag = words[at - 1]
  if (!flag || !/^(-r|--require)$/.test(toPlain(flag[0]))) return options
  const before = options.slice(0, flag.index).trimEnd()
  const after = options.slice(words[at]!.index + words[at]![0].length).trimStart()
  return [before, after].filter(Boolean).join(' ') || undefined
}

function toPlain(word: string): string {
  return word.replace(/"((?:\\.|[^"\\])*)"/g, (_, inside: string) => inside.replace(/\\(.)/g, '$1'))
}

function toOption(preload: string): string {
  return `-r "${preload.replace(/[\\"]/g, '\\$&')}"`
}

/** Words of a command without our preload: from Node 24 on the parent of `node --test` says all options that it has found
 *  once more to its children, those out of NODE_OPTIONS too. A preload that is there twice would be a file of the
 *  program's. */
export function dropPreload(words: readonly string[], preload: string): readonly string[] {
  const at = words.indexOf(`--require=${preload}`)
  if (at >= 0) return words.toSpliced(at, 1)
  const apart = words.findIndex((word, index) => word === preload && /^(-r|--require)$/.test(words[index - 1] ?? ''))
  return apart >= 0 ? words.toSpliced(apart - 1, 2) : words
}

/** Reads the orders and takes every trace of them out of `process.env`. @returns undefined outside a recording */
export function takeOrders(preload: string): Orders | undefined {
  const { env } = process
  const { [VARIABLES.recording]: recording, [VARIABLES.thread]: thread, [VARIABLES.key]: key } = env
  const keepEnv = env[VARIABLES.keepEnv] === '1'
  const inputs = env[VARIABLES.inputs] === '1'
  const chaos = env[VARIABLES.chaos]
  const sources = env[VARIABLES.noSources] !== '1'
  const level = env[VARIABLES.level] === 'off' ? 'off' : 'full'
  const outputs = env[VARIABLES.outputs] ?? ''
  for (const name of NAMES) delete env[name]
  const options = env['NODE_OPTIONS']
  const restored = restoreOptions(options, preload)
  if (restored === undefined) delete env['NODE_OPTIONS']
  else if (restored !== options) env['NODE_OPTIONS'] = restored
  if (!recording || !thread || !key) return undefined
  return {
    recording,
    thread,
    key,
    keepEnv,
    inputs,
    level,
    sources,
    outputs,
    ...(chaos !== undefined && { chaos: Number(chaos) }),
  }
}
