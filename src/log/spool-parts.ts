import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { readBlocks } from '../spool/block.js'
import { SPOOL_MAGIC } from '../spool/format.js'

const WINDOW_BYTES = 4 * 1024 * 1024

/** A stretch of a spool file that is damaged, or the torn end of it. */
export interface SpoolFault {
  readonly kind: 'damaged' | 'torn'
  readonly offset: number
  readonly end: number
}

/** Checks the blocks of a spool file of any size, in the memory of its largest block.
 *  @throws what the system says when it can't be read */
export function* findSpoolFaults(file: string, windowBytes = WINDOW_BYTES): Generator<SpoolFault> {
  const fd = openSync(file, 'r')
  try {
    const { size } = fstatSync(fd)
    let want = windowBytes
    for (let at = SPOOL_MAGIC.length; at < size; ) {
      const window = readWindow(fd, at, Math.min(want, size - at))
      const isLast = at + window.length >= size
      const start = at
      for (const { kind, offset, end } of readBlocks(window, 0, !isLast)) {
        // It is cut off by the window's end, not by the file's: it is looked at again, at the next one's beginning.
        if (!isLast && kind !== 'block' && end === window.length) break
        at = start + end
        if (kind !== 'block') yield { kind, offset: start + offset, end: at }
      }
      if (window.length === 0) return
      want = at === start ? want * 2 : windowBytes
    }
  } finally {
    closeSync(fd)
  }
}

function readWindow(fd: number, at: number, bytes: number): Uint8Array {
  const window = Buffer.allocUnsafeSlow(bytes)
  let filled = 0
  while (filled < bytes) {
    const got = readSync(fd, window, filled, bytes - filled, at + filled)
    if (got === 0) break
    filled += got
  }
  return window.subarray(0, filled)
}
