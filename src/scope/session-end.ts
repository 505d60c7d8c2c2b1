import { EventEmitter } from 'node:events'
import { RetroscopeError } from '../errors.js'
import type { ChannelRecord } from '../events.js'

/** A message end as a session meets it, whatever it is underneath. */
export interface SessionEnd {
  readonly record: ChannelRecord
  send(message: unknown): void
  /** @returns a function that removes the handler */
  listen(handler: (message: unknown) => void): () => void
}

type Listener = (...args: unknown[]) => void

interface Loose {
  readonly send?: (message: unknown) => void
  readonly onMessage?: (handler: (message: unknown) => void) => () => void
  readonly postMessage?: (message: unknown) => void
  readonly on?: (event: string, listener: Listener) => unknown
  readonly off?: (event: string, listener: Listener) => unknown
  readonly emit?: (event: string, message: unknown) => unknown
  readonly readyState?: unknown
  readonly threadId?: unknown
  readonly start?: () => void
}

/** What a program may supply as a session's channel: any Endpoint, Worker, parentPort, MessagePort, BroadcastChannel,
 *  WebSocket, EventEmitter or EventTarget. On an emitter, a session takes `message` events and emits them.
 *  @throws UNSUPPORTED when it is none of them */
export function toSessionEnd(name: string, end: object, side: 0 | 1 = 0): SessionEnd {
  const loose = end as Loose
  if (typeof loose.send === 'function' && typeof loose.onMessage === 'function') return toEndpointEnd(loose, side)
  if (typeof loose.postMessage === 'function' && typeof loose.on === 'function') return toPortEnd(loose, side)
  if (typeof loose.send === 'function' && typeof loose.on === 'function' && 'readyState' in loose)
    return toSocketEnd(loose)
  if (end instanceof EventEmitter || (typeof loose.emit === 'function' && typeof loose.on === 'function')) {
    return toEmitterEnd(loose)
  }
  if (end instanceof EventTarget) return toTargetEnd(end)
  throw new RetroscopeError('UNSUPPORTED', `The channel ${JSON.stringify(name)} of the session is no message end.`, {
    hint: 'Supply a Worker, a MessagePort, an EventEmitter, an EventTarget, a WebSocket or any { send, onMessage }.',
  })
}

function toEndpointEnd(end: Loose, side: 0 | 1): SessionEnd {
  return {
    record: { transport: 'endpoint', end: side, outside: true },
    send: (message) => end.send?.(message),
    listen: (handler) => end.onMessage?.(handler) ?? (() => {}),
  }
}

function toPortEnd(end: Loose, side: 0 | 1): SessionEnd {
  const isWorker = typeof end.threadId === 'number'
  return {
    record: { transport: isWorker ? 'worker' : 'port', end: isWorker ? 0 : side },
    send: (message) => end.postMessage?.(message),
    listen: (handler) => listenOn(end, handler),
  }
}

function toSocketEnd(end: Loose): SessionEnd {
  return {
    record: { transport: 'websocket', end: 0 },
    send: (message) => end.send?.(message),
    listen: (handler) =>
      listenOn(end, (data, isBinary) => handler(isBinary === true || typeof data === 'string' ? data : String(data))),
  }
}

/** An emitter has one end for both sides, so what the session emits itself must not come back to it; what others emit
 *  while they are told of it must. An answer that equals its question takes its place, which comes to the same. */
function toEmitterEnd(end: Loose): SessionEnd {
  const own = new OwnEmissions()
  return {
    record: { transport: 'emitter', end: 0 },
    send: (message) => own.during(message, () => end.emit?.('message', message)),
    listen: (handler) =>
      listenOn(end, (message) => {
        if (!own.take(message)) handler(message)
      }),
  }
}

/** What a session is emitting and has not met itself yet, the innermost last. */
class OwnEmissions {
  readonly #running: { readonly what: unknown; met: boolean }[] = []

  during(what: unknown, emit: () => void): void {
    this.#running.push({ what, met: false })
    try {
      emit()
    } finally {
      this.#running.pop()
    }
  }

  /** Whether that is one of the session's own, each once. */
  take(what: unknown): boolean {
    const own = this.#running.findLast((one) => !one.met && Object.is(one.what, what))
    if (own) own.met = true
    return own !== undefined
  }
}

function toTargetEnd(end: EventTarget): SessionEnd {
  const { postMessage } = end as unknown as Loose
  const own = new OwnEmissions()
  return {
    record: { transport: postMessage === undefined ? 'target' : 'broadcast', end: 0 },
    send(message) {
      if (postMessage !== undefined) return postMessage.call(end, message)
      const event = new MessageEvent('message', { data: message })
      own.during(event, () => end.dispatchEvent(event))
    },
    listen(handler) {
      const listener = (event: Event) => {
        if (own.take(event)) return
        handler('data' in event ? event.data : (event as CustomEvent).detail)
      }
      end.addEventListener('message', listener)
      return () => end.removeEventListener('message', listener)
    },
  }
}

function listenOn(end: Loose, handler: Listener): () => void {
  end.on?.('message', handler)
  return () => end.off?.('message', handler)
}
