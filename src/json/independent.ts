import fastJsonPatch from 'fast-json-patch'
import type { Patch } from '../events.js'

/** What other code than ours makes of a patch. Costs a copy of the state.
 *  @returns undefined where it has no say: values that JSON can't hold, replaced roots and reserved names
 *  @throws when it refuses the patch */
export function applyIndependently(before: unknown, patch: Patch): { readonly state: unknown } | undefined {
  if (!isJson(before) || !isJson(patch) || patch.some(isBeyond)) return undefined
  const copy = JSON.parse(JSON.stringify([before, patch])) as [unknown, never]
  return { state: fastJsonPatch.applyPatch(copy[0], copy[1], true).newDocument }
}

/** It takes a root for a container, and refuses or skips names that reach prototypes. */
function isBeyond(operation: Patch[number]): boolean {
  const paths = 'from' in operation ? [operation.path, operation.from] : [operation.path]
  return paths.some((path) => path === '' || /__proto__|prototype/.test(path))
}

function isJson(value: unknown): boolean {
  try {
    return isPlainJson(value)
  } catch {
    // Too deep, or a cycle.
    return false
  }
}

function isPlainJson(value: unknown): boolean {
  if (typeof value === 'number') return Number.isFinite(value) && !Object.is(value, -0)
  if (typeof value === 'string' || typeof value === 'boolean' || value === null) return true
  if (typeof value !== 'object') return false
  if (Array.isArray(value)) return value.every(isPlainJson)
  if (Object.getPrototypeOf(value) !== Object.prototype || Object.hasOwn(value, '__proto__')) return false
  return Object.values(value).every(isPlainJson)
}
