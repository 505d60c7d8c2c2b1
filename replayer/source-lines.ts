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
export function toUserStack(stack: string, named?: NamedMaps): string {
  const text = stack.split(/\n\s+at /, 1)[0] ?? ''
  return [text, ...getUserFrames(stack).map((frame) => `    at ${toPlace(frame, named)}`)].join('\n')
}

/** Source maps by the file of the code that ran, where these are known: what a script names, a file or the map itself. */
export type NamedMaps = Readonly<Record<string, string>>

/** One line of a stack as `src/cart.ts:41 applyDiscount`, in the file that was written. */
export function toPlace(frame: string, named: NamedMaps = {}): string {
  const found = LOCATION.exec(frame)
  if (!found) return frame
  const [, name, script, line, column] = found as unknown as [string, string | undefined, string, string, string]
  const file = script.replace(/\?.*$/, '')
  const place = toSource(findMap(file, named[script]), { file, line: Number(line), column: Number(column) })
  const shown = relative(process.cwd(), place.file)
  const path = shown.startsWith('..') ? place.file : shown
  return `${path}:${place.line}${name ? ` ${name.replace(/^async /, '')}` : ''}`
}

interface Location {
  readonly file: string
  readonly line: number
  readonly column: number
}

function toSource(found: FoundMap | undefined, { file, line, column }: Location): Omit<Location, 'column'> {
  const entry = found?.map.findEntry(line - 1, column - 1)
  if (found === undefined || entry === undefined || !('originalSource' in entry) || !entry.originalSource)
    return { file, line }
  const source = entry.originalSource
  const path = source.startsWith('file:') ? fileURLToPath(source) : resolve(found.directory, source)
  return { file: path, line: entry.originalLine + 1 }
}

interface FoundMap {
  readonly map: SourceMap
  readonly directory: string
}

/** The source map of a file: the one that its script named when it ran, else the one that it names here. */
function findMap(file: string, known?: string): FoundMap | undefined {
  try {
    const named = known ?? /\/\/# sourceMappingURL=(\S+)\s*$/.exec(readFileSync(file, 'utf8'))?.[1]
    if (named === undefined) return undefined
    const inline = /^data:application\/json[^,]*?(;base64)?,(.*)$/.exec(named)
    const path = named.startsWith('file:') ? fileURLToPath(named) : resolve(dirname(file), named)
    const text = inline ? toText(inline[2]!, inline[1] !== undefined) : readFileSync(path, 'utf8')
    return { map: new SourceMap(JSON.parse(text)), directory: inline ? dirname(file) : dirname(path) }
  } catch {
    return undefined
  }
}

function toText(data: string, isBase64: boolean): string {
  return isBase64 ? Buffer.from(data, 'base64').toString() : decodeURIComponent(data)
}
