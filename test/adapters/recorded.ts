import { join } from 'node:path'
import type { Test } from 'tap'
import { setup } from '../../recorder/index.js'
import type { Scope } from '../../src/scope/scope.js'
import { Log } from './log.js'

let count = 0

/** Records `body` with the real recorder into a directory of the test's, and reads back what one thread wrote. */
export async function record(t: Test, body: (scope: Scope) => unknown): Promise<Log> {
  return Log.read(await recordTo(t, body))
}

/** The same, for those who read more than the main thread. @returns the recording's directory */
export async function recordTo(t: Test, body: (scope: Scope) => unknown): Promise<string> {
  const out = join(t.testdirName, `run-${count++}.retro`)
  t.testdir()
  const scope = await setup({ out })
  try {
    await body(scope)
  } finally {
    await scope.stop()
  }
  return out
}

/** Own properties of an object with their values, to see that nothing was left behind. */
export function describeOwn(value: object): unknown[] {
  return Reflect.ownKeys(value).map((key) => {
    const { value: held, enumerable, writable, configurable } = Object.getOwnPropertyDescriptor(value, key) ?? {}
    const what = typeof held === 'function' ? held : typeof held
    return [String(key), what, enumerable, writable, configurable]
  })
}
