import type { SubjectNo } from '../ids.js'
import { patchMethod, type Undo, undoAll } from '../scope/patch.js'
import type { Seam } from '../scope/seam.js'
import { type ChannelAdapter, hasMethods } from './channel-adapter.js'
import { patchDispatch } from './dispatch.js'

const OPEN = 1

/** A WebSocket of `ws`, a client's (end 0) or one that a server accepted (end 1), or the platform's own. Text frames are
 *  recorded as strings. Give each accepted socket a name of its own: messages are paired by name. */
export const webSocket: ChannelAdapter = {
  transport: 'websocket',
  title: 'WebSocket',
  matches: (end) => hasMethods(end, 'send', 'close', 'addEventListener') && 'bufferedAmount' in end,
  wrap(socket, { seam, open }) {
    const client = typeof Reflect.get(socket, 'url') === 'string'
    const subject = open('websocket', { end: client ? 0 : 1, outside: true })
    const receiving = hasMethods(socket, 'emit')
      ? patchEmitted(socket, seam, subject)
      : patchDispatch(socket, (type, _value, event, run) => {
          if (type === 'close') seam.close(subject, { reason: 'closed' })
          return type === 'message' ? seam.receive(subject, (event as MessageEvent | undefined)?.data, run) : run()
        })
    return { value: socket, undo: undoAll([patchSending(socket, seam, subject), receiving]) }
  },
}

/** A socket that isn't open sends nothing, and such a call is not counted. */
function patchSending(socket: object, seam: Seam, subject: SubjectNo): Undo {
  return patchMethod(socket, 'send', (send) => {
    return function (this: unknown, ...args: unknown[]) {
      const sends = Reflect.get(socket, 'readyState') === OPEN
      const result = seam.live ? Reflect.apply(send, this, args) : undefined
      if (sends) seam.send(subject, typeof args[0] === 'number' ? String(args[0]) : args[0])
      return result
    }
  })
}

function patchEmitted(socket: object, seam: Seam, subject: SubjectNo): Undo {
  return patchMethod(socket, 'emit', (emit) => {
    return function (this: unknown, ...args: unknown[]) {
      const [event, data, isBinary] = args
      const run = () => Reflect.apply(emit, this, args)
      if (event === 'message') return seam.receive(subject, isBinary ? data : String(data), run)
      if (event === 'close') seam.close(subject, { code: Number(data), reason: 'closed' })
      return run()
    }
  })
}
