import { RetroscopeError } from '../errors.js'
import type { Patch, PatchOperation } from '../events.js'
import { cloneValue } from './clone.js'
import { diffValues } from './diff-values.js'
import { addRoot, kindOf, placesOf, type Root, removeRoot, toRaw } from './graph.js'
import { proxyOf } from './traps.js'

export { toRaw } from './graph.js'

export interface TrackOptions {
  /** Told at write time, synchronously, of each write, or once per transaction. `trigger` is what the transaction was
   *  given, else the name of the method that wrote (`push`, `set` …). Must not throw. */
  onChange(patch: Patch, trigger?: unknown): void
}

/** Wraps a mutable object so that each change of it, however deep, is told as an RFC 6902 patch. Cost follows the
 *  change, not the state. Values in patches are copies. The object itself stays the program's: no proxy is stored in it,
 *  and what is written to it past the proxy isn't seen.
 *  @returns the proxy to use in its place; the same proxy for the same object
 *  @throws UNSUPPORTED when it is no plain object, array, class instance, Map, Set or Date */
export function track<T extends object>(target: T, options: TrackOptions): T {
  const raw = toRaw(target)
  if (kindOf(raw) === undefined) {
    throw new RetroscopeError(
      'UNSUPPORTED',
      `An object of this kind cannot be tracked: ${Object.prototype.toString.call(raw)}.`,
      {
        hint: 'Track a plain object, an array, a class instance, a Map, a Set or a Date.',
      },
    )
  }
  const tracker = new Tracker(raw, options)
  addRoot(tracker)
  trackers.set(raw, tracker)
  return proxyOf(raw, report) as T
}

/** Ends what `track` began: the proxy keeps working and tells nothing. */
export function untrack(target: object): void {
  const raw = toRaw(target)
  const tracker = trackers.get(raw)
  if (tracker === undefined) return
  removeRoot(tracker)
  trackers.delete(raw)
}

/** Runs `body`; all writes of tracked objects in it become one change each object, told when the outermost transaction
 *  ends, also by a throw. Synchronous: what an asynchronous body writes after its first `await` stands for itself. */
export function transaction<T>(body: () => T, trigger?: unknown): T {
  open.push(trigger)
  try {
    return body()
  } finally {
    open.pop()
    if (open.length === 0) settle(trigger)
  }
}

const trackers = new WeakMap<object, Tracker>()
/** Triggers of the transactions that are running. */
const open: unknown[] = []
/** Trackers that were written to in the running transaction. */
const touched = new Set<Tracker>()

class Tracker implements Root {
  readonly target: object
  readonly #options: TrackOptions
  #pending: PatchOperation[] = []
  /** Calls that may write past the proxy, and the state as it was told before them. */
  #watched = 0
  #told: unknown

  constructor(target: object, options: TrackOptions) {
    this.target = target
    this.#options = options
  }

  write(operations: readonly PatchOperation[], trigger: unknown): void {
    if (this.#watched > 0) this.#compare(trigger)
    else this.#tell(operations, trigger)
  }

  settle(trigger: unknown): void {
    const patch = this.#pending
    this.#pending = []
    this.#options.onChange(patch, trigger)
  }

  watch(): () => void {
    if (this.#watched++ === 0) this.#told = cloneValue(this.target)
    return () => {
      if (trackers.get(this.target) === this) this.#compare(undefined)
      if (--this.#watched === 0) this.#told = undefined
    }
  }

  /** Operations can't be trusted while something writes past the proxy: the state they are meant for may be another. */
  #compare(trigger: unknown): void {
    const seen = cloneValue(this.target)
    const patch = diffValues(this.#told, seen)
    this.#told = seen
    if (patch.length === 0) return
    relink(this)
    this.#tell(patch, trigger)
  }

  #tell(operations: readonly PatchOperation[], trigger: unknown): void {
    if (open.length === 0) {
      this.#options.onChange(operations, trigger)
      return
    }
    touched.add(this)
    for (const operation of operations) this.#pending.push(operation)
  }
}

/** Counts the places anew after something was moved behind our back. */
function relink(tracker: Tracker): void {
  removeRoot(tracker)
  addRoot(tracker)
}

function settle(trigger: unknown): void {
  const waiting = [...touched]
  touched.clear()
  for (const tracker of waiting) tracker.settle(trigger)
}

/** Tells every tracker that holds `raw`, at each place, what happened to it. `toOperations` is given the path of the
 *  place; undefined replaces the object whole. */
function report(
  raw: object,
  toOperations: ((path: string) => readonly PatchOperation[]) | undefined,
  trigger?: unknown,
): void {
  const patches = new Map<Tracker, PatchOperation[]>()
  for (const { root, path, whole } of placesOf(raw)) {
    const operations: readonly PatchOperation[] =
      whole !== undefined || toOperations === undefined
        ? [{ op: 'replace', path, value: cloneValue(whole ?? raw) }]
        : toOperations(path)
    const tracker = root as Tracker
    const patch = patches.get(tracker)
    if (patch === undefined) patches.set(tracker, [...operations])
    else patch.push(...operations)
  }
  for (const [tracker, patch] of patches) if (patch.length > 0) tracker.write(patch, trigger)
}

export type Report = typeof report
