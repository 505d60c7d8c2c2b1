import type { LiveLog } from '../src/log/live.js'
import type { MemoryLog } from '../src/log/memory-log.js'
import type { LogReader } from '../src/log/reader.js'

/** What a scope asks of whatever records its thread. */
interface Recorder {
  /** Hands on what waits. */
  flush(): void
  readonly running: boolean
}

/** The log of a scope that records into a directory. The reader is loaded by those who ask. */
export function toDirectoryLog(directory: string, recorder: Recorder): LiveLog {
  return {
    directory,
    flush: () => recorder.flush(),
    open: async () => {
      recorder.flush()
      const { openLog } = await import('../src/log/open.js')
      return openLog(directory)
    },
    isRunning: () => recorder.running,
  }
}

/** The log of a scope that records into memory. */
export function toMemoryLog(log: MemoryLog, recorder: Recorder): LiveLog {
  return {
    directory: null,
    flush: () => recorder.flush(),
    open: (): Promise<LogReader> => {
      recorder.flush()
      return log.open()
    },
    isRunning: () => recorder.running,
  }
}
