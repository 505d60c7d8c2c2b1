/** What of the engine's hundreds of options a program can tell from inside, and that writes and prints nothing. */
const HARMLESS = [
  /^expose-(?:gc|externalize-string)$/,
  /^(?:allow-natives-syntax|use-strict|jitless|lite-mode|optimize-for-size|single-threaded|predictable|hash-seed)$/,
  /^(?:harmony|js|experimental-wasm)(?:-\w+)*$/,
  /^(?:stack-size|stack-trace-limit|disallow-code-generation-from-strings|enable-sharedarraybuffer-per-context)$/,
  /^(?:(?:max|min)-(?:old-space|semi-space|heap)-size|max-old-space-size-percentage|huge-max-old-generation-size)$/,
  /^(?:initial-(?:heap|old-space)-size|semi-space-growth-factor)$/,
  /^(?:opt|sparkplug|maglev|turbofan|random-seed)$/,
]

/** Whether an option of V8's may be set in a replay, too. @param name with or without dashes and value */
export function isHarmless(name: string): boolean {
  const bare = name.replace(/^--?/, '').split(/[=\s]/, 1)[0]!.replaceAll('_', '-').replace(/^no-?/, '')
  return HARMLESS.some((one) => one.test(bare))
}

/** Options of V8's in a text, each with its value: that may stand in the word behind it. */
export function splitFlags(text: string): string[] {
  const flags: string[] = []
  for (const word of text.split(/\s+/)) {
    const last = flags.at(-1)
    if (/^-+[a-z]/i.test(word)) flags.push(word)
    else if (last && word !== '' && !/[=\s]/.test(last)) flags[flags.length - 1] = `${last} ${word}`
  }
  return flags
}

/** The last seed that options give; undefined where there is none. Of 0 the engine makes another one each time. */
export function findSeed(flags: readonly string[]): number | undefined {
  const seeds = flags.flatMap((flag) => /^--?random[-_]seed[=\s](-?\d+)$/.exec(flag)?.[1] ?? [])
  return seeds.length === 0 ? undefined : Number(seeds.at(-1))
}
