import { RetroscopeError } from '../src/errors.js'
import type { LogReader, ProcessInfo, SubjectRef } from '../src/log/reader.js'
import { toList, toSuggestion } from './spelling.js'

/** Finds a process as people write it: `cart`, `cart@2` (or `cart@0.2`), `0.17.0`, `#PID<0.17.0>`, a thread's path.
 *  A name that lived several times in one thread is its last life. @throws UNKNOWN_PROCESS, AMBIGUOUS_NAME */
export function findProcess(log: LogReader, input: string): ProcessInfo {
  const processes = log.processes()
  const text = input.trim()
  const pid = /^(?:#?PID)?<?(\d+\.\d+\.\d+)>?$/.exec(text)?.[1]
  const found =
    (pid === undefined ? undefined : processes.find((process) => process.pid === pid)) ??
    findByName(log, processes, text) ??
    findByThread(log, processes, text)
  if (found) return found
  const names = listNames(log, processes)
  throw new RetroscopeError('UNKNOWN_PROCESS', `The recording has no process ${JSON.stringify(input)}.`, {
    hint: `${toSuggestion(text, names)}${names.length > 0 ? `It has: ${toList(names)}.` : 'It has none.'}`,
  })
}

/** Finds a process that has recorded state. @throws UNKNOWN_PROCESS, AMBIGUOUS_NAME, NOT_A_CONTAINER */
export function findContainer(log: LogReader, input: string): ProcessInfo {
  const containers = log.processes().filter(({ container }) => container)
  const found = findByName(log, containers, input.trim()) ?? findProcess(log, input)
  if (found.container) return found
  const names = listNames(log, containers)
  throw new RetroscopeError('NOT_A_CONTAINER', `${found.name} is a ${found.type} without recorded state.`, {
    hint: names.length > 0 ? `Containers: ${toList(names)}.` : 'The recording has no container.',
  })
}

/** Shortest name that finds the process again: `cart`, or `cart@2` where two threads use it. Safe to paste into a shell
 *  where the name is. */
export function toName(log: LogReader, process: ProcessInfo): string {
  const threads = new Set(
    log
      .processes()
      .filter(({ name }) => name === process.name)
      .map(({ thread }) => thread),
  )
  return threads.size > 1 ? `${process.name}@${process.thread}` : process.name
}

/** The process that an event belongs to: the life of its subject that its pid names. */
export function findSubject(
  processes: readonly ProcessInfo[],
  ref: SubjectRef & { readonly pid?: string },
): ProcessInfo | undefined {
  let last: ProcessInfo | undefined
  for (const process of processes) {
    if (process.thread !== ref.thread || process.subject !== ref.subject) continue
    if (process.pid === ref.pid) return process
    last = process
  }
  return last
}

function findByName(log: LogReader, processes: readonly ProcessInfo[], text: string): ProcessInfo | undefined {
  const named = pickOne(
    log,
    processes.filter(({ name }) => name === text),
    text,
  )
  if (named) return named
  const at = text.lastIndexOf('@')
  if (at <= 0) return undefined
  const [name, place] = [text.slice(0, at), text.slice(at + 1)]
  const thread = log.threads().find(({ no, path }) => String(no) === place || path === place)
  return processes.findLast((process) => process.name === name && process.thread === thread?.no)
}

function pickOne(log: LogReader, found: readonly ProcessInfo[], text: string): ProcessInfo | undefined {
  const threads = new Set(found.map(({ thread }) => thread))
  if (threads.size <= 1) return found.at(-1)
  const paths = new Map(log.threads().map(({ no, path }) => [no, path]))
  const ways = [...threads].map((no) => `${text}@${no} (thread ${paths.get(no) ?? no})`)
  throw new RetroscopeError('AMBIGUOUS_NAME', `${threads.size} threads have a process ${JSON.stringify(text)}.`, {
    hint: `Name one of them: ${toList(ways)}.`,
  })
}

function findByThread(log: LogReader, processes: readonly ProcessInfo[], text: string): ProcessInfo | undefined {
  const thread = log.threads().find(({ path }) => path === text)
  return thread && processes.find((process) => process.thread === thread.no && process.subject === 0)
}

function listNames(log: LogReader, processes: readonly ProcessInfo[]): string[] {
  return [...new Set(processes.map((process) => toName(log, process)))]
}
