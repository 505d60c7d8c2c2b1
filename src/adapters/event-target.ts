import { type ChannelAdapter, hasMethods } from './channel-adapter.js'
import { patchDispatch } from './dispatch.js'

/** An EventTarget is one end: what is dispatched is sent and handled in the same call. */
export const eventTarget: ChannelAdapter = {
  transport: 'target',
  title: 'EventTarget',
  matches: (end) => hasMethods(end, 'dispatchEvent', 'addEventListener'),
  wrap(target, { seam, open }) {
    const subject = open('target', { end: 0, loop: true })
    const undo = patchDispatch(target, (type, value, event, run) => {
      const payload = event === undefined ? value : toPayload(event)
      seam.send(subject, payload, type)
      return seam.receive(subject, payload, run, type)
    })
    return { value: target, undo }
  },
}

/** What an event carries: `detail` of a CustomEvent, `data` of a MessageEvent, else its own enumerable properties. */
function toPayload(event: Event): unknown {
  if ('detail' in event) return event.detail
  if ('data' in event) return event.data
  const own = Object.entries(event).filter(([name]) => name !== 'isTrusted')
  return own.length > 0 ? Object.fromEntries(own) : undefined
}
