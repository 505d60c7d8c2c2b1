import { getSession, runOutside } from './context.js'
import { dress, type Patches } from './patches.js'

/** What the process tells its listeners (an uncaught exception, its exit) comes in the context of whoever caused it. The
 *  listeners are other code all the same, and may write files and read clocks; what escaped is noted for the session. */
export function installProcessEvents(patches: Patches): void {
  const emit = process.emit as (this: unknown, ...args: unknown[]) => boolean
  const wrapper = dress(function (this: unknown, ...args: unknown[]): boolean {
    const session = getSession()
    if (session === undefined || !session.live) return Reflect.apply(emit, this, args)
    const [event, error, origin] = args
    if (event === 'uncaughtExceptionMonitor') session.escape(String(origin), error)
    return runOutside(() => Reflect.apply(emit, this, args))
  }, emit)
  patches.replace(process, 'emit', wrapper)
}
