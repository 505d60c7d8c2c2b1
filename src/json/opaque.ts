import { types } from 'node:util'
import { placesOf, type Root, toRaw } from './graph.js'
import type { Report } from './tracker.js'
import { toTracked } from './traps.js'

type Method = (this: unknown, ...args: unknown[]) => unknown

const sourceOf = Function.prototype.toString
const opaque = new WeakMap<Function, boolean>()
const wrappers = new WeakMap<Function, WeakMap<object, Function>>()

/** Private names work on the object itself only, never on a proxy of it; arrow functions and bound ones hold the object
 *  that they were made in. What such code writes passes the proxy by, so the state around it is compared before and after:
 *  O(state) per call. */
export function isOpaque(method: Function): boolean {
  let answer = opaque.get(method)
  if (answer === undefined) {
    answer = isOpaqueSource(method)
    opaque.set(method, answer)
  }
  return answer
}

function isOpaqueSource(method: Function): boolean {
  const source = types.isProxy(method) ? '' : sourceOf.call(method)
  if (source.startsWith('class')) return false
  if (source.endsWith('{ [native code] }')) return isBound(method)
  return /#[\p{L}_$]/u.test(source) || /^(?:async\b\s*)?(?:[\w$]+\s*=>|\()/.test(source)
}

function isBound(method: Function): boolean {
  const name: unknown = Object.getOwnPropertyDescriptor(method, 'name')?.value
  return typeof name === 'string' && name.startsWith('bound ')
}

/** The method as a tracked instance answers with it. */
export function toOpaqueMethod(raw: object, method: Function, report: Report): Function {
  let byObject = wrappers.get(method)
  if (byObject === undefined) wrappers.set(method, (byObject = new WeakMap()))
  let wrapper = byObject.get(raw)
  if (wrapper === undefined) {
    wrapper = function (this: unknown, ...args: unknown[]): unknown {
      if (new.target !== undefined) return Reflect.construct(method, args) as unknown
      const self = toRaw(this)
      return runOpaque(raw, () => (method as Method).apply(self, args.map(toRaw)), report)
    }
    byObject.set(raw, wrapper)
  }
  return wrapper
}

/** Runs code that writes past the proxy, and tells afterwards what it changed; of an asynchronous method also when it
 *  settles. The promise is then one that follows the method's. */
export function runOpaque(raw: object, body: () => unknown, report: Report): unknown {
  const ends = [...new Set<Root>(placesOf(raw).map(({ root }) => root))].map((root) => root.watch())
  const end = () => {
    for (const close of ends) close()
  }
  let result: unknown
  try {
    result = body()
  } catch (error) {
    end()
    throw error
  }
  if (!types.isPromise(result) || ends.length === 0) {
    end()
    return toTracked(result, report)
  }
  return result.then(
    (value) => {
      end()
      return toTracked(value, report)
    },
    (error) => {
      end()
      throw error
    },
  )
}
