import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Ordinal, SubjectNo } from '../ids.js'
import { patchMethod, type Undo, undoAll } from '../scope/patch.js'
import type { Seam } from '../scope/seam.js'
import { Body, toFields } from './http-body.js'

/** One request and its response, as a process that lives until the response is closed. What the two streams emit runs on
 *  behalf of the request: by itself it would arrive in the connection's asynchronous context. */
export class HttpExchange {
  readonly #seam: Seam
  readonly #subject: SubjectNo
  readonly #request: IncomingMessage
  readonly #response: ServerResponse
  readonly #body: Body
  #origin: Ordinal | null = null

  constructor(seam: Seam, subject: SubjectNo, request: IncomingMessage, response: ServerResponse) {
    this.#seam = seam
    this.#subject = subject
    this.#request = request
    this.#response = response
    this.#body = new Body(request.headers['content-type'])
  }

  /** Call it in the handling of the request. `ended` is called when the response is closed. */
  watch(ended: () => void): Undo {
    this.#origin = this.#seam.current()
    const undo = undoAll([
      this.#patchEmit(this.#request, (event, value, run) => this.#read(event, value, run)),
      this.#patchEmit(this.#response, (event, _value, run) => {
        if (event !== 'close') return run()
        undo()
        this.#seam.close(this.#subject, this.#response.writableFinished ? {} : { reason: 'aborted' })
        ended()
        return run()
      }),
      this.#patchHead(),
    ])
    return undo
  }

  /** Every way to read a stream emits its chunks as `data` (node:stream's `read`). */
  #read(event: unknown, value: unknown, run: () => unknown): unknown {
    if (event === 'data') this.#body.add(value)
    if (event !== 'end' || this.#body.isEmpty) return run()
    return this.#seam.receive(this.#subject, this.#body.toPayload(), run, 'body')
  }

  /** The status stands when the head is written, also when that is left to the first byte of the body. */
  #patchHead(): Undo {
    return patchMethod(this.#response, 'writeHead', (writeHead) => {
      const exchange = this
      return function (this: unknown, ...args: unknown[]) {
        const result = Reflect.apply(writeHead, this, args)
        const { statusCode: status } = exchange.#response
        const headers = { ...exchange.#response.getHeaders(), ...toHeaders(args.at(-1)) }
        exchange.#seam.send(exchange.#subject, { status, headers }, 'response')
        return result
      }
    })
  }

  #patchEmit(stream: object, around: (event: unknown, value: unknown, run: () => unknown) => unknown): Undo {
    return patchMethod(stream, 'emit', (emit) => {
      const exchange = this
      return function (this: unknown, ...args: unknown[]) {
        return exchange.#resume(() => around(args[0], args[1], () => Reflect.apply(emit, this, args)))
      }
    })
  }

  #resume(body: () => unknown): unknown {
    return this.#seam.resume ? this.#seam.resume(this.#origin, body) : body()
  }
}

/** Headers given to `writeHead` itself, as an object or as a flat list of names and values. */
function toHeaders(given: unknown): Record<string, unknown> {
  if (typeof given !== 'object' || given === null) return {}
  const pairs = Array.isArray(given)
    ? given.flatMap((name, i) => (i % 2 === 0 ? [[String(name), given[i + 1]] as const] : []))
    : Object.entries(given)
  return Object.fromEntries(pairs.map(([name, value]) => [name.toLowerCase(), value]))
}

/** A request as it is recorded. A query stands apart as fields, so that redaction by key reaches it. */
export function toRequest(request: IncomingMessage): object {
  const { method, url = '', headers } = request
  const mark = url.indexOf('?')
  if (mark < 0) return { method, url, headers }
  return { method, url: url.slice(0, mark), query: toFields(new URLSearchParams(url.slice(mark + 1))), headers }
}
