import { fileURLToPath } from 'node:url'
import { runProgram } from '../../replayer/faces/cli/program.js'
import { QUERIES } from '../../replayer/faces/cli/queries.js'

export const CLI = fileURLToPath(new URL('../../replayer/faces/cli/main.js', import.meta.url))

export interface Ran {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** Runs a query as the command line does, in this process: starting one for each costs a third of a second. */
export async function runCli(...words: readonly string[]): Promise<Ran> {
  const [stdout, stderr] = [capture(process.stdout), capture(process.stderr)]
  const before = process.exitCode
  process.exitCode = 0
  try {
    await runProgram(QUERIES, words)
    return { code: Number(process.exitCode), stdout: stdout.text(), stderr: stderr.text() }
  } finally {
    process.exitCode = before
    stdout.release()
    stderr.release()
  }
}

function capture(stream: NodeJS.WriteStream): { text(): string; release(): void } {
  const { write } = stream
  let text = ''
  stream.write = (part: string | Uint8Array) => {
    text += String(part)
    return true
  }
  return {
    text: () => text,
    release: () => {
      stream.write = write
    },
  }
}

/** JSON Lines as values. */
export function toLines(stdout: string): Record<string, unknown>[] {
  return stdout
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Record<string, unknown>)
}
