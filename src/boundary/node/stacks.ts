import type { Internals, Native } from './internals.js'

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
  return Math.max(0, Number(probe.stack) - BETWEEN)
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

/** With hooks on asynchronous resources the native side calls everything through one function of Node's, on the resource. A
 *  replay is called so itself, on `process`. */
const TRAMPOLINE = 'callbackTrampoline'

/** What the program is called back for; null where the native side takes no such way. */
export const delivered: { resource: object | null | undefined } = { resource: undefined }

/** The frame of that function as it was, if it was. */
function toDelivered(frame: NodeJS.CallSite, resource: object | null): NodeJS.CallSite[] {
  if (resource === null) return []
  const type = resource.constructor.name
  const given = Object.create(null) as Record<string, () => unknown>
  for (const name of Object.getOwnPropertyNames(Object.getPrototypeOf(frame))) {
    const method = frame[name as keyof NodeJS.CallSite]
    if (typeof method === 'function') given[name] = method.bind(frame) as () => unknown
  }
  return [{ ...given, getTypeName: () => type, toString: () => frame.toString().replace(/^process/, type) } as never]
}

/** Frames of the tool sit at the bottom of every callback's stack: the program shall not see them. What the engine calls
 *  their file is asked of itself: out of a code cache comes the path where that was made. */
export function hideFrames(internals: Internals): void {
  const binding = internals.binding('errors')
  const { prepareStackTraceCallback } = internals.builtin('internal/errors') as { prepareStackTraceCallback: Native }
  let file: string | null | undefined
  ;(binding['setPrepareStackTraceCallback'] as Native)((global: unknown, error: object, trace: NodeJS.CallSite[]) => {
    if (file === undefined) file = trace[0]?.getFileName()
    if (probes.has(error)) return trace.findIndex((frame) => frame.getFileName() !== file)
    const shown = trace.filter((frame) => frame.getFileName() !== file)
    const last = shown.at(-1)
    if (delivered.resource !== undefined && last?.getFunctionName() === TRAMPOLINE) {
      shown.splice(-1, 1, ...toDelivered(last, delivered.resource))
    }
    return prepareStackTraceCallback(global, error, shown.slice(0, shownFrames.get(error) ?? shown.length))
  })
  countOwnFrames()
}
