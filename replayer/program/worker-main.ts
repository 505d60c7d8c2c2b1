import { readFileSync } from 'node:fs'
import { Worker } from 'node:worker_threads'
import type { WorkerStart } from '../../src/boundary/node/head.js'

/** How a recorded worker is started once more; its preload feeds it from its tape. */
export interface WorkerPlan extends WorkerStart {
  readonly env: Readonly<Record<string, string>>
}

// The main thread of a process in which a worker's thread runs again (`run.ts`).
const path = process.argv[2]
if (path !== undefined) start(JSON.parse(readFileSync(path, 'utf8')) as WorkerPlan)

function start({ file, kind, argv, execArgv, stdin, env }: WorkerPlan): void {
  const worker = new Worker(kind === 'url' ? new URL(file) : file, {
    eval: kind === 'text',
    argv: [...argv],
    ...(execArgv && { execArgv: [...execArgv] }),
    stdin,
    // What it writes comes from its preload. Streams that flowed would ask it for more, in messages that nobody recorded.
    stdout: true,
    stderr: true,
    env,
  })
  // What the worker fails of is in its verdict.
  worker.on('error', () => {})
}
