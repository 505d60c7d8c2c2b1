/** First code of every tape; smaller numbers are tags of entries. */
export const HEAD_CODE = 32

/** Which calls make entries, and what those hold. It grows with each change of that: both halves are of one boundary. */
export const BOUNDARY = 2

/** What a thread was when its first line was about to run: the first entry of its tape. */
export interface TapeHead {
  readonly node: string
  /** The BOUNDARY that wrote it; undefined is 1. */
  readonly boundary?: number
  /** Kinds of calls and deliveries: the first has the code HEAD_CODE + 1. Those that were met later name themselves. */
  readonly calls: readonly string[]
  /** Seed of `Math.random` in the whole process. */
  readonly seed: number
  /** The program has given it. */
  readonly seedIsGiven?: boolean
  readonly pid: number
  readonly ppid: number
  readonly argv: readonly string[]
  readonly argv0: string
  readonly execArgv: readonly string[]
  readonly execPath: string
  readonly cwd: string
  readonly title: string
  readonly env: Readonly<Record<string, string>>
  /** Names of those variables whose values are tokens that stand for secrets. */
  readonly hidden?: readonly string[]
  /** Of stdin, stdout and stderr: FILE, PIPE, TCP, TTY, UNKNOWN … */
  readonly stdio: readonly string[]
  /** What stands behind each of them: the same text where two share it, empty where that is not known. */
  readonly files?: readonly string[]
  /** The same of the recorded command's stdout and stderr. */
  readonly outputs?: readonly string[]
  readonly milestones: Float64Array
  /** Where its inspector listens, or would. */
  readonly debugPort?: number
  /** Only where its parent is a Node process that speaks with it. */
  readonly channel?: ChannelHead
  /** Only in a worker's. */
  readonly worker?: WorkerHead
}

/** The channel to a parent, which Node opens before any preload. */
export interface ChannelHead {
  readonly serialization: 'json' | 'advanced'
  /** Number of a cluster's worker. */
  readonly clusterWorker?: number
}

/** What a worker's parent asked for. */
export interface WorkerStart {
  /** Source text, absolute path or URL. */
  readonly file: string
  readonly kind: 'text' | 'path' | 'url'
  readonly argv: readonly string[]
  /** Undefined: those of its parent. */
  readonly execArgv: readonly string[] | undefined
  readonly stdin: boolean
  /** Seed of `Math.random` in the whole process. */
  readonly seed: number
  /** The program has given it. */
  readonly seedIsGiven?: boolean
}

export interface WorkerHead extends WorkerStart {
  readonly threadId: number
  readonly resourceLimits: object
  /** Its `workerData`, serialized; undefined when that cannot be kept. */
  readonly data: Uint8Array | undefined
  /** Draws of `Math.random` that were made before its first line: all threads of a process share one seed. */
  readonly draws: number
}
