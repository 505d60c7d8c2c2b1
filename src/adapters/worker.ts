import { patchMethod, undoAll } from '../scope/patch.js'
import { type ChannelAdapter, hasMethods } from './channel-adapter.js'
import { patchPosting } from './posting.js'

/** The parent's end of a worker; the worker's own end is its `parentPort`. Wrap it in the tick that made it, before the
 *  first `postMessage`. A worker that is online already may have been heard: its messages are unpaired. */
export const worker: ChannelAdapter = {
  transport: 'worker',
  title: 'Worker',
  matches: (end) => hasMethods(end, 'postMessage', 'terminate', 'emit') && 'threadId' in end,
  wrap(target, { seam, open }) {
    const subject = open('worker', { end: 0, of: target })
    if (isOnline(target)) seam.unpair(subject)
    const undos = [
      patchPosting(target, seam, subject),
      patchMethod(target, 'emit', (emit) => {
        return function (this: unknown, ...args: unknown[]) {
          const run = () => Reflect.apply(emit, this, args)
          if (this !== target) return run()
          if (args[0] === 'message') return seam.receive(subject, args[1], run)
          if (args[0] === 'exit') seam.close(subject, { code: Number(args[1]), reason: 'exit' })
          return run()
        }
      }),
    ]
    return { value: target, undo: undoAll(undos) }
  },
}

/** Node keeps it under a private symbol (lib/internal/worker.js); where that is gone, a loop that has turned says so. */
function isOnline(target: object): boolean {
  const flag = Object.getOwnPropertySymbols(target).find(({ description }) => description === 'kIsOnline')
  if (flag) return Reflect.get(target, flag) === true
  const { threadId, performance } = target as {
    readonly threadId: number
    readonly performance?: { eventLoopUtilization(): { readonly idle: number; readonly active: number } }
  }
  const used = performance?.eventLoopUtilization()
  return threadId < 0 || used === undefined || used.idle + used.active > 0
}
