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
  /** Seq of the event before which the program stops. */
  readonly stop?: number
}

const VARIABLES = {
  tape: 'RETROSCOPE_REPLAY_TAPE',
  verdict: 'RETROSCOPE_REPLAY_VERDICT',
  local: 'RETROSCOPE_REPLAY_LOCAL',
  output: 'RETROSCOPE_REPLAY_OUTPUT',
  stop: 'RETROSCOPE_REPLAY_STOP',
} as const

/** Environment for the re-executed process. */
export function toReplayEnv(env: Readonly<Record<string, string>>, orders: ReplayOrders): Record<string, string> {
  const { tape, verdict, local, output, stop } = orders
  // Node would read compiled code from there, and write some, before any preload.
  const { NODE_COMPILE_CACHE: _cache, ...own } = env
  return {
    ...own,
    [VARIABLES.tape]: tape,
    [VARIABLES.verdict]: verdict,
    ...(local && { [VARIABLES.local]: '1' }),
    ...(output !== undefined && { [VARIABLES.output]: output }),
    ...(stop !== undefined && { [VARIABLES.stop]: String(stop) }),
  }
}

/** Reads the orders and takes them out of `process.env`. */
export function takeReplayOrders(): ReplayOrders | undefined {
  const { env } = process
  const [tape, verdict, local, output, stop] = Object.values(VARIABLES).map((name) => env[name])
  for (const name of Object.values(VARIABLES)) delete env[name]
  if (!tape || !verdict) return undefined
  return {
    tape,
    verdict,
    local: local === '1',
    ...(output !== undefined && { output }),
    ...(stop !== undefined && { stop: Number(stop) }),
  }
}
