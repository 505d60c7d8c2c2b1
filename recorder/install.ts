import type { ThreadPath } from '../src/ids.js'
import { SEAM_SYMBOL, type Seam } from '../src/scope/seam.js'
import { Driver } from './driver.js'
import type { FrameSink, GapEncoder } from './frame-sink.js'
import type { Level } from './levels.js'
import { watchLife } from './life.js'
import { OffDriver } from './off-driver.js'
import { claimSpool } from './recording-directory.js'
import type { Redaction, RedactOptions } from './redaction.js'
import { SpoolWriter } from './spool-writer.js'
import { describeThread } from './thread-record.js'

export interface ThreadOptions {
  /** Absolute path of the recording's directory. */
  readonly recording: string
  /** Path of the thread in it; another one is taken when it is claimed already. */
  readonly thread: string
  readonly preload?: boolean
  readonly redaction: Redaction
  readonly findPeer?: (of: object) => ThreadPath | undefined
  /** The thread's inputs go on a tape. */
  readonly taped?: boolean
  /** Default: full. */
  readonly level?: Level
}

/** The recorder of this thread, at work. */
export interface Installed {
  readonly driver: Driver
  readonly path: ThreadPath
  /** Ends the log and puts everything back. Idempotent. */
  stop(): void
}

/** Records this thread into a directory: claims its spool, installs the seam, watches the thread's life.
 *  @throws what the system says when the spool can't be made */
export function recordThread(options: ThreadOptions): Installed {
  const { path, file } = claimSpool(options.recording, options.thread)
  return install(path, options, (encodeGap) => new SpoolWriter(file, encodeGap))
}

/** The same with any sink. */
export function install(
  path: ThreadPath,
  options: Pick<ThreadOptions, 'preload' | 'redaction' | 'findPeer' | 'taped' | 'level'>,
  openSink: (encodeGap: GapEncoder) => FrameSink,
): Installed {
  const { level = 'full' } = options
  const thread = describeThread(path, options.redaction, options.preload)
  const record = level === 'full' ? thread : { ...thread, level }
  const driver = new (level === 'off' ? OffDriver : Driver)({
    redaction: options.redaction,
    openSink,
    thread: { op: 'spawn', name: path, type: 'thread', incarnation: 0, thread: record },
    debug: Boolean(process.env['RETROSCOPE_DEBUG']),
    findPeer: options.findPeer ?? (() => undefined),
    taped: options.taped ?? false,
  })
  const unwatch = watchLife(driver)
  Object.defineProperty(globalThis, SEAM_SYMBOL, { value: driver satisfies Seam, configurable: true })
  return {
    driver,
    path,
    stop() {
      unwatch()
      const holder = globalThis as { [SEAM_SYMBOL]?: Seam }
      if (holder[SEAM_SYMBOL] === driver) Reflect.deleteProperty(globalThis, SEAM_SYMBOL)
      driver.stop()
    },
  }
}

export type { RedactOptions }
