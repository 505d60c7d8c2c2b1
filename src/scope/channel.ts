import { broadcast } from '../adapters/broadcast-channel.js'
import type { ChannelAdapter, ChannelContext } from '../adapters/channel-adapter.js'
import { endpoint } from '../adapters/endpoint.js'
import { eventEmitter } from '../adapters/event-emitter.js'
import { eventTarget } from '../adapters/event-target.js'
import { httpServer } from '../adapters/http-server.js'
import { ipc } from '../adapters/ipc.js'
import { messagePort } from '../adapters/message-port.js'
import { webSocket } from '../adapters/web-socket.js'
import { worker } from '../adapters/worker.js'
import { RetroscopeError } from '../errors.js'
import { claim } from './claim.js'
import type { Wrapped } from './patch.js'
import type { ChannelOptions } from './scope.js'
import type { Seam } from './seam.js'

/** Most special first: a Worker is an EventEmitter too. */
const ADAPTERS: readonly ChannelAdapter[] = [
  worker,
  messagePort,
  broadcast,
  webSocket,
  ipc,
  httpServer,
  endpoint,
  eventEmitter,
  eventTarget,
]

/** Wraps a message end. Nothing is put into the messages, and what the program sees of the end stays as it is.
 *  @throws UNSUPPORTED when it is of no known kind; USAGE when it is recorded already */
export function wrapChannel<E extends object>(
  seam: Seam,
  name: string,
  end: E,
  options: ChannelOptions = {},
): Wrapped<E> {
  const adapter = isObject(end) ? ADAPTERS.find((candidate) => candidate.matches(end)) : undefined
  if (!adapter) {
    throw new RetroscopeError(
      'UNSUPPORTED',
      `${describe(end)} cannot be recorded as channel ${JSON.stringify(name)}.`,
      {
        hint: `A channel is one of: ${ADAPTERS.map(({ title }) => title).join(', ')}.`,
      },
    )
  }
  const release = claim(end, `channel ${JSON.stringify(name)}`)
  const { value, undo } = adapter.wrap(end, toContext(seam, name, options))
  return {
    value: value as E,
    undo: () => {
      undo()
      release()
    },
  }
}

function toContext(seam: Seam, name: string, options: ChannelOptions): ChannelContext {
  return {
    seam,
    name,
    options,
    open(transport, known = {}) {
      const { loop, outside, of, likely = 0 } = known
      const taken = getTaken(seam, name)
      const end = options.end ?? known.end ?? (taken.has(likely) ? (likely === 0 ? 1 : 0) : likely)
      const peer = of && seam.peer?.(of)
      const channel = {
        transport,
        end,
        ...(peer ? { peer } : {}),
        ...(loop ? { loop } : {}),
        ...(outside ? { outside } : {}),
      }
      const subject = seam.open({ name, type: 'channel', channel })
      // A second such end under one name (a socket of each client): which of them a message went to, counting can't tell.
      if (taken.has(end) && !peer && !loop) seam.unpair(subject)
      taken.add(end)
      return subject
    },
  }
}

const TAKEN = new WeakMap<Seam, Map<string, Set<0 | 1>>>()

/** Ends of that name that were wrapped in this thread. Of the two ends of a port, the second is the other one. */
function getTaken(seam: Seam, name: string): Set<0 | 1> {
  const names = TAKEN.get(seam) ?? new Map<string, Set<0 | 1>>()
  TAKEN.set(seam, names)
  const taken = names.get(name) ?? new Set()
  names.set(name, taken)
  return taken
}

/** Anything that can carry properties. */
export function isObject(value: unknown): value is object {
  return (typeof value === 'object' || typeof value === 'function') && value !== null
}

/** Names a value by its class, for an error. */
export function describe(value: unknown): string {
  if (value === null || value === undefined) return String(value)
  if (typeof value === 'function') return `function ${value.name || '(anonymous)'}`
  if (typeof value !== 'object') return `the ${typeof value} ${String(value)}`
  const name: unknown = Reflect.get(value, 'constructor')
  return `an object of class ${typeof name === 'function' ? name.name : 'null'}`
}
