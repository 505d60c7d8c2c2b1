import type { IncomingMessage, ServerResponse } from 'node:http'
import { patchMethod, type Undo } from '../scope/patch.js'
import { type ChannelAdapter, hasMethods } from './channel-adapter.js'
import { HttpExchange, toRequest } from './http-exchange.js'

const WITH_RESPONSE = new Set<unknown>(['request', 'checkContinue', 'checkExpectation'])
const WITH_SOCKET = new Set<unknown>(['upgrade', 'connect'])

/** A server of `node:http` or `node:https`. Each request is a process of its own, `NAME/1`, `NAME/2` …: it receives the
 *  request and its body as the program reads it, sends the response, and is the root of whatever the handlers start. */
export const httpServer: ChannelAdapter = {
  transport: 'http',
  title: 'http.Server',
  matches: (end) => hasMethods(end, 'listen', 'emit') && 'headersTimeout' in end,
  wrap(server, { seam, name }) {
    const channel = { transport: 'http', end: 1, outside: true } as const
    const self = seam.open({ name, type: 'server', channel })
    const open = new Set<Undo>()
    let count = 0
    const unpatch = patchMethod(server, 'emit', (emit) => {
      return function (this: unknown, ...args: unknown[]) {
        const run = () => Reflect.apply(emit, this, args)
        const [event, request, response] = args as [unknown, IncomingMessage, ServerResponse]
        if (event === 'close') seam.close(self)
        const socketOnly = WITH_SOCKET.has(event)
        if (this !== server || (!socketOnly && !WITH_RESPONSE.has(event))) return run()
        const subject = seam.open({ name: `${name}/${++count}`, type: 'request', channel })
        const handle = () => {
          if (socketOnly) return run()
          const undo = new HttpExchange(seam, subject, request, response).watch(() => open.delete(undo))
          open.add(undo)
          return run()
        }
        const result = seam.receive(subject, toRequest(request), handle, String(event))
        if (socketOnly) seam.close(subject)
        return result
      }
    })
    const undo = () => {
      unpatch()
      for (const end of open) end()
    }
    return { value: server, undo }
  },
}
