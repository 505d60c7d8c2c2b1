import type { Holder, Internals, Native } from './internals.js'
import { replace } from './synchronous.js'

/** Newer Node versions have one of their own. */
const { prepareStackTrace: original } = Error

/** Whether looking at an error's stack runs code of the program's, or reads files for it. */
export function formatsStacks(): boolean {
  const { sourceMapsEnabled } = process as { sourceMapsEnabled?: boolean }
  return Error.prepareStackTrace !== original || sourceMapsEnabled === true
}

/** Objects that are made for the number of our frames on the stack. */
const probes = new WeakSet<object>()

/** More than ours ever are on top of the program's. */
const OWN_FRAMES = 20

/** From this file and the entries' to where an error was caught. */
const BETWEEN = 5

/** How many frames of ours stand on top of the program's in an error that was just caught. */
export function countOwnFrames(): number {
  const limit = Error.stackTraceLimit
  const probe: { stack?: unknown } = {}
  probes.add(probe)
  Error.stackTraceLimit = OWN_FRAMES
  Error.captureStackTrace(probe)
  Error.stackTraceLimit = limit
  // While it formats another stack, the engine asks nobody and writes a text.
  return Math.max(0, (Number(probe.stack) || 0) - BETWEEN)
}

/** How many frames an error shows that is made anew where the native side made it while recording. */
const shownFrames = new WeakMap<object, number>()

/** Makes an error whose stack is the program's own at this point.
 *  @param own frames of ours that took the place of the program's while recording */
export function withOwnStack(make: () => Error, own: number): Error {
  const limit = Error.stackTraceLimit
  if (typeof limit !== 'number') return make()
  Error.stackTraceLimit = limit + OWN_FRAMES
  const error = make()
  Error.stackTraceLimit = limit
  shownFrames.set(error, Math.max(0, limit - own))
  return error
}

/** With hooks on asynchronous resources the native side calls everything through one function of Node's. A replay is called
 *  so itself: what runs the program's immediates was it while recording, too. */
function withoutPump(trace: readonly NodeJS.CallSite[], file: string | null | undefined): readonly NodeJS.CallSite[] {
  if (trace.at(-1)?.getFunctionName() !== 'callbackTrampoline' || trace.at(-2)?.getFileName() !== file) return trace
  const caller = trace.findLast((frame, at) => at < trace.length - 1 && frame.getFileName() !== file)
  return caller?.getFunctionName() === 'processImmediate' ? trace : trace.slice(0, -1)
}

/** Frames of the tool sit at the bottom of every callback's stack: the program shall not see them. What the engine calls
 *  their file is asked of itself: out of a code cache comes the path where that was made.
 *  @param pumps whether what the program is called back for comes from the tool */
export function hideFrames(internals: Internals, pumps = false): void {
  const binding = internals.binding('errors')
  const { prepareStackTraceCallback } = internals.builtin('internal/errors') as { prepareStackTraceCallback: Native }
  let file: string | null | undefined
  ;(binding['setPrepareStackTraceCallback'] as Native)((global: unknown, error: object, trace: NodeJS.CallSite[]) => {
    if (file === undefined) file = trace[0]?.getFileName()
    if (probes.has(error)) return trace.findIndex((frame) => frame.getFileName() !== file)
    const shown = (pumps ? withoutPump(trace, file) : trace).filter((frame) => frame.getFileName() !== file)
    return prepareStackTraceCallback(global, error, shown.slice(0, shownFrames.get(error) ?? shown.length))
  })
  countOwnFrames()
  hideSites(internals.binding('util'), file)
}

/** No more does the native side list. */
const MOST_SITES = 200

/** `util.getCallSites` (Node 22 and later) leaves out the frame on top: here that is ours, and Node's is left. */
function hideSites(binding: Holder, file: string | null | undefined): void {
  const original = binding['getCallSites'] as ((count: number) => { readonly scriptName: string }[]) | undefined
  if (!original) return
  replace(binding, 'getCallSites', (count: number) => {
    const sites = original(Math.min(count + 1 + OWN_FRAMES, MOST_SITES))
    return sites.filter(({ scriptName }) => scriptName !== file).slice(1, count + 1)
  })
}
