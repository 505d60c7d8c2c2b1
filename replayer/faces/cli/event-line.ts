import type { Event } from '../../../src/events.js'
import type { ProcessInfo, ThreadInfo } from '../../../src/log/reader.js'
import { toRelative } from '../../durations.js'
import { toEventName } from '../../event-names.js'
import { toText } from '../../event-text.js'
import { findSubject } from '../../processes.js'
import { cut, getWidth } from './output.js'
import { paint, toSafeLine } from './terminal.js'

const KIND_STYLES = {
  process: 'magenta',
  message: 'cyan',
  state: 'green',
  call: 'blue',
  delivery: 'yellow',
  values: 'gray',
  output: 'gray',
  mark: 'bold',
  gap: 'red',
} as const

/** Names of one recording as its events show them. */
export class EventNames {
  readonly #processes: readonly ProcessInfo[]
  readonly #paths: ReadonlyMap<number, string>
  readonly #shared: ReadonlySet<string>

  constructor(processes: readonly ProcessInfo[], threads: readonly ThreadInfo[]) {
    this.#processes = processes
    this.#paths = new Map(threads.map(({ no, path }) => [no, path]))
    const owners = new Map<string, number>()
    const shared = new Set<string>()
    for (const { name, thread } of processes) {
      if ((owners.get(name) ?? thread) !== thread) shared.add(name)
      owners.set(name, thread)
    }
    this.#shared = shared
  }

  /** `cart`, or `cart@2` where two threads have one. */
  nameOf(event: Event): string {
    const process = findSubject(this.#processes, event)
    if (!process) return event.pid
    return this.#shared.has(process.name) ? `${process.name}@${process.thread}` : process.name
  }

  pathOf(event: Event): string {
    return this.#paths.get(event.thread) ?? String(event.thread)
  }
}

/** An event as one line: seq, time, process, kind, what happened. Safe for a terminal, cut to its width. */
export function toEventLine(event: Event, names: EventNames): string {
  const head = [
    toEventName(event).padStart(7),
    toRelative(event.timeUs).padStart(9),
    cut(toSafeLine(names.nameOf(event)), 20).padEnd(12),
    event.kind.padEnd(8),
  ]
  const plain = head.join('  ')
  const text = cut(toSafeLine(toText(event)), getWidth() - plain.length - 2)
  const [seq, time, name, kind] = head as [string, string, string, string]
  return `${paint('bold', seq)}  ${paint('gray', time)}  ${name}  ${paint(KIND_STYLES[event.kind], kind)}  ${text}`
}

/** An event as `--json` prints it: all that it carries, with its process's name and its thread's path. */
export function toEventJson(event: Event, names: EventNames): Record<string, unknown> {
  const {
    seq,
    derived,
    timeUs,
    thread,
    ordinal,
    turn,
    step,
    pid,
    subject,
    kind,
    cause,
    origin,
    late,
    coalesced,
    unpaired,
    body,
  } = event
  return {
    seq,
    ...(derived !== undefined && { derived }),
    timeUs,
    thread,
    path: names.pathOf(event),
    ordinal,
    turn,
    step,
    pid,
    subject,
    process: names.nameOf(event),
    kind,
    cause,
    origin,
    late,
    coalesced,
    unpaired,
    body,
  }
}
