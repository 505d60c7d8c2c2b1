import { enterRealm } from '../boundary/realm/realm.js'
import { RetroscopeError } from '../errors.js'
import type { Seam } from './seam.js'
import { type SessionEnd, toSessionEnd } from './session-end.js'
import { digestSources, loadSessionModule, toModuleUrl } from './session-module.js'
import { SessionTurns } from './session-turns.js'
import { Session } from './session-world.js'

interface Mounted {
  readonly session: Session
  unmount(): void
}

const mounted = new Map<Seam, Mounted[]>()

/** Imports a session module and mounts it in a turn of its own. `ends` supplies its channels by name.
 *  @returns what its default export returned @throws USAGE, UNSUPPORTED, or what the module threw */
export async function mountSession(
  seam: Seam,
  name: string,
  module: string | URL,
  ends: Readonly<Record<string, object>>,
): Promise<unknown> {
  if (!seam.live)
    throw new RetroscopeError('UNSUPPORTED', `The session ${name} can't mount another session under replay.`)
  const url = toModuleUrl(module)
  const outlets = new Map<string, SessionEnd>(Object.entries(ends).map(([key, end]) => [key, toSessionEnd(key, end)]))
  const leave = enterRealm({ live: true })
  let opened = false
  try {
    const start = await loadSessionModule(url)
    const one = open(seam, { name, module: url, channels: [...outlets.keys()] }, outlets, leave)
    opened = true
    return await new Promise((resolve, reject) => {
      one.push(() => {
        try {
          resolve(one.session.mount(start, describeRealm(url)))
        } catch (error) {
          reject(error)
        }
      })
    })
  } catch (error) {
    if (!opened) leave()
    throw error
  }
}

/** Ends every session of that seam and restores what the realm replaced. Idempotent. */
export function unmountSessions(seam: Seam): void {
  for (const { unmount } of mounted.get(seam) ?? []) unmount()
  mounted.delete(seam)
}

function open(
  seam: Seam,
  spec: { name: string; module: string; channels: readonly string[] },
  outlets: ReadonlyMap<string, SessionEnd>,
  leave: () => void,
): { session: Session; push(run: () => void): void } {
  const turns = new SessionTurns(() => session.settle())
  const session: Session = new Session(seam, spec, {
    open: (name) => outlets.get(name) as SessionEnd,
    arrived(channel, message) {
      const cause = seam.current()
      turns.push(() => session.message(channel, message, cause))
    },
    due: (timer, cause) => turns.push(() => session.timer(timer, cause)),
  })
  const unmount = () => {
    turns.stop()
    session.close()
    leave()
  }
  mounted.set(seam, [...(mounted.get(seam) ?? []), { session, unmount }])
  return { session, push: (run) => turns.push(run) }
}

/** What a replay's answers depend on beside the module: kept with the mount, so that a difference can be named. */
export function describeRealm(url: string): object {
  const { locale, timeZone } = Intl.DateTimeFormat().resolvedOptions()
  return { node: process.version, locale, timeZone, sources: digestSources(url) }
}
