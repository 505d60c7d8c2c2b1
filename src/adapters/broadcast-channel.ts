import { BroadcastChannel } from 'node:worker_threads'
import { undoAll } from '../scope/patch.js'
import type { ChannelAdapter } from './channel-adapter.js'
import { patchDispatch } from './dispatch.js'
import { patchPosting } from './posting.js'

/** A member of a broadcast. Who sent what it hears can't be known, so its messages are unpaired; where the caller says
 *  which `end` it is, he vouches that only members of the other end send to it, and counting pairs them. */
export const broadcast: ChannelAdapter = {
  transport: 'broadcast',
  title: 'BroadcastChannel',
  matches: (end) => end instanceof BroadcastChannel,
  wrap(target, { seam, options, open }) {
    const subject = open('broadcast')
    if (options.end === undefined) seam.unpair(subject)
    const undos = [
      patchPosting(target, seam, subject),
      patchDispatch(target, (type, _value, event, run) => {
        return type === 'message' ? seam.receive(subject, (event as MessageEvent | undefined)?.data, run) : run()
      }),
    ]
    return { value: target, undo: undoAll(undos) }
  },
}
