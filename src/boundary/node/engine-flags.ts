/** What of the engine's hundreds of options a program can tell from inside, and that writes and prints nothing. */
const HARMLESS = [
  /^expose-(?:gc|externalize-string)$/,
  /^(?:allow-natives-syntax|use-strict|jitless|lite-mode|optimize-for-size|single-threaded|predictable|hash-seed)$/,
  /^(?:harmony|js|experimental-wasm)(?:-\w+)*$/,
  /^(?:stack-size|stack-trace-limit|disallow-code-generation-from-strings|enable-sharedarraybuffer-per-context)$/,
  /^(?:(?:max|min)-(?:old-space|semi-space|heap)-size|max-old-space-size-percentage|huge-max-old-generation-size)$/,
  /^(?:initial-(?:heap|old-space)-size|semi-space-growth-factor)$/,
  /^(?:opt|sparkplug|maglev|turbofan)$/,
]

/** Whether an option of V8's may be set in a replay, too. @param name with or without dashes and value */
export function isHarmless(name: string): boolean {
  const bare = name.replace(/^--?/, '').split('=', 1)[0]!.replaceAll('_', '-').replace(/^no-?/, '')
  return HARMLESS.some((one) => one.test(bare))
}
