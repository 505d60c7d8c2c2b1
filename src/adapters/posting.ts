import type { SubjectNo } from '../ids.js'
import { patchMethod, type Undo } from '../scope/patch.js'
import type { Seam } from '../scope/seam.js'

/** Patches `postMessage`. What is transferred is emptied by the real call, so such a message is logged before it; any
 *  other one after it, since a call that throws (what can't be cloned, a closed channel) sends nothing and must not be
 *  counted. A throwing transfer has been counted already: from there on the end is unpaired. */
export function patchPosting(target: object, seam: Seam, channel: SubjectNo): Undo {
  return patchMethod(target, 'postMessage', (post) => {
    return function (this: unknown, ...args: unknown[]) {
      if (this !== target) return Reflect.apply(post, this, args)
      if (!hasTransfers(args[1])) {
        const result = seam.live ? Reflect.apply(post, target, args) : undefined
        seam.send(channel, args[0])
        return result
      }
      seam.send(channel, args[0])
      if (!seam.live) return undefined
      return unlessThrown(
        () => Reflect.apply(post, target, args),
        () => seam.unpair(channel),
      )
    }
  })
}

/** Not caught and thrown again: that would move the place that an uncaught error is said to come from. */
export function unlessThrown<T>(body: () => T, thrown: () => void): T {
  let done = false
  try {
    const result = body()
    done = true
    return result
  } finally {
    if (!done) thrown()
  }
}

function hasTransfers(options: unknown): boolean {
  if (typeof options !== 'object' || options === null) return false
  const list: unknown = Array.isArray(options) ? options : Reflect.get(options, 'transfer')
  return list !== undefined && list !== null
}
