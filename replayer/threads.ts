import { RetroscopeError } from '../src/errors.js'
import type { LogReader, ThreadInfo } from '../src/log/reader.js'
import type { ThreadInput } from './recording.js'
import { toList, toSuggestion } from './spelling.js'

/** Finds a thread by its path (`0.2`), else by its number; thread 0 when nothing is given. @throws UNKNOWN_PROCESS */
export function findThread(log: LogReader, input: ThreadInput | undefined): ThreadInfo {
  const threads = log.threads()
  const text = input === undefined ? '0' : String(input)
  const found =
    threads.find(({ path }) => path === text) ??
    threads.find(({ no }) => String(no) === text) ??
    (input === undefined ? threads[0] : undefined)
  if (found) return found
  const paths = threads.map(({ path }) => path)
  throw new RetroscopeError('UNKNOWN_PROCESS', `The recording has no thread ${text}.`, {
    hint: `${toSuggestion(text, paths)}Threads: ${toList(paths)}.`,
  })
}
