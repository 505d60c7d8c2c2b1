/** First code of every tape; smaller numbers are tags of entries. */
export const HEAD_CODE = 32

/** What a thread was when its first line was about to run: the first entry of its tape. */
export interface TapeHead {
  readonly node: string
  /** Kinds of calls and deliveries: the first has the code HEAD_CODE + 1. Those that were met later name themselves. */
  readonly calls: readonly string[]
  /** Seed of `Math.random` in the whole process. */
  readonly seed: number
  readonly pid: number
  readonly ppid: number
  readonly argv: readonly string[]
  readonly argv0: string
  readonly execArgv: readonly string[]
  readonly execPath: string
  readonly cwd: string
  readonly title: string
  readonly env: Readonly<Record<string, string>>
  /** Of stdin, stdout and stderr: FILE, PIPE, TCP, TTY, UNKNOWN … */
  readonly stdio: readonly string[]
  readonly milestones: Float64Array
}
