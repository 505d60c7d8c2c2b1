import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const PACKAGE = new URL('../../recorder/index.js', import.meta.url).href

export interface Ran {
  readonly code: number | null
  readonly signal: string | null
  readonly stdout: string
  readonly stderr: string
}

/** Runs the text of an ES module in a process of its own; `setup` is imported where `record` is true, else a stand-in
 *  that records nothing. The same text both ways shows what recording changes. */
export function runProgram(
  body: string,
  options: { readonly args?: readonly string[]; readonly flags?: readonly string[]; readonly record?: boolean } & {
    readonly env?: NodeJS.ProcessEnv
    readonly cwd?: string
    readonly shell?: string
  } = {},
): Promise<Ran> {
  const head =
    options.record === false
      ? 'const setup = async () => ({ mark() {}, async stop() {}, channel: (_, end) => end, container: (_, c) => c });'
      : `import { setup } from ${JSON.stringify(PACKAGE)};`
  const args = [...(options.flags ?? []), '--input-type=module', '-e', `${head}\n${body}`, ...(options.args ?? [])]
  // The test runner puts its loader into NODE_OPTIONS of every Node process that is started from here, whatever `env` says:
  // a loader has a thread of its own, which takes the first worker's number.
  const script = `unset NODE_OPTIONS; ${options.shell ?? ':'}; exec "$0" "$@"`
  const child = spawn('/bin/sh', ['-c', script, process.execPath, ...args], toSpawnOptions(options))
  let stdout = ''
  let stderr = ''
  child.stdout!.setEncoding('utf8').on('data', (text: string) => (stdout += text))
  child.stderr!.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  return new Promise((resolve) => child.on('close', (code, signal) => resolve({ code, signal, stdout, stderr })))
}

function toSpawnOptions({ env, cwd }: { readonly env?: NodeJS.ProcessEnv; readonly cwd?: string }) {
  const clean = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('RETROSCOPE_')))
  return {
    stdio: ['ignore', 'pipe', 'pipe'] as ['ignore', 'pipe', 'pipe'],
    env: { ...clean, ...env },
    ...(cwd !== undefined && { cwd }),
  }
}

export const PACKAGE_PATH = fileURLToPath(PACKAGE)
