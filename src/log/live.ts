import type { LogReader } from './reader.js'

/** Where a scope keeps what lets others ask it while it runs. */
export const LIVE_SYMBOL: unique symbol = Symbol.for('retroscope.live.v1') as never

/** The log of a scope that is still recording. */
export interface LiveLog {
  /** Directory that it records into; null when it records into memory. */
  readonly directory: string | null
  /** Opens a reader on everything that was recorded up to now; its `refresh` takes in what was recorded since. Reading
   *  neither blocks the program's recording nor adds to it. */
  open(): Promise<LogReader>
  /** Makes everything that was recorded up to now readable: to be called before a reader's `refresh`. */
  flush(): void
  /** Whether more may come. */
  isRunning(): boolean
}

/** The log behind a scope; undefined where the object is no scope that can be asked. */
export function findLive(scope: object): LiveLog | undefined {
  return (scope as { [LIVE_SYMBOL]?: LiveLog })[LIVE_SYMBOL]
}
