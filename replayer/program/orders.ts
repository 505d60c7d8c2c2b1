/** What a program that is run again is told, in variables that it does not see. */
export interface ReplayOrders {
  /** File with the thread's tape. */
  readonly tape: string
  /** File for the verdict. */
  readonly verdict: string
  /** Run the source files that stand here instead of those that were recorded. */
  readonly local: boolean
  /** File for what the thread writes; without it that goes to this process's own stdout and stderr. */
  readonly output?: string
}

const VARIABLES = {
  tape: 'RETROSCOPE_REPLAY_TAPE',
  verdict: 'RETROSCOPE_REPLAY_VERDICT',
  local: 'RETROSCOPE_REPLAY_LOCAL',
  output: 'RETROSCOPE_REPLAY_OUTPUT',
} as const

/** Environment for the re-executed process. */
export function toReplayEnv(env: Readonly<Record<string, string>>, orders: ReplayOrders): Record<string, string> {
  const { tape, verdict, local, output } = orders
  // Node would read compiled code from there, and write some, before any preload.
  const { NODE_COMPILE_CACHE: _cache, ...own } = env
  return {
    ...own,
    [VARIABLES.tape]: tape,
    [VARIABLES.verdict]: verdict,
    ...(local && { [VARIABLES.local]: '1' }),
    ...(output !== undefined && { [VARIABLES.output]: output }),
  }
}

/** Reads the orders and takes them out of `process.env`. */
export function takeReplayOrders(): ReplayOrders | undefined {
  const { env } = process
  const { [VARIABLES.tape]: tape, [VARIABLES.verdict]: verdict, [VARIABLES.output]: output } = env
  const local = env[VARIABLES.local] === '1'
  for (const name of Object.values(VARIABLES)) delete env[name]
  return tape && verdict ? { tape, verdict, local, ...(output !== undefined && { output }) } : undefined
}
