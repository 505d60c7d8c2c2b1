import type { TapeHead } from '../../src/boundary/node/head.js'
import { joinOptions, keepFlags, splitOptions } from './node-flags.js'

type Env = TapeHead['env']

/** What Node, its engine or its libraries read before any preload, and that opens, loads and writes nothing by itself.
 *  The program finds its own values of all others: the preload puts them back. */
const READ_EARLY =
  /^(?:TZ|LANG|LANGUAGE|LC_\w+|NODE_(?:DEBUG|DISABLE_COLORS|NO_WARNINGS|PATH|PENDING_DEPRECATION|PRESERVE_SYMLINKS(?:_MAIN)?|REDIRECT_WARNINGS|SKIP_PLATFORM_CHECK|TEST_CONTEXT|TLS_REJECT_UNAUTHORIZED|USE_ENV_PROXY)|(?:https?|no)_proxy|(?:HTTPS?|NO)_PROXY|UV_THREADPOOL_SIZE|WATCH_REPORT_DEPENDENCIES)$/

/** An environment under which Node starts: every name in its place, and no value that would make Node or its libraries
 *  load, open or write something. @param coverage directory for what NODE_V8_COVERAGE asks for */
export function toSafeEnvironment(env: Env, coverage: string): Record<string, string> {
  return Object.fromEntries(Object.entries(env).map(([name, value]) => [name, toSafe(name, value, coverage)]))
}

function toSafe(name: string, value: string, coverage: string): string {
  if (name === 'NODE_V8_COVERAGE') return value && coverage
  if (name === 'NODE_OPTIONS') return joinOptions(keepFlags(splitOptions(value), 'process', 'thread'))
  return READ_EARLY.test(name) ? value : ''
}

/** The same for a worker, which is refused options of the whole process. */
export function toSafeWorkerEnvironment(env: Env, coverage: string): Record<string, string> {
  const safe = toSafeEnvironment(env, coverage)
  const { NODE_OPTIONS: options } = env
  return options === undefined
    ? safe
    : { ...safe, NODE_OPTIONS: joinOptions(keepFlags(splitOptions(options), 'thread')) }
}
