import type { Internals, Native } from '../../src/boundary/node/internals.js'
import type { Standing } from './divergence.js'

interface Connection {
  readonly dispatch: Native
}

type ConnectionClass = new (hear: (message: string) => void) => Connection

/** Says where a program stands, once: it does not run on afterwards. Made before the program runs, of which some things
 *  are kept that the boundary replaces. */
export class OwnStack {
  readonly #preload: string
  readonly #Connection: ConnectionClass
  readonly #dispatch: Native

  constructor(internals: Internals, preload: string) {
    this.#preload = preload
    this.#Connection = internals.binding('inspector')['Connection'] as ConnectionClass
    this.#dispatch = (this.#Connection.prototype as Connection).dispatch
  }

  /** @param more a text whose scripts are wanted, too */
  take(more = ''): Standing {
    const stack = this.#list()
    return { stack, maps: this.#findMaps([...stack, more].join('\n')) }
  }

  /** The program's own frames of the moment, innermost first: without the tool's and without Node's. */
  #list(): string[] {
    const frames = listFrames(100).map(({ text }) => text)
    return frames.filter((frame) => !frame.includes(this.#preload) && !/\bnode:|^native$|<anonymous>\)?$/.test(frame))
  }

  /** The engine knows of each script which source map it names, also where its text is in no file. */
  #findMaps(text: string): Record<string, string> {
    const maps: Record<string, string> = {}
    try {
      const connection = new this.#Connection((message) => {
        const { method, params } = JSON.parse(message) as Message
        if (method !== 'Debugger.scriptParsed' || !params?.sourceMapURL) return
        const file = params.url.replace(/^file:\/\//, '')
        if (file && text.includes(file)) maps[file] = params.sourceMapURL
      })
      Reflect.apply(this.#dispatch, connection, ['{"id":1,"method":"Debugger.enable"}'])
    } catch {
      // The lines are those of the code that ran.
    }
    return maps
  }
}

interface Message {
  readonly method?: string
  readonly params?: { readonly url: string; readonly sourceMapURL?: string }
}

interface Frame {
  readonly text: string
  readonly file: string
}

/** Frames of the moment, innermost first. */
function listFrames(limit: number): readonly Frame[] {
  const { prepareStackTrace, stackTraceLimit } = Error
  Error.stackTraceLimit = limit
  Error.prepareStackTrace = (_, frames) =>
    frames.map((frame) => ({ text: String(frame), file: frame.getFileName() ?? '' }))
  const frames = new Error().stack as unknown as readonly Frame[] | string
  Error.prepareStackTrace = prepareStackTrace
  Error.stackTraceLimit = stackTraceLimit
  // While it formats another stack, the engine asks nobody and writes a text.
  return typeof frames === 'string' ? frames.split('\n').slice(1).map(toFrame) : frames
}

function toFrame(line: string): Frame {
  const text = line.replace(/^\s*at (?:async )?/, '')
  const place = / \((.*)\)$/.exec(text)?.[1] ?? text
  return { text, file: place.replace(/:\d+:\d+$/, '') }
}

/** Whether Node's own loader has called, through nothing but the file system's functions. */
export function isLoading(preload: string): boolean {
  const caller = listFrames(16).find(({ file }) => file !== preload && !/^node:(?:internal\/)?fs/.test(file))
  return caller?.file.startsWith('node:internal/modules/') ?? false
}
