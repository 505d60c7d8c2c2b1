import { patchMethod } from '../scope/patch.js'
import { type ChannelAdapter, hasMethods } from './channel-adapter.js'

/** An emitter is one end: what is emitted is sent and handled in the same call. An event without a listener is both too,
 *  so that the two counts stay equal. A call of `emit` that was captured before the wrapping isn't seen. */
export const eventEmitter: ChannelAdapter = {
  transport: 'emitter',
  title: 'EventEmitter',
  matches: (end) => hasMethods(end, 'emit', 'on'),
  wrap(emitter, { seam, open }) {
    const subject = open('emitter', { end: 0, loop: true })
    const undo = patchMethod(emitter, 'emit', (emit) => {
      return function (this: unknown, ...args: unknown[]) {
        const event = args[0]
        if (this !== emitter || isHousekeeping(event)) return Reflect.apply(emit, this, args)
        const payload = toEmitted(args)
        const label = String(event)
        seam.send(subject, payload, label)
        return seam.receive(subject, payload, () => Reflect.apply(emit, emitter, args), label)
      }
    })
    return { value: emitter, undo }
  },
}

/** A single argument stands for itself, several as their list. */
function toEmitted(args: readonly unknown[]): unknown {
  return args.length <= 2 ? args[1] : args.slice(1)
}

/** What emitters tell themselves: listeners come and go, and the monitor's copy of an `error`. */
function isHousekeeping(event: unknown): boolean {
  if (event === 'newListener' || event === 'removeListener') return true
  return typeof event === 'symbol' && event.description === 'events.errorMonitor'
}
