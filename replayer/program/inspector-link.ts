import { randomBytes } from 'node:crypto'
import { request } from 'node:http'
import type { Socket } from 'node:net'
import { FrameReader, toTextFrame } from './websocket.js'

export type Params = Readonly<Record<string, unknown>>

interface Message {
  readonly id?: number
  readonly method?: string
  readonly params?: Params
  readonly result?: Params
}

/** Speaks with the inspector of a process of ours (Chrome DevTools Protocol). Everything that is waited for is undefined
 *  once the process is gone. */
export class InspectorLink {
  readonly #socket: Socket
  readonly #frames = new FrameReader()
  readonly #waiting = new Map<number | string, (params: Params | undefined) => void>()
  readonly #listeners = new Map<string, (params: Params) => void>()
  #last = 0

  /** @param url as `inspector.url()` gives it */
  static connect(url: string): Promise<InspectorLink> {
    const { hostname, port, pathname } = new URL(url)
    const headers = {
      connection: 'Upgrade',
      upgrade: 'websocket',
      'sec-websocket-version': '13',
      'sec-websocket-key': randomBytes(16).toString('base64'),
    }
    return new Promise((done, fail) => {
      request({ host: hostname, port, path: pathname, headers })
        .on('upgrade', (_response, socket, head) => done(new InspectorLink(socket as Socket, head)))
        .on('response', ({ statusCode }) => fail(new Error(`the program's inspector answered ${statusCode}`)))
        .on('error', fail)
        .end()
    })
  }

  private constructor(socket: Socket, head: Buffer) {
    this.#socket = socket
    socket.on('data', (bytes: Buffer) => this.#read(bytes))
    socket.on('error', () => {})
    socket.setNoDelay()
    socket.on('close', () => {
      for (const settle of this.#waiting.values()) settle(undefined)
    })
    this.#read(head)
  }

  ask(method: string, params: Params = {}): Promise<Params | undefined> {
    const id = ++this.#last
    const answer = this.#wait(id)
    if (!this.#socket.destroyed) this.#socket.write(toTextFrame(JSON.stringify({ id, method, params }), 'debugger'))
    return answer
  }

  /** The next event of that name. To be asked for before what brings it about. */
  next(event: string): Promise<Params | undefined> {
    return this.#wait(event)
  }

  /** Hears each event of that name. */
  when(event: string, hear: (params: Params) => void): void {
    this.#listeners.set(event, hear)
  }

  close(): void {
    this.#socket.destroy()
  }

  #wait(what: number | string): Promise<Params | undefined> {
    if (this.#socket.destroyed) return Promise.resolve(undefined)
    return new Promise((done) => this.#waiting.set(what, done))
  }

  #read(bytes: Buffer): void {
    for (const { text } of this.#frames.read(bytes)) if (text !== undefined) this.#take(JSON.parse(text) as Message)
  }

  #take({ id, method, params, result }: Message): void {
    const what = id ?? method ?? ''
    const settle = this.#waiting.get(what)
    this.#waiting.delete(what)
    settle?.(result ?? params ?? {})
    if (method !== undefined) this.#listeners.get(method)?.(params ?? {})
  }
}
