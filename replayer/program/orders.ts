import type { ProgramRefusal, SaidVerdict, Shown } from './divergence.js'

/** What a program that is run again is told, in a variable that it does not see. */
export interface ReplayOrders {
  /** File with the thread's tape. */
  readonly tape: string
  /** File for the verdict. */
  readonly verdict: string
  /** Run the source files that stand here instead of those that were recorded. */
  readonly local: boolean
  /** Run recorded code that does not stand here. */
  readonly trust: boolean
  /** The recording was made here, by this user. */
  readonly own: boolean
  /** Path of the recording. */
  readonly recording: string
  /** Directory with the recorded sources, by hash. */
  readonly sources: string
  /** Messages and states were recorded. */
  readonly full: boolean
  /** File for what the program's channels and containers do; absent where nobody asks. */
  readonly trace?: string
  /** Follow on whose behalf the traced program does what it does. */
  readonly origins: boolean
  /** File for what the thread writes; without it that goes to this process's own stdout and stderr. */
  readonly output?: string
  /** Bytes of stdout and stderr that an earlier replay has printed. */
  readonly printed: Printed
  /** Seq of the event before which the program stops. */
  readonly stop?: number
  /** There it waits for a debugger: it tells at `INSPECTOR_FD` where its inspector is, and writes to stderr elsewhere. */
  readonly inspect?: boolean
  /** Number of the entry at which it is stopped to say where it stands. */
  readonly showAt?: number
}

/** What it says in the end. */
export interface ReplayAnswer {
  readonly verdict: SaidVerdict | ProgramRefusal | Shown
  readonly printed: Printed
}

export type Printed = readonly [stdout: number, stderr: number]

/** Where the program's process tells that it waits for a debugger: one line, then its end once somebody is there. */
export const INSPECTOR_FD = 3

/** What such a program writes to its stderr: descriptor 2 has what Node itself says of debuggers. */
export const STDERR_FD = 4

const VARIABLE = 'RETROSCOPE_REPLAY'

/** Environment for the re-executed process. */
export function toReplayEnv(env: Readonly<Record<string, string>>, orders: ReplayOrders): Record<string, string> {
  return { ...env, [VARIABLE]: JSON.stringify(orders) }
}

/** Reads the orders and takes them out of `process.env`. */
export function takeReplayOrders(): ReplayOrders | undefined {
  const orders = process.env[VARIABLE]
  delete process.env[VARIABLE]
  return orders === undefined ? undefined : (JSON.parse(orders) as ReplayOrders)
}
