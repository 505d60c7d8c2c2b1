import { fileURLToPath } from 'node:url'
import { runOutside } from './context.js'

/** Where this package's own code lies, as it runs and as source maps show it; tests and samples beside it are users. */
const ROOTS = [new URL('../../../', import.meta.url).href, new URL('../../../../', import.meta.url).href]
const OWN = ROOTS.flatMap((root) => ['src/', 'recorder/', 'replayer/'].map((room) => root + room)).flatMap((url) => {
  return url.startsWith('file:') ? [url, fileURLToPath(url)] : [url]
})

/** The lines of a stack that are the program's own, nearest first: neither Node's nor this package's. */
export function getUserFrames(stack: string | undefined): readonly string[] {
  return (stack ?? '')
    .split('\n')
    .filter((line) => /^\s+at /.test(line))
    .map((line) => line.trim().slice('at '.length))
    .filter(
      (line) =>
        !/\bnode:|\(<anonymous>\)|^<anonymous>$|^native\b/.test(line) && !OWN.some((path) => line.includes(path)),
    )
}

/** Whether Node made the call by itself, to load a module or a source map, or to go on after an exception: that is the
 *  program, not its input. */
export function isNodeCall(stack: string): boolean {
  // A loader's source maps, while the session reads an error's stack.
  if (/\bat (?:\w+\.)*prepareStackTrace/.test(stack)) return true
  const nearest = stack.split('\n').find((line) => /^\s+at /.test(line) && !OWN.some((path) => line.includes(path)))
  return /node:internal\/(modules|source_map|process|bootstrap|main)/.test(nearest ?? '')
}

/** The caller's stack, deep enough to reach the program's code through Node's and ours. Some µs. Outside of the session:
 *  whoever prepares stacks with source maps may ask for the current directory and read files. */
export function captureStack(): string {
  const place = capturePlace()
  return runOutside(() => place.stack ?? '')
}

/** The same, whose text is only made when somebody reads it. */
export function capturePlace(): Error {
  const limit = Error.stackTraceLimit
  Error.stackTraceLimit = 40
  const place = new Error('here')
  Error.stackTraceLimit = limit
  return place
}
