import { getSession } from './context.js'
import { dress, type Patches } from './patches.js'
import type { RealmSession } from './realm-session.js'

type Call = (...args: unknown[]) => unknown

/** Microtasks and ticks run inside the turn that asked for them, and nothing of them is recorded. Only what one throws is
 *  noted: Node reports it outside of every asynchronous context. Under replay it ends there. */
export function installTasks(patches: Patches): void {
  const wrap = (holder: object, name: string): void => {
    const real = Reflect.get(holder, name) as Call
    const wrapper = dress((callback: unknown, ...args: unknown[]) => {
      const session = getSession()
      const own = session !== undefined && typeof callback === 'function'
      return Reflect.apply(real, holder, [own ? guard(session, callback as Call) : callback, ...args])
    }, real)
    patches.replace(holder, name, wrapper)
  }
  wrap(globalThis, 'queueMicrotask')
  wrap(process, 'nextTick')
}

function guard(session: RealmSession, callback: Call): Call {
  return function (this: unknown, ...args: unknown[]) {
    try {
      return Reflect.apply(callback, this, args)
    } catch (error) {
      session.escape('uncaughtException', error)
      if (session.live) throw error
    }
  }
}
