import { anyStore } from '../adapters/any-store.js'
import type { ContainerAdapter, ContainerOptions } from '../adapters/container-adapter.js'
import { redux } from '../adapters/redux-store.js'
import { tracked } from '../adapters/tracked.js'
import { xstate } from '../adapters/xstate-actor.js'
import { zustand } from '../adapters/zustand-store.js'
import { RetroscopeError } from '../errors.js'
import { toRaw } from '../json/tracker.js'
import { describe, isObject } from './channel.js'
import { claim } from './claim.js'
import type { Wrapped } from './patch.js'
import type { Seam } from './seam.js'

/** Most special first: a Redux store is a `{ getState, subscribe }` too. */
const ADAPTERS: readonly ContainerAdapter[] = [redux, zustand, xstate, anyStore, tracked]

/** Wraps a state holder: logs its state as it is, then each transition as one event.
 *  @throws UNSUPPORTED when it is of no known kind; USAGE when it is recorded already */
export function wrapContainer<C extends object>(
  seam: Seam,
  name: string,
  container: C,
  options: ContainerOptions = {},
): Wrapped<C> {
  const adapter = isObject(container) ? ADAPTERS.find((candidate) => candidate.matches(container)) : undefined
  if (!adapter) {
    throw new RetroscopeError(
      'UNSUPPORTED',
      `${describe(container)} cannot be recorded as container ${JSON.stringify(name)}.`,
      { hint: `A container is one of: ${ADAPTERS.map(({ title }) => title).join(', ')}.` },
    )
  }
  const release = claim(toRaw(container), `container ${JSON.stringify(name)}`)
  const within = options.within === undefined ? {} : { within: options.within }
  const { value, undo } = adapter.wrap(container, {
    seam,
    name,
    open: (kind, type, own = name) => seam.open({ name: own, type, adapter: kind, ...within }),
  })
  return {
    value: value as C,
    undo: () => {
      undo()
      release()
    },
  }
}
