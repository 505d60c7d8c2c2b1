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
  /** The recording is a packed file. */
  readonly packed: boolean
  /** Directory with the recorded sources, by hash. */
  readonly sources: string
}

const VARIABLES = {
  tape: 'RETROSCOPE_REPLAY_TAPE',
  verdict: 'RETROSCOPE_REPLAY_VERDICT',
  local: 'RETROSCOPE_REPLAY_LOCAL',
  trust: 'RETROSCOPE_REPLAY_TRUST',
  packed: 'RETROSCOPE_REPLAY_PACKED',
  sources: 'RETROSCOPE_REPLAY_SOURCES',
} as const

/** Environment for the re-executed process. */
export function toReplayEnv(env: Readonly<Record<string, string>>, orders: ReplayOrders): Record<string, string> {
  const given: Record<string, string> = {}
  for (const [name, variable] of Object.entries(VARIABLES)) {
    const value = orders[name as keyof ReplayOrders]
    if (value !== false) given[variable] = value === true ? '1' : value
  }
  return { ...env, ...given }
}

/** Reads the orders and takes them out of `process.env`. */
export function takeReplayOrders(): ReplayOrders | undefined {
  const { env } = process
  const { [VARIABLES.tape]: tape, [VARIABLES.verdict]: verdict, [VARIABLES.sources]: sources } = env
  const [local, trust, packed] = [VARIABLES.local, VARIABLES.trust, VARIABLES.packed].map((name) => env[name] === '1')
  for (const name of Object.values(VARIABLES)) delete env[name]
  return tape && verdict && sources
    ? { tape, verdict, sources, local: local!, trust: trust!, packed: packed! }
    : undefined
}
