import { inspect } from 'node:util'
import { promiseHooks } from 'node:v8'
import { getSession } from './context.js'
import { captureStack } from './frames.js'
import type { RealmSession } from './realm-session.js'

/** Follows the promises of live sessions, to find where one waits for something from outside: that can't be fed, so the
 *  session is `observed` from there. @returns how to stop it */
export function followPromises(): () => void {
  const owners = new WeakMap<object, RealmSession>()
  return promiseHooks.createHook({
    init(promise: object, parent: object | undefined) {
      const session = getSession()
      if (session === undefined) return
      owners.set(promise, session)
      if (parent !== undefined && !owners.has(parent) && isPending(parent))
        session.observe('await of a promise from outside')
    },
    settled(promise: object) {
      const session = owners.get(promise)
      if (session === undefined) return
      const stack = () => captureStack()
      if (getSession() !== session) session.observe('a promise of the session, settled from outside', stack())
      else if (!session.open) session.observe('a promise of the session, settled outside its turns', stack())
    },
    before(promise: object) {
      const session = owners.get(promise)
      if (session !== undefined && !session.open) session.observe('an await that something outside resumed')
    },
  } as Parameters<typeof promiseHooks.createHook>[0]) as () => void
}

/** A promise can't be asked for its state; how it is printed says it. Only asked for promises from outside. */
function isPending(promise: object): boolean {
  return inspect(promise, { depth: 0, customInspect: false, showProxy: true }).includes('<pending>')
}
