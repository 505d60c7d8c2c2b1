import { type ChildProcess, spawn } from 'node:child_process'
import { dirname, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The compiled command-line entry, as `npx retroscope` runs it. */
export const CLI = resolve(dirname(fileURLToPath(import.meta.url)), '../../replayer/faces/cli/main.js')

export interface Ran {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

export interface RunOptions {
  readonly cwd: string
  readonly env?: NodeJS.ProcessEnv
  readonly input?: string
  /** Called with each piece of stdout: tests wait for what a program says, never for a time. */
  readonly onOutput?: (text: string, child: ChildProcess) => void
  /** The same for stderr. */
  readonly onError?: (text: string) => void
  /** The process has ended; what it started may still hold its pipes. */
  readonly onExit?: () => void
  readonly detached?: boolean
  /** Leaves stdin open for `onOutput` to write to. */
  readonly keepStdin?: boolean
}

/** Runs a command to its end, as a user of this machine would: without what the test runner put into the environment. */
export function run(command: readonly string[], options: RunOptions): Promise<Ran> {
  const { NODE_OPTIONS: _options, ...env } = process.env
  for (const key of Object.keys(env)) if (/^(TAP|npm_|RETROSCOPE_|NODE_TEST)/.test(key)) delete env[key]
  return new Promise((done, fail) => {
    // The runner puts its own preload into the options of whatever is spawned here: `env` takes it out again.
    const child = spawn('env', ['-u', 'NODE_OPTIONS', ...keepOptions(options.env), ...command], {
      cwd: options.cwd,
      env: { ...env, ...options.env },
      detached: options.detached ?? false,
      stdio: ['pipe', 'pipe', 'pipe'],
    })
    let stdout = ''
    let stderr = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text
      options.onOutput?.(stdout, child)
    })
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text
      options.onError?.(stderr)
    })
    child.stdin.on('error', () => {})
    if (!options.keepStdin) child.stdin.end(options.input ?? '')
    if (options.onExit) child.on('exit', options.onExit)
    child.on('error', fail)
    child.on('close', (code, signal) => done({ code, signal, stdout, stderr }))
  })
}

function keepOptions(env: NodeJS.ProcessEnv | undefined): string[] {
  return env?.['NODE_OPTIONS'] === undefined ? [] : [`NODE_OPTIONS=${env['NODE_OPTIONS']}`]
}

/** Runs `retroscope record OPTIONS -- COMMAND`. */
export function runRecord(
  record: readonly string[],
  command: readonly string[],
  options: RunOptions,
): Promise<Ran & { readonly own: readonly string[] }> {
  return run([process.execPath, CLI, 'record', ...record, '--', ...command], options).then((ran) => {
    const lines = ran.stderr.split(/(?<=\n)/)
    const own = lines.filter((line) => line.startsWith('retroscope: ')).map((line) => line.trimEnd())
    return { ...ran, own, stderr: lines.filter((line) => !line.startsWith('retroscope: ')).join('') }
  })
}
