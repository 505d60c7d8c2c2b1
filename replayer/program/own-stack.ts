/** The program's own frames of the stack of the moment, innermost first: without the tool's and without Node's. */
export function ownStack(preload: string): string[] {
  const limit = Error.stackTraceLimit
  const prepare = Error.prepareStackTrace
  Error.stackTraceLimit = 100
  Error.prepareStackTrace = (_, frames) => frames.map(String)
  const frames = new Error().stack as unknown as string[]
  Error.prepareStackTrace = prepare
  Error.stackTraceLimit = limit
  return frames.filter((frame) => !frame.includes(preload) && !/\bnode:|^native$/.test(frame))
}

/** Whether Node's own loader has called, through nothing but the file system's functions. */
export function isLoading(preload: string): boolean {
  const prepare = Error.prepareStackTrace
  const limit = Error.stackTraceLimit
  Error.stackTraceLimit = 16
  Error.prepareStackTrace = (_, frames) => frames.map((frame) => frame.getFileName() ?? '')
  const files = new Error().stack as unknown as string[]
  Error.prepareStackTrace = prepare
  Error.stackTraceLimit = limit
  const caller = files.find((file) => file !== preload && !/^node:(?:internal\/)?fs/.test(file))
  return caller?.startsWith('node:internal/modules/') ?? false
}
