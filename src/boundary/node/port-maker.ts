import type { MessagePort as Port } from 'node:worker_threads'
import type { Holder, Internals, Native } from './internals.js'

interface Ends {
  readonly port1: Port
  readonly port2: Port
}

export interface MessageClasses {
  readonly MessagePort: { readonly prototype: object } & (new (...args: never[]) => object)
  readonly MessageChannel: new () => Ends
}

export function findMessageClasses(internals: Internals): MessageClasses {
  const { MessagePort = globalThis.MessagePort, MessageChannel } = internals.binding('messaging') as unknown as Partial<
    MessageClasses & { MessagePort: MessageClasses['MessagePort'] }
  >
  return { MessagePort: MessagePort as MessageClasses['MessagePort'], MessageChannel: MessageChannel! }
}

/** Makes ports as the native side does where one arrives with a message: one object, with one asynchronous id. */
export class PortMaker {
  /** While true the ports that are made are helpers and none of the program's. */
  isMaking = false
  readonly #Channel: MessageClasses['MessageChannel']
  readonly #receive: (port: Port) => unknown
  readonly #post: Native
  readonly #ids: Float64Array
  readonly #counter: number
  #carrier: Ends | undefined

  constructor(internals: Internals) {
    const { MessagePort, MessageChannel } = findMessageClasses(internals)
    const { async_id_fields: ids, constants } = internals.binding('async_wrap') as unknown as {
      async_id_fields: Float64Array
      constants: Record<string, number>
    }
    this.#Channel = MessageChannel
    this.#receive = internals.binding('messaging')['receiveMessageOnPort'] as (port: Port) => unknown
    this.#post = (MessagePort.prototype as Holder)['postMessage'] as Native
    this.#ids = ids
    this.#counter = constants['kAsyncIdCounter']!
  }

  make(): object {
    const id = this.#ids[this.#counter]!
    this.isMaking = true
    this.#carrier ??= new this.#Channel()
    const { port2 } = new this.#Channel()
    Reflect.apply(this.#post, this.#carrier.port1, [port2, [port2]])
    this.isMaking = false
    this.#ids[this.#counter] = id
    return this.#receive(this.#carrier.port2) as object
  }
}
