import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { isAbsolute, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { RetroscopeError } from '../errors.js'
import type { SessionModule } from './scope.js'

/** Files of a session's own that are compared at replay; a larger tree is compared as far as this. */
const MAX_SOURCES = 200

/** URL of a session module. A path is taken from the current directory. @throws USAGE for a bare name */
export function toModuleUrl(module: string | URL): string {
  if (module instanceof URL) return module.href
  if (/^(file|data|node|https?):/.test(module)) return module
  if (isAbsolute(module) || module.startsWith('.')) return pathToFileURL(resolve(module)).href
  throw new RetroscopeError('USAGE', `The session module ${JSON.stringify(module)} is neither a URL nor a path.`, {
    hint: "Pass new URL('./cart.js', import.meta.url).",
  })
}

/** Imports a session module. @throws USAGE when its default export is no function */
export async function loadSessionModule(url: string): Promise<SessionModule> {
  const loaded = (await import(url)) as { readonly default?: unknown }
  // A CommonJS module that was compiled from an ES one keeps its default export one level down.
  const found =
    typeof loaded.default === 'object' ? (loaded.default as { default?: unknown } | null)?.default : loaded.default
  if (typeof found === 'function') return found as SessionModule
  throw new RetroscopeError('USAGE', `The default export of ${url} is no function.`, {
    hint: 'A session module exports a function that takes the world: export default (world) => { … }',
  })
}

/** A digest of the module's file and of those that it imports by relative path, keyed by how they lie beside it, so that
 *  a replay can tell which file is another one. Reads them once; what can't be read is left out. */
export function digestSources(url: string): Readonly<Record<string, string>> {
  const found: Record<string, string> = {}
  const waiting = [new URL(url)]
  while (waiting.length > 0 && Object.keys(found).length < MAX_SOURCES) {
    const next = waiting.pop() as URL
    const key = toRelative(url, next)
    if (next.protocol !== 'file:' || found[key] !== undefined) continue
    try {
      const text = readFileSync(fileURLToPath(next), 'utf8')
      found[key] = createHash('sha256').update(text).digest('hex').slice(0, 16)
      for (const [, specifier] of text.matchAll(/\b(?:from|import|require)\s*\(?\s*['"](\.{1,2}\/[^'"]+)['"]/g)) {
        waiting.push(new URL(specifier as string, next))
      }
    } catch {
      // A specifier that a loader resolves in its own way; its file can't be compared.
    }
  }
  return found
}

function toRelative(base: string, url: URL): string {
  const from = new URL('.', base).pathname.split('/')
  const to = url.pathname.split('/')
  let same = 0
  while (same < from.length - 1 && from[same] === to[same]) same += 1
  return '../'.repeat(from.length - 1 - same) + to.slice(same).join('/')
}
