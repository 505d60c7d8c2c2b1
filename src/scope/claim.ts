import { RetroscopeError } from '../errors.js'
import type { Undo } from './patch.js'

const CLAIMS = Symbol.for('retroscope.claims.v1')

/** Notes that an object is recorded under a name, across all copies of this package in the realm: recorded twice, each
 *  of its messages or changes would stand in the log twice. @throws USAGE when it is recorded already */
export function claim(target: object, as: string): Undo {
  const claims = getClaims()
  const taken = claims.get(target)
  if (taken !== undefined) {
    throw new RetroscopeError('USAGE', `This object is recorded already, as ${taken}; it cannot be ${as} too.`, {
      hint: 'Wrap each end and each store once, and use what the first call returned.',
    })
  }
  claims.set(target, as)
  return () => claims.delete(target)
}

function getClaims(): WeakMap<object, string> {
  const realm = globalThis as { [CLAIMS]?: WeakMap<object, string> }
  if (!realm[CLAIMS]) {
    Object.defineProperty(realm, CLAIMS, { value: new WeakMap(), configurable: true })
  }
  return realm[CLAIMS] as WeakMap<object, string>
}
