import { readFileSync } from 'node:fs'
import { SourceMap } from 'node:module'
import { dirname, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { getUserFrames } from '../src/boundary/realm/frames.js'

const LOCATION = /^(?:(.*) \()?(?:file:\/\/)?(.+?):(\d+):(\d+)\)?$/

/** The nearest line of a stack that is the user's own, in the file that he wrote: `src/cart.ts:41 applyDiscount`. Paths
 *  are shortened under the current directory. null when all of it is Node's, ours or a library's. */
export function toUserFrame(stack: string): string | null {
  const frames = getUserFrames(stack)
  const frame = frames.find((line) => !/[\\/]node_modules[\\/]/.test(line)) ?? frames[0]
  return frame === undefined ? null : toPlace(frame)
}

/** An error's text and the lines of its stack that are not Node's or ours. */
export function toUserStack(stack: string): string {
  const text = stack.split(/\n\s+at /, 1)[0] ?? ''
  return [text, ...getUserFrames(stack).map((frame) => `    at ${toPlace(frame)}`)].join('\n')
}

function toPlace(frame: string): string {
  const found = LOCATION.exec(frame)
  if (!found) return frame
  const [, name, file, line, column] = found as unknown as [string, string | undefined, string, string, string]
  const place = toSource(file.replace(/\?.*$/, ''), Number(line), Number(column))
  const shown = relative(process.cwd(), place.file)
  const path = shown.startsWith('..') ? place.file : shown
  return `${path}:${place.line}${name ? ` ${name.replace(/^async /, '')}` : ''}`
}

/** Applies the source map that the file names, if it has one. */
function toSource(file: string, line: number, column: number): { readonly file: string; readonly line: number } {
  const map = findMap(file)
  const entry = map?.map.findEntry(line - 1, column - 1)
  if (map === undefined || entry === undefined || !('originalSource' in entry) || !entry.originalSource)
    return { file, line }
  const source = entry.originalSource
  const path = source.startsWith('file:') ? fileURLToPath(source) : resolve(map.directory, source)
  return { file: path, line: entry.originalLine + 1 }
}

function findMap(file: string): { readonly map: SourceMap; readonly directory: string } | undefined {
  try {
    const named = /\/\/# sourceMappingURL=(\S+)\s*$/.exec(readFileSync(file, 'utf8'))?.[1]
    if (named === undefined) return undefined
    const inline = /^data:application\/json[^,]*;base64,(.*)$/.exec(named)?.[1]
    const path = resolve(dirname(file), named)
    const text = inline === undefined ? readFileSync(path, 'utf8') : Buffer.from(inline, 'base64').toString()
    return { map: new SourceMap(JSON.parse(text)), directory: inline === undefined ? dirname(path) : dirname(file) }
  } catch {
    return undefined
  }
}
