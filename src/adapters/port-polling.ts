import { syncBuiltinESMExports } from 'node:module'
import threads from 'node:worker_threads'
import { patchMethod, type Undo } from '../scope/patch.js'

type OnTaken = (message: unknown) => void

const watched = new Map<object, OnTaken>()
let restore: Undo | undefined

/** Tells what `receiveMessageOnPort` takes out of a port: it calls nothing of the port's own, and a message that isn't
 *  counted would pair all later ones wrongly. The function is replaced in its module while any port is watched. */
export function watchPolling(port: object, onTaken: OnTaken): Undo {
  watched.set(port, onTaken)
  restore ??= patchMethod(threads, 'receiveMessageOnPort', (receive) => {
    return function (this: unknown, ...args: unknown[]) {
      const taken = Reflect.apply(receive, this, args) as { readonly message: unknown } | undefined
      if (taken) watched.get(args[0] as object)?.(taken.message)
      return taken
    }
  })
  syncBuiltinESMExports()
  return () => {
    watched.delete(port)
    if (watched.size > 0) return
    restore?.()
    restore = undefined
    syncBuiltinESMExports()
  }
}
