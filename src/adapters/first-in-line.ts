import { type Undo, undoAll } from '../scope/patch.js'

export interface Subscription {
  readonly unsubscribe: Undo
  /** Every notification reaches the listener, and before all others. */
  readonly first: boolean
}

type Listeners = Map<unknown, unknown> | Set<unknown>

/** Subscribes a listener to a finished store ahead of those that are there already: one of them may set the store again
 *  while it is told, and whoever comes behind it sees only the last of the states. Redux 5 keeps its listeners in a Map
 *  that it copies before it changes it in a notification, Zustand in a Set; both are met nowhere but in the `set` or
 *  `add` of the subscription itself, so these are watched for the length of this one call, and the entries put into
 *  another order. `first` is false where the store keeps its listeners otherwise, in the midst of a Set's notification,
 *  and where an enhancer put a listener of its own in place of ours: it may hold notifications back. */
export function subscribeFirst<L extends (...args: never[]) => void>(
  keptIn: 'map' | 'set',
  subscribe: (listener: L) => unknown,
  listener: L,
): Subscription {
  const found: { readonly listeners: Listeners; readonly entry: unknown }[] = []
  const unwatch = watchInsertions((listeners, entry) => {
    if (typeof entry === 'function' && listeners instanceof Map === (keptIn === 'map')) found.push({ listeners, entry })
  })
  let unsubscribe: unknown
  try {
    unsubscribe = subscribe(listener)
  } finally {
    unwatch()
  }
  const [only, ...others] = found
  const moved = only !== undefined && others.length === 0 && putFirst(only.listeners, only.entry)
  return {
    first: moved && only.entry === listener,
    unsubscribe: () => {
      if (typeof unsubscribe === 'function') unsubscribe()
    },
  }
}

function watchInsertions(seen: (listeners: Listeners, value: unknown) => void): Undo {
  const { set } = Map.prototype
  const { add } = Set.prototype
  return undoAll([
    replaceValue(Map.prototype, 'set', function (this: Map<unknown, unknown>, key: unknown, value: unknown) {
      seen(this, value)
      return Reflect.apply(set, this, [key, value])
    }),
    replaceValue(Set.prototype, 'add', function (this: Set<unknown>, value: unknown) {
      seen(this, value)
      return Reflect.apply(add, this, [value])
    }),
  ])
}

/** Leaves a frozen intrinsic as it is: then nothing is seen. */
function replaceValue(holder: object, key: string, value: unknown): Undo {
  const before = Object.getOwnPropertyDescriptor(holder, key)
  if (!before || !Reflect.defineProperty(holder, key, { ...before, value })) return () => {}
  return () => Reflect.defineProperty(holder, key, before)
}

function putFirst(listeners: Listeners, listener: unknown): boolean {
  if (listeners.size === 1) return true
  if (listeners instanceof Set) {
    if (isNotifying()) return false
    const others = [...listeners].filter((other) => other !== listener)
    listeners.clear()
    for (const entry of [listener, ...others]) listeners.add(entry)
    return true
  }
  const entries = [...listeners]
  listeners.clear()
  for (const [key, value] of entries) if (value === listener) listeners.set(key, value)
  for (const [key, value] of entries) if (value !== listener) listeners.set(key, value)
  return true
}

/** Whether some Set is being walked on this stack: its entries must not be moved under the walker. */
function isNotifying(): boolean {
  const { stackTraceLimit, prepareStackTrace } = Error
  const holder: { stack?: NodeJS.CallSite[] | string } = {}
  try {
    Error.stackTraceLimit = Number.POSITIVE_INFINITY
    Error.prepareStackTrace = (_error, sites) => sites
    Error.captureStackTrace(holder)
    // The engine hands out none while it formats another stack.
    if (!Array.isArray(holder.stack)) return true
    return holder.stack.some((site) => site.getTypeName() === 'Set' && site.getFunctionName() === 'forEach')
  } finally {
    Error.stackTraceLimit = stackTraceLimit
    Error.prepareStackTrace = prepareStackTrace
  }
}
