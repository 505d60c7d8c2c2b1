import { mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'

const SEGMENT = /^\d{6,}$/
const DROPPING = /^dropping-/

/** Numbers of the segments of a recording directory, ascending; empty when it has no log yet. */
export function listSegments(recording: string): number[] {
  return readNames(toLogDir(recording))
    .filter((name) => SEGMENT.test(name))
    .map(Number)
    .sort((a, b) => a - b)
}

/** Directory of a segment: `log/000001` for 1. It need not exist. */
export function toSegmentDir(recording: string, segment: number): string {
  return join(toLogDir(recording), String(segment).padStart(6, '0'))
}

/** Makes the directory of the segment after the last (the first is 1), 0700. @returns its number */
export function createSegment(recording: string): number {
  const segment = (listSegments(recording).at(-1) ?? 0) + 1
  mkdirSync(toSegmentDir(recording, segment), { recursive: true, mode: 0o700 })
  return segment
}

/** Removes a segment whose store is closed; readers that hold a snapshot keep it. Renamed first, so that a death on the
 *  way leaves no half segment behind; what an earlier death left goes with it. */
export function dropSegment(recording: string, segment: number): void {
  const log = toLogDir(recording)
  renameSync(toSegmentDir(recording, segment), join(log, `dropping-${segment}-${process.pid}`))
  for (const name of readNames(log)) {
    if (DROPPING.test(name)) rmSync(join(log, name), { recursive: true, force: true })
  }
}

function toLogDir(recording: string): string {
  return join(recording, 'log')
}

function readNames(dir: string): string[] {
  try {
    return readdirSync(dir)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}
