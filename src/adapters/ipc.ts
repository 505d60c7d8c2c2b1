import { patchMethod, undoAll } from '../scope/patch.js'
import { type ChannelAdapter, hasMethods } from './channel-adapter.js'

/** The channel between a process and the child that it forked: the ChildProcess there (end 0), `process` here (end 1). A
 *  child that listened before may have been spoken to: its messages are unpaired. */
export const ipc: ChannelAdapter = {
  transport: 'ipc',
  title: 'forked ChildProcess',
  matches: (end) => hasMethods(end, 'send', 'disconnect', 'emit') && 'connected' in end,
  wrap(end, { seam, open }) {
    const child = (end as unknown) === process
    const subject = open('ipc', { end: child ? 1 : 0, of: end })
    if (child && process.listenerCount('message') > 0) seam.unpair(subject)
    const undos = [
      patchMethod(end, 'send', (send) => {
        return function (this: unknown, ...args: unknown[]) {
          const connected = Reflect.get(end, 'connected') === true
          const result = seam.live ? Reflect.apply(send, this, args) : undefined
          if (connected) seam.send(subject, args[0])
          return result
        }
      }),
      patchMethod(end, 'emit', (emit) => {
        return function (this: unknown, ...args: unknown[]) {
          const run = () => Reflect.apply(emit, this, args)
          if (args[0] === 'message') return seam.receive(subject, args[1], run)
          if (args[0] === 'disconnect') seam.close(subject, { reason: 'disconnected' })
          return run()
        }
      }),
    ]
    return { value: end, undo: undoAll(undos) }
  },
}
