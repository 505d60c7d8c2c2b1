import { isMainThread, MessagePort, parentPort } from 'node:worker_threads'
import { patchMethod, undoAll } from '../scope/patch.js'
import type { ChannelAdapter } from './channel-adapter.js'
import { patchDispatch } from './dispatch.js'
import { watchPolling } from './port-polling.js'
import { patchPosting } from './posting.js'

/** A port of `node:worker_threads`, `parentPort` among them. Wrap it before its first message: a port that listens
 *  already may have received some, and nothing can tell, so its messages are unpaired. Messages that wait in its queue
 *  were not received yet, and are counted. What was posted through it before can't be seen. */
export const messagePort: ChannelAdapter = {
  transport: 'port',
  title: 'MessagePort',
  matches: (end) => end instanceof MessagePort,
  wrap(port, { seam, open }) {
    const subject =
      port === parentPort ? open('worker', { end: 1, of: port }) : open('port', { likely: isMainThread ? 0 : 1 })
    if (isListening(port)) seam.unpair(subject)
    let local = 0
    const undos = [
      patchPosting(port, seam, subject),
      watchPolling(port, (message) => seam.receive(subject, message, () => undefined)),
      patchDispatch(port, (type, value, event, run) => {
        if (type === 'close') seam.close(subject, { reason: 'closed' })
        if (type !== 'message' || event !== undefined || local > 0) return run()
        return seam.receive(subject, value, run)
      }),
      patchMethod(port, 'emit', (emit) => {
        return function (this: unknown, ...args: unknown[]) {
          local++
          try {
            return Reflect.apply(emit, this, args)
          } finally {
            local--
          }
        }
      }),
    ]
    return { value: port, undo: undoAll(undos) }
  },
}

function isListening(port: object): boolean {
  const { listenerCount, onmessage } = port as { listenerCount?(type: string): number; onmessage?: unknown }
  const count = typeof listenerCount === 'function' ? listenerCount.call(port, 'message') : 0
  return count > 0 || (onmessage !== undefined && onmessage !== null)
}
