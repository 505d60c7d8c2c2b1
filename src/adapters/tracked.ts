import { kindOf } from '../json/graph.js'
import { toRaw, track, untrack } from '../json/tracker.js'
import type { ContainerAdapter } from './container-adapter.js'

/** A mutable object, used through the proxy that is returned in its place: each write is an event, or each transaction.
 *  What is written past the proxy isn't seen. */
export const tracked: ContainerAdapter = {
  adapter: 'tracker',
  title: 'plain object, array, class instance, Map, Set or Date',
  matches: (value) => typeof value === 'object' && kindOf(toRaw(value)) !== undefined,
  wrap(value, { seam, open }) {
    const target = toRaw(value)
    const subject = open('tracker', 'object')
    seam.init(subject, target)
    const proxy = track(target, {
      onChange: (patch, trigger) => {
        seam.change(subject, { patch, after: target, ...(trigger === undefined ? {} : { trigger }) })
      },
    })
    return { value: proxy, undo: () => untrack(target) }
  },
}
