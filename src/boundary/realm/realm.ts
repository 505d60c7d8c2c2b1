import { syncBuiltinESMExports } from 'node:module'
import { installChance } from './chance.js'
import { installClock } from './clock.js'
import { installHost } from './host.js'
import { installOutside } from './outside.js'
import { Patches } from './patches.js'
import { installProcessEvents } from './process-events.js'
import { followPromises } from './promises.js'
import { installTasks } from './tasks.js'
import { installTimers } from './timers.js'

const patches = new Patches()
let users = 0
let stopFollowing: (() => void) | undefined

/** Puts the realm's wrappers in place while at least one session exists. Code outside sessions passes through them
 *  untouched. @returns how to let go; the last one to do so restores everything */
export function enterRealm(options: { readonly live: boolean }): () => void {
  users += 1
  if (users === 1) install()
  if (options.live) stopFollowing ??= followPromises()
  let left = false
  return () => {
    if (left) return
    left = true
    users -= 1
    if (users > 0) return
    stopFollowing?.()
    stopFollowing = undefined
    patches.restore()
  }
}

function install(): void {
  // Chance before outside: both wrap node:crypto, each its own functions.
  for (const part of [
    installClock,
    installChance,
    installTimers,
    installHost,
    installTasks,
    installProcessEvents,
    installOutside,
  ])
    part(patches)
  syncBuiltinESMExports()
}
