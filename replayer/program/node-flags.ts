import { isHarmless } from '../../src/boundary/node/engine-flags.js'

/** Where an option of Node's has its effect: in the whole process, or in the thread that has it. */
type Scope = 'process' | 'thread'

/** Options that say what a program means and that a replay takes over: whatever they read or open goes through the
 *  boundary, or is none of the outside's. */
const KEPT: Readonly<Record<Scope, readonly string[]>> = {
  process: [
    ...['disable-proto', 'disable-wasm-trap-handler', 'experimental-default-type', 'title'],
    ...['experimental-shadow-realm', 'harmony-shadow-realm', 'input-type', 'node-snapshot', 'zero-fill-buffers'],
    ...['enable-fips', 'force-fips', 'openssl-legacy-provider', 'secure-heap', 'secure-heap-min', 'use-bundled-ca'],
    ...['tls-cipher-list', 'trace-require-module', 'unhandled-rejections', 'v8-pool-size'],
  ],
  thread: [
    ...['addons', 'async-context-frame', 'check', 'conditions', 'deprecation', 'disable-sigusr1', 'disable-warning'],
    ...['dns-result-order', 'enable-source-maps', 'entry-url', 'eval', 'print', 'interactive', 'import', 'require'],
    ...['experimental-abortcontroller', 'experimental-addon-modules', 'experimental-async-context-frame'],
    ...['experimental-bench', 'experimental-detect-module', 'experimental-dtls', 'experimental-eventsource'],
    ...['experimental-fetch', 'experimental-ffi', 'experimental-global-customevent', 'experimental-global-navigator'],
    ...['experimental-global-webcrypto', 'experimental-import-meta-resolve', 'experimental-import-text'],
    ...['experimental-json-modules', 'experimental-loader', 'experimental-modules', 'experimental-network-imports'],
    ...['experimental-print-required-tla', 'experimental-quic', 'experimental-repl-await', 'experimental-report'],
    ...['experimental-require-module', 'experimental-specifier-resolution', 'experimental-sqlite'],
    ...['experimental-stream-iter', 'experimental-strip-types', 'experimental-test-coverage'],
    ...['experimental-test-isolation', 'experimental-test-module-mocks', 'experimental-test-snapshots'],
    ...['experimental-test-tag-filter', 'experimental-top-level-await', 'experimental-transform-types'],
    ...['experimental-vm-modules', 'experimental-wasi-unstable-preview1', 'experimental-wasm-modules'],
    ...['experimental-web-worker', 'experimental-websocket', 'experimental-webstorage', 'experimental-worker'],
    ...['expose-internals', 'extra-info-on-fatal-exception', 'force-async-hooks-checks', 'force-context-aware'],
    ...['force-node-api-uncaught-exceptions-policy', 'frozen-intrinsics', 'global-search-paths', 'http-parser'],
    ...['insecure-http-parser', 'max-http-header-size', 'napi-modules', 'network-family-autoselection'],
    ...['network-family-autoselection-attempt-timeout', 'pending-deprecation', 'preserve-symlinks'],
    ...['preserve-symlinks-main', 'require-module', 'strip-types', 'test', 'test-concurrency'],
    ...['test-coverage-branches', 'test-coverage-exclude', 'test-coverage-functions', 'test-coverage-include'],
    ...['test-coverage-include-all', 'test-coverage-lines', 'test-force-exit', 'test-global-setup', 'test-isolation'],
    ...['test-name-pattern', 'test-only', 'test-random-seed', 'test-randomize', 'test-reporter'],
    ...['test-reporter-destination', 'test-rerun-failures', 'test-shard', 'test-skip-pattern', 'test-timeout'],
    ...['test-udp-no-try-send', 'test-update-snapshots', 'throw-deprecation', 'tls-keylog', 'tls-max-v1.2'],
    ...['tls-max-v1.3', 'tls-min-v1.0', 'tls-min-v1.1', 'tls-min-v1.2', 'tls-min-v1.3', 'trace-deprecation'],
    ...['trace-exit', 'trace-tls', 'trace-uncaught', 'trace-warnings', 'use-env-proxy', 'verify-base-objects'],
    ...['warnings', 'watch', 'watch-kill-signal', 'watch-path', 'watch-preserve-output', 'worker-snapshot'],
    // Node's JavaScript does it: warnings go through the boundary, a signal is watched before any preload.
    ...['diagnostic-dir', 'redirect-warnings', 'heapsnapshot-signal', 'report-on-signal', 'report-signal'],
    ...['bench', 'bench-isolation', 'bench-name-pattern', 'bench-reporter', 'bench-reporter-destination'],
    ...['bench-samples', 'bench-warmup'],
  ],
}

/** Options by which Node itself does something real, below the boundary; with each the reason why a replay drops it. */
const DROPPED: Readonly<Record<string, readonly string[]>> = {
  'Node writes a file by itself': [
    ...['build-sea', 'build-snapshot', 'build-snapshot-config', 'cpu-prof', 'cpu-prof-dir', 'cpu-prof-interval'],
    ...['cpu-prof-name', 'experimental-sea-config', 'heap-prof', 'heap-prof-dir'],
    ...['heap-prof-interval', 'heap-prof-name', 'heapsnapshot-near-heap-limit', 'perf-basic-prof'],
    ...['perf-basic-prof-only-functions', 'perf-prof', 'perf-prof-unwinding-info', 'prof', 'prof-process'],
    ...['report-compact', 'report-dir', 'report-exclude-env', 'report-exclude-network', 'report-filename'],
    ...['report-on-fatalerror', 'report-uncaught-exception', 'trace-event-categories', 'trace-event-file-pattern'],
    ...['interpreted-frames-native-stack', 'enable-etw-stack-walking'],
  ],
  'Node listens, or opens itself to a debugger': [
    ...['debug', 'debug-brk', 'experimental-inspector-network-resource', 'experimental-network-inspection'],
    ...['experimental-storage-inspection', 'experimental-worker-inspection', 'inspect', 'inspect-brk'],
    ...['inspect-brk-node', 'inspect-port', 'inspect-publish-uid', 'inspect-wait'],
  ],
  'Node reads a file before any preload; what came of it is in the recorded environment, or is not fed': [
    ...['env-file', 'env-file-if-exists', 'experimental-config-file', 'experimental-default-config-file'],
    ...['experimental-package-map', 'experimental-policy', 'policy-integrity', 'icu-data-dir', 'localstorage-file'],
    ...['openssl-config', 'openssl-shared-config', 'use-openssl-ca', 'use-system-ca'],
  ],
  'Node takes code from there, or starts another program': [
    ...['experimental-vfs', 'run', 'snapshot-blob', 'vfs-load', 'vfs-mount'],
  ],
  'the tool itself could not read the tape': [
    ...['allow-addons', 'allow-child-process', 'allow-ffi', 'allow-fs-read', 'allow-fs-vfs', 'allow-fs-write'],
    ...['allow-inspector', 'allow-net', 'allow-openssl-store', 'allow-wasi', 'allow-worker'],
    ...['experimental-permission', 'permission', 'permission-audit'],
  ],
  'Node would abort where the recorded program did': ['abort-on-uncaught-exception'],
  'Node prints beside the program, what is not the same twice': [
    ...['completion-bash', 'debug-arraybuffer-allocations', 'enable-fips-indicator-events', 'help'],
    ...['node-memory-debug', 'trace-atomics-wait', 'trace-env', 'trace-env-js-stack', 'trace-env-native-stack'],
    ...['trace-promises', 'trace-sigint', 'trace-sync-io', 'v8-options', 'version'],
  ],
  'no program can tell': ['security-revert', 'track-heap-objects', 'use-largepages'],
}

const ALIASES: Readonly<Record<string, string>> = {
  ...{ C: 'conditions', c: 'check', e: 'eval', i: 'interactive', p: 'print', pe: 'print', r: 'require' },
  ...{ h: 'help', v: 'version', loader: 'experimental-loader', 'prof-process': 'prof-process' },
  ...{ 'debug-port': 'inspect-port', 'report-directory': 'report-dir', webstorage: 'experimental-webstorage' },
  ...{ 'es-module-specifier-resolution': 'experimental-specifier-resolution' },
  ...{ 'enable-network-family-autoselection': 'network-family-autoselection' },
  ...{ 'security-reverts': 'security-revert', 'trace-events-enabled': 'trace-event-categories' },
}

/** Options whose value may stand in the word behind them. */
const VALUED: ReadonlySet<string> = new Set([
  ...['conditions', 'disable-proto', 'disable-warning', 'dns-result-order', 'eval', 'print', 'import', 'require'],
  ...['experimental-default-type', 'experimental-loader', 'experimental-specifier-resolution', 'input-type', 'title'],
  ...['experimental-test-isolation', 'experimental-test-tag-filter', 'max-http-header-size', 'redirect-warnings'],
  ...['network-family-autoselection-attempt-timeout', 'heapsnapshot-signal', 'report-signal', 'secure-heap'],
  ...['secure-heap-min', 'tls-cipher-list', 'tls-keylog', 'trace-require-module', 'unhandled-rejections'],
  ...['v8-pool-size', 'watch-path', 'watch-kill-signal', 'test-concurrency', 'test-coverage-branches'],
  ...['test-coverage-exclude', 'test-coverage-functions', 'test-coverage-include', 'test-coverage-lines'],
  ...['test-global-setup', 'test-isolation', 'test-name-pattern', 'test-random-seed', 'test-reporter'],
  ...['test-reporter-destination', 'test-rerun-failures', 'test-shard', 'test-skip-pattern', 'test-timeout'],
  ...['bench-isolation', 'bench-name-pattern', 'bench-reporter', 'bench-reporter-destination', 'bench-samples'],
  ...['bench-warmup', 'diagnostic-dir', 'stack-trace-limit'],
])

/** Options that say what the main thread runs, where that is no file. */
export const TEXT: ReadonlySet<string> = new Set(['eval', 'print', 'interactive', 'check'])

type Fate = Scope | 'dropped'

const FATES: ReadonlyMap<string, Fate> = new Map<string, Fate>([
  ...Object.values(DROPPED).flatMap((names) => names.map((name) => [name, 'dropped'] as const)),
  ...KEPT.process.map((name) => [name, 'process'] as const),
  ...KEPT.thread.map((name) => [name, 'thread'] as const),
])

/** An option with its value, as it stands among the words of a command. */
export interface Flag {
  /** Without dashes, aliases resolved; of a switch that is off, without `no`. */
  readonly name: string
  readonly isOff: boolean
  /** Absent where it stands alone. */
  readonly value?: string
  readonly words: readonly string[]
  /** Where a replay gives it to Node; `dropped`: nowhere. What nobody here knows is dropped. */
  readonly fate: Fate
}

/** Options of Node's one by one. */
export function readFlags(words: readonly string[]): Flag[] {
  const flags: Flag[] = []
  for (let at = 0; at < words.length; at++) {
    const word = words[at]!
    // What stands behind an option that is not known may be its value.
    if (!word.startsWith('-')) continue
    const given = word.split('=', 1)[0]!.replace(/^--?/, '').replaceAll('_', '-')
    const [name, isOff] = toName(given)
    const takesNext =
      VALUED.has(name) && !word.includes('=') && at + 1 < words.length && !isSwitch(word, words[at + 1]!)
    const own = takesNext ? [word, words[++at]!] : [word]
    const value = own[1] ?? (word.includes('=') ? word.slice(word.indexOf('=') + 1) : undefined)
    flags.push({ name, isOff, words: own, fate: toFate(name), ...(value !== undefined && { value }) })
  }
  return flags
}

/** A `--print` may stand alone: its text is that of `--eval`. */
function isSwitch(word: string, next: string): boolean {
  return /^(-p|--print)$/.test(word) && next.startsWith('-')
}

function toName(given: string): [name: string, isOff: boolean] {
  const name = ALIASES[given] ?? given
  if (FATES.has(name) || !given.startsWith('no-')) return [name, false]
  const positive = given.slice(3)
  return [ALIASES[positive] ?? positive, true]
}

function toFate(name: string): Fate {
  return FATES.get(name) ?? (isHarmless(name) ? 'process' : 'dropped')
}

/** Whether an option is in the table. @param name with or without dashes */
export function isKnownFlag(name: string): boolean {
  const [known] = toName(name.replace(/^--?/, ''))
  return FATES.has(known) || isHarmless(known)
}

/** The words of those options that have their effect there. */
export function keepFlags(words: readonly string[], ...scopes: readonly Scope[]): string[] {
  return readFlags(words).flatMap(({ words, fate }) => (fate !== 'dropped' && scopes.includes(fate) ? words : []))
}

/** The value of NODE_OPTIONS as words. */
export function splitOptions(text: string): string[] {
  const words: string[] = []
  let word = ''
  let isQuoted = false
  let isOpen = false
  for (let at = 0; at < text.length; at++) {
    let char = text[at]!
    if (!isQuoted && char === ' ') {
      if (isOpen) words.push(word)
      ;[word, isOpen] = ['', false]
      continue
    }
    isOpen = true
    if (char === '"') {
      isQuoted = !isQuoted
      continue
    }
    if (isQuoted && char === '\\') char = text[++at] ?? ''
    word += char
  }
  if (isOpen) words.push(word)
  return words
}

/** Words as a value of NODE_OPTIONS. */
export function joinOptions(words: readonly string[]): string {
  return words.map((word) => (/[\s"\\]/.test(word) ? `"${word.replace(/[\\"]/g, '\\$&')}"` : word)).join(' ')
}
