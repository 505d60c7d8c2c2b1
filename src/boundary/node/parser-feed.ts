import type { Holder, Internals, Native } from './internals.js'
import { replace } from './synchronous.js'

/** An `HTTPParser` of Node's (src/node_http_parser.cc). */
interface Parser {
  execute(bytes: Uint8Array): unknown
  readonly [key: number]: unknown
}

/** Hands HTTP parsers what their connections read, where Node's native side would: a server's parser takes it from the
 *  socket's handle, with no stream in between. Here it comes through JavaScript, the same way recorded and replayed. */
export class ParserFeed {
  readonly #parsers = new WeakMap<object, Parser>()
  readonly #handles = new WeakMap<object, object>()
  readonly #onExecute: number
  #fed: Parser | undefined
  #bytes: Uint8Array | undefined

  /** @param feeds which handles are read here; of others the native side is asked */
  constructor(internals: Internals, feeds: (handle: object) => boolean) {
    const type = internals.binding('http_parser')['HTTPParser'] as { prototype: Holder; kOnExecute: number }
    this.#onExecute = type.kOnExecute | 0
    this.#replaceConsume(type.prototype, feeds)
    this.#replaceCurrent(type.prototype)
  }

  /** The parser that takes what this handle reads. */
  find(handle: object): Parser | undefined {
    return this.#parsers.get(handle)
  }

  /** The parser calls the program back, and so does what comes behind it. */
  feed(parser: Parser, bytes: Uint8Array): void {
    const parsed = parser.execute(bytes)
    const onExecute = parser[this.#onExecute]
    if (typeof onExecute !== 'function') return
    this.#fed = parser
    this.#bytes = bytes
    try {
      Reflect.apply(onExecute, parser, [parsed])
    } finally {
      this.#fed = this.#bytes = undefined
    }
  }

  #replaceConsume(prototype: Holder, feeds: (handle: object) => boolean): void {
    const [parsers, handles] = [this.#parsers, this.#handles]
    const [consume, unconsume] = [prototype['consume'] as Native, prototype['unconsume'] as Native]
    replace(prototype, 'consume', function (this: Parser, handle: object): unknown {
      if (!feeds(handle)) return Reflect.apply(consume, this, [handle])
      parsers.set(handle, this)
      handles.set(this, handle)
      return undefined
    })
    replace(prototype, 'unconsume', function (this: Parser): unknown {
      const handle = handles.get(this)
      if (!handle) return Reflect.apply(unconsume, this, [])
      handles.delete(this)
      if (parsers.get(handle) === this) parsers.delete(handle)
      return undefined
    })
  }

  #replaceCurrent(prototype: Holder): void {
    const original = prototype['getCurrentBuffer'] as Native
    const find = (parser: Parser): Uint8Array | undefined => (parser === this.#fed ? this.#bytes : undefined)
    replace(prototype, 'getCurrentBuffer', function (this: Parser): unknown {
      const bytes = find(this)
      if (!bytes) return Reflect.apply(original, this, [])
      const copy = Buffer.allocUnsafeSlow(bytes.length)
      copy.set(bytes)
      return copy
    })
  }
}
