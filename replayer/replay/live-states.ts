interface Readable {
  readonly getState?: () => unknown
  readonly getSnapshot?: () => unknown
}

/** What the containers of a session hold, by name: the live objects themselves, not copies. */
export function readStates(containers: ReadonlyMap<string, object>): Record<string, unknown> {
  return Object.fromEntries([...containers].map(([name, container]) => [name, readState(container)]))
}

function readState(container: Readable): unknown {
  if (typeof container.getState === 'function') return container.getState()
  if (typeof container.getSnapshot === 'function') return container.getSnapshot()
  return container
}
