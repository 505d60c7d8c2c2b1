import { EventEmitter, once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { BroadcastChannel, MessageChannel, type MessagePort } from 'node:worker_threads'
import { WebSocket, WebSocketServer } from 'ws'
import type { Endpoint } from '../../src/scope/scope.js'
import type { Transport } from './channel-contract.js'

type Listener = (message: unknown) => unknown

const VALUES = [
  { sku: 'a-1', count: 2, tags: ['x', 'y'], nothing: null },
  'text',
  42,
  [1, [2, { three: 3 }]],
  { 'with/slash': 1, '~': 2, '': 3 },
]

const ports: Pick<Transport, 'record' | 'open' | 'send' | 'close' | 'messages'> = {
  record: 'port',
  open() {
    const { port1, port2 } = new MessageChannel()
    return [port1, port2]
  },
  send: (end, message) => (end as MessagePort).postMessage(message),
  close: (near) => (near as MessagePort).close(),
  messages: VALUES,
}

const portOn: Transport = {
  ...ports,
  title: 'MessagePort, on',
  unpairedWhenListening: true,
  listen(end, listener) {
    const port = end as MessagePort
    port.on('message', listener)
    return () => port.off('message', listener)
  },
}

const portListener: Transport = {
  ...ports,
  title: 'MessagePort, addEventListener',
  unpairedWhenListening: true,
  listen(end, listener) {
    const port = end as MessagePort & EventTarget
    const onEvent = (event: Event) => listener((event as MessageEvent).data)
    port.addEventListener('message', onEvent)
    return () => port.removeEventListener('message', onEvent)
  },
}

const portHandler: Transport = {
  ...ports,
  title: 'MessagePort, onmessage',
  replaces: true,
  listen(end, listener) {
    const port = end as unknown as { onmessage: ((event: MessageEvent) => unknown) | null }
    port.onmessage = (event) => listener(event.data)
    return () => {
      port.onmessage = null
    }
  },
}

let broadcasts = 0
const broadcast: Transport = {
  title: 'BroadcastChannel',
  record: 'broadcast',
  options: [{ end: 0 }, { end: 1 }],
  open() {
    const name = `orders-${broadcasts++}`
    return [new BroadcastChannel(name), new BroadcastChannel(name)]
  },
  send: (end, message) => (end as BroadcastChannel).postMessage(message),
  listen(end, listener) {
    const target = end as unknown as EventTarget
    const onEvent = (event: Event) => listener((event as MessageEvent).data)
    target.addEventListener('message', onEvent)
    return () => target.removeEventListener('message', onEvent)
  },
  close(near, far) {
    ;(near as BroadcastChannel).close()
    ;(far as BroadcastChannel).close()
  },
  messages: VALUES,
}

const sockets = new WeakMap<object, WebSocketServer>()
const webSocket: Transport = {
  title: 'WebSocket of ws',
  record: 'websocket',
  async open() {
    const server = new WebSocketServer({ server: createServer().listen(0, '127.0.0.1') })
    await once(server, 'listening')
    const near = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`)
    const [[far]] = await Promise.all([once(server, 'connection') as Promise<[WebSocket]>, once(near, 'open')])
    sockets.set(near, server)
    return [near, far]
  },
  send: (end, message) => (end as WebSocket).send(message as string),
  listen(end, listener) {
    const socket = end as WebSocket
    const onMessage = (data: Buffer, isBinary: boolean) => listener(isBinary ? new Uint8Array(data) : data.toString())
    socket.on('message', onMessage)
    return () => socket.off('message', onMessage)
  },
  async close(near) {
    const server = sockets.get(near) as WebSocketServer
    ;(near as WebSocket).close()
    await once(near as WebSocket, 'close')
    ;(server.options.server as ReturnType<typeof createServer>).close()
    server.close()
  },
  messages: ['{"sku":"a-1"}', 'text', '', new Uint8Array([1, 2, 250])],
}

/** An end as somebody writes it for himself: delivers in a later microtask, tells every handler. */
class Wire implements Endpoint {
  other: Wire | undefined
  readonly handlers = new Set<Listener>()

  send(message: unknown): void {
    queueMicrotask(() => {
      for (const handler of this.other?.handlers ?? []) handler(message)
    })
  }

  onMessage(handler: Listener): () => void {
    this.handlers.add(handler)
    return () => this.handlers.delete(handler)
  }
}

const endpoint: Transport = {
  title: '{ send, onMessage }',
  record: 'endpoint',
  lateOnly: true,
  open() {
    const [near, far] = [new Wire(), new Wire()]
    near.other = far
    far.other = near
    return [near, far]
  },
  send: (end, message) => (end as Wire).send(message),
  listen: (end, listener) => (end as Wire).onMessage(listener),
  close: () => {},
  messages: VALUES,
}

const emitter: Transport = {
  title: 'EventEmitter',
  record: 'emitter',
  open() {
    const one = new EventEmitter()
    return [one, one]
  },
  send: (end, message) => (end as EventEmitter).emit('order', message),
  listen(end, listener) {
    ;(end as EventEmitter).on('order', listener)
    return () => (end as EventEmitter).off('order', listener)
  },
  close: () => {},
  messages: VALUES,
}

const target: Transport = {
  title: 'EventTarget',
  record: 'target',
  open() {
    const one = new EventTarget()
    return [one, one]
  },
  send: (end, message) => (end as EventTarget).dispatchEvent(new CustomEvent('order', { detail: message })),
  listen(end, listener) {
    const onEvent = (event: Event) => listener((event as CustomEvent).detail)
    ;(end as EventTarget).addEventListener('order', onEvent)
    return () => (end as EventTarget).removeEventListener('order', onEvent)
  },
  close: () => {},
  messages: VALUES,
}

export const TRANSPORTS: readonly Transport[] = [
  portOn,
  portListener,
  portHandler,
  broadcast,
  webSocket,
  endpoint,
  emitter,
  target,
]
