import { once } from 'node:events'
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { RetroscopeError } from '../../src/errors.js'
import { DebuggerRelay } from './debugger-relay.js'
import type { HeldProgram } from './held-program.js'

const HOST = '127.0.0.1'

/** The port that debuggers connect to: on this machine only. It is there from the start; whoever comes before the program
 *  stands where it shall waits until it does. */
export class DebuggerPort {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  #open: (held: HeldProgram) => void = () => {}
  readonly #opened = new Promise<HeldProgram>((done) => {
    this.#open = done
  })
  #relay: DebuggerRelay | undefined
  /** A debugger has come. */
  onDebugger = (): void => {}

  /** @throws USAGE when the port is taken */
  static async listen(port: number): Promise<DebuggerPort> {
    const server = createServer()
    server.listen(port, HOST)
    try {
      await once(server, 'listening')
    } catch (cause) {
      const { code } = cause as NodeJS.ErrnoException
      const why = code === 'EADDRINUSE' ? 'something else listens there' : String(code)
      throw new RetroscopeError('USAGE', `Debuggers cannot be listened for at port ${port}: ${why}.`, {
        hint: 'Name another one with --inspect=PORT; --inspect=0 takes any.',
        cause,
      })
    }
    return new DebuggerPort(server)
  }

  private constructor(server: Server) {
    this.#server = server
    server.on('connection', (socket) => {
      this.#sockets.add(socket)
      socket.on('close', () => this.#sockets.delete(socket))
    })
    server.on('request', (asked, answer) => void this.#opened.then((held) => pass(held, asked, answer)))
    server.on(
      'upgrade',
      (asked, socket, head) => void this.#opened.then((held) => this.#join(held, asked, socket as Socket, head)),
    )
  }

  /** Host and port, as debuggers are told. */
  get address(): string {
    return `${HOST}:${(this.#server.address() as AddressInfo).port}`
  }

  /** Whoever came, and comes, speaks with that program. */
  open(held: HeldProgram): void {
    held.onEnd(() => this.#relay?.end())
    this.#open(held)
  }

  close(): void {
    this.#server.close()
    for (const socket of this.#sockets) socket.destroySoon()
  }

  /** One debugger at a time: what one sees stopped, another could let go on. */
  #join(held: HeldProgram, asked: IncomingMessage, debug: Socket, head: Buffer): void {
    debug.on('error', () => {})
    if (this.#relay) return refuse(debug, '503 Service Unavailable', 'Another debugger is connected.')
    request(toRequest(held, asked))
      .on('upgrade', (answer, program, first) => {
        if (this.#relay) {
          program.destroy()
          return refuse(debug, '503 Service Unavailable', 'Another debugger is connected.')
        }
        debug.write(toHead(answer))
        const close = (): void => {
          this.#relay = undefined
        }
        this.#relay = new DebuggerRelay(held, { debugger: debug, program: program as Socket }, close)
        if (head.length > 0) debug.unshift(head)
        if (first.length > 0) program.unshift(first)
        this.onDebugger()
      })
      .on('response', (answer) => {
        debug.write(toHead(answer))
        answer.pipe(debug)
      })
      .on('error', () => refuse(debug, '503 Service Unavailable', 'The program has ended.'))
      .end()
  }
}

function toRequest(held: HeldProgram, { method, url, headers }: IncomingMessage) {
  return { host: HOST, port: new URL(held.inspector).port, method, path: url, headers }
}

/** What Node's own inspector answers: which programs are there, and what protocol. */
function pass(held: HeldProgram, asked: IncomingMessage, answer: ServerResponse): void {
  request(toRequest(held, asked))
    .on('response', (given) => {
      answer.writeHead(given.statusCode!, given.headers)
      given.pipe(answer)
    })
    .on('error', () => answer.destroy())
    .end()
}

function toHead({ statusCode, statusMessage, rawHeaders }: IncomingMessage): string {
  const lines = [`HTTP/1.1 ${statusCode} ${statusMessage}`]
  for (let at = 0; at < rawHeaders.length; at += 2) lines.push(`${rawHeaders[at]}: ${rawHeaders[at + 1]}`)
  return `${lines.join('\r\n')}\r\n\r\n`
}

function refuse(socket: Socket, status: string, text: string): void {
  socket.end(`HTTP/1.1 ${status}\r\ncontent-type: text/plain\r\nconnection: close\r\n\r\n${text}`)
}
