import { isMainThread, threadId } from 'node:worker_threads'
import type { ThreadRecord } from '../src/events.js'
import type { ThreadPath } from '../src/ids.js'
import { redactWords } from './command-words.js'
import type { Redaction } from './redaction.js'

/** What a recording says about the thread that runs this. */
export function describeThread(path: ThreadPath, redaction: Redaction, preload = false): ThreadRecord {
  const [node = '', ...args] = process.argv
  return {
    path,
    type: isMainThread ? 'main' : 'worker',
    pid: process.pid,
    threadId,
    node: process.version,
    platform: `${process.platform}-${process.arch}`,
    argv: redactWords([node, ...process.execArgv, ...args], redaction),
    cwd: getCwd(),
    ...(preload && { preload }),
  }
}

/** A program may have removed the directory that it runs in. */
function getCwd(): string {
  try {
    return process.cwd()
  } catch {
    return ''
  }
}
