import { AsyncLocalStorage } from 'node:async_hooks'
import type { RealmSession } from './realm-session.js'

const storage = new AsyncLocalStorage<RealmSession | undefined>()

/** The session whose code is running: in a delivery, or in what one started, followed through promises. One lookup. */
export function getSession(): RealmSession | undefined {
  return storage.getStore()
}

/** Runs `body` as code of that session, and whatever it starts. */
export function runInside<T>(session: RealmSession, body: () => T): T {
  return storage.run(session, body)
}

/** Runs `body` as code of no session, so that what it calls and starts is neither recorded nor fed. */
export function runOutside<T>(body: () => T): T {
  return storage.getStore() === undefined ? body() : storage.run(undefined, body)
}
