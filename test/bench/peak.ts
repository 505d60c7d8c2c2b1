/** Leaves the peak memory of a process in a file when it ends: `watchPeak(path)`, or by import with BENCH_PEAK_PATH set. */
import { readFileSync, writeFileSync } from 'node:fs'

const SAMPLE_MS = 20

/** In bytes. */
export interface Peak {
  /** Memory of its own: heap, buffers, stacks. Sampled. */
  readonly own: number
  /** That and the pages of files that it has mapped: code, and the log's tables, which the system takes back at will. */
  readonly resident: number
}

export function watchPeak(path: string): void {
  let own = 0
  const sample = () => {
    own = Math.max(own, getOwnBytes())
  }
  setInterval(sample, SAMPLE_MS).unref()
  process.on('exit', () => {
    sample()
    const resident = process.resourceUsage().maxRSS * 1024
    writeFileSync(path, JSON.stringify({ own: own || resident, resident } satisfies Peak))
  })
}

/** 0 where the system does not say. */
function getOwnBytes(): number {
  try {
    return Number(/RssAnon:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? 0) * 1024
  } catch {
    return 0
  }
}

const asked = process.env.BENCH_PEAK_PATH
// The processes that this one starts have figures of their own.
delete process.env.BENCH_PEAK_PATH
if (asked) watchPeak(asked)
