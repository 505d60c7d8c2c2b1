/** What a program that is run again is told, in variables that it does not see. */
export interface ReplayOrders {
  /** File with the thread's tape. */
  readonly tape: string
  /** File for the verdict. */
  readonly verdict: string
  /** Run the source files that stand here instead of those that were recorded. */
  readonly local: boolean
  /** Run recorded code that does not stand here. */
  readonly trust: boolean
  /** Directory with the recorded sources, by hash. */
  readonly sources: string
}

const VARIABLES = {
  tape: 'RETROSCOPE_REPLAY_TAPE',
  verdict: 'RETROSCOPE_REPLAY_VERDICT',
  local: 'RETROSCOPE_REPLAY_LOCAL',
  trust: 'RETROSCOPE_REPLAY_TRUST',
  sources: 'RETROSCOPE_REPLAY_SOURCES',
} as const

/** Environment for the re-executed process. */
export function toReplayEnv(env: Readonly<Record<string, string>>, orders: ReplayOrders): Record<string, string> {
  const { tape, verdict, local, trust, sources } = orders
  const files = { [VARIABLES.tape]: tape, [VARIABLES.verdict]: verdict, [VARIABLES.sources]: sources }
  return { ...env, ...files, ...(local && { [VARIABLES.local]: '1' }), ...(trust && { [VARIABLES.trust]: '1' }) }
}

/** Reads the orders and takes them out of `process.env`. */
export function takeReplayOrders(): ReplayOrders | undefined {
  const { env } = process
  const { [VARIABLES.tape]: tape, [VARIABLES.verdict]: verdict, [VARIABLES.sources]: sources } = env
  const local = env[VARIABLES.local] === '1'
  const trust = env[VARIABLES.trust] === '1'
  for (const name of Object.values(VARIABLES)) delete env[name]
  return tape && verdict && sources ? { tape, verdict, sources, local, trust } : undefined
}
