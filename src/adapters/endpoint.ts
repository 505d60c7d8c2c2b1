import type { SubjectNo } from '../ids.js'
import { isPatchable, patchMethod, undoAll } from '../scope/patch.js'
import type { Endpoint } from '../scope/scope.js'
import type { Seam } from '../scope/seam.js'
import { type ChannelAdapter, hasMethods } from './channel-adapter.js'
import { unlessThrown } from './posting.js'

type Handler = (this: unknown, message: unknown, ...rest: unknown[]) => unknown

/** Any `{ send, onMessage }`. It gets one handler of ours for all of the program's, so that a message counts once. */
export const endpoint: ChannelAdapter = {
  transport: 'endpoint',
  title: '{ send, onMessage }',
  matches: (end) => hasMethods(end, 'send', 'onMessage'),
  wrap(end, { seam, open }) {
    const subject = open('endpoint', { outside: true })
    const target = isPatchable(end, 'send') && isPatchable(end, 'onMessage') ? end : Object.create(end)
    const undos = [
      patchMethod(target, 'send', (send) => {
        return function (this: unknown, ...args: unknown[]) {
          // Before the real call: an end in the same process may deliver at once.
          seam.send(subject, args[0])
          if (!seam.live) return undefined
          return unlessThrown(
            () => Reflect.apply(send, end, args),
            () => seam.unpair(subject),
          )
        }
      }),
      patchMethod(target, 'onMessage', (onMessage) => {
        const fan = new Fan(seam, subject, (handler) => Reflect.apply(onMessage, end, [handler]) as unknown)
        return (handler: unknown) => fan.add(handler as Handler)
      }),
    ]
    return { value: target as Endpoint, undo: undoAll(undos) }
  },
}

/** One handler at the transport for all handlers of the program: each message is received once, and they run in the
 *  order in which they were added. */
class Fan {
  readonly #seam: Seam
  readonly #subject: SubjectNo
  readonly #register: (handler: Handler) => unknown
  #handlers: readonly { readonly call: Handler }[] = []
  #unregister: unknown

  constructor(seam: Seam, subject: SubjectNo, register: (handler: Handler) => unknown) {
    this.#seam = seam
    this.#subject = subject
    this.#register = register
  }

  add(call: Handler): () => void {
    const entry = { call }
    this.#handlers = [...this.#handlers, entry]
    if (this.#handlers.length === 1) this.#unregister = this.#register(this.#toReceiver())
    return () => {
      if (!this.#handlers.includes(entry)) return
      this.#handlers = this.#handlers.filter((other) => other !== entry)
      if (this.#handlers.length === 0 && typeof this.#unregister === 'function') this.#unregister()
    }
  }

  /** The transport gets what the first handler returned. */
  #toReceiver(): Handler {
    const fan = this
    return function (this: unknown, ...args) {
      return fan.#seam.receive(fan.#subject, args[0], () => {
        const results = fan.#handlers.map(({ call }) => Reflect.apply(call, this, args))
        return results[0]
      })
    }
  }
}
