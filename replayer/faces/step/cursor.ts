import type { Event } from '../../../src/events.js'
import type { ProcessInfo, StateAnswer } from '../../../src/log/reader.js'
import type { MomentInput, Recording, WhyLink } from '../../recording.js'

/** Everything that one position of the stepper shows, read from the recording. */
export interface Position {
  readonly event: Event
  readonly first: number
  readonly end: number
  /** Process names by pid. */
  readonly names: ReadonlyMap<string, string>
  readonly before: readonly Event[]
  readonly after: readonly Event[]
  readonly container: ProcessInfo | null
  readonly state: StateAnswer | null
  /** Pointers that the event at the cursor wrote in the container shown. */
  readonly changed: readonly string[]
  readonly causes: readonly WhyLink[]
}

export interface Cursor {
  readonly containers: readonly ProcessInfo[]
  load(seq: number, container: ProcessInfo | null, rows: number): Promise<Position>
  toSeq(moment: MomentInput): Promise<number>
  /** Next event, in that direction, that changed the value at `pointer`. */
  findChange(from: number, container: ProcessInfo, pointer: string, forwards: boolean): Promise<number | undefined>
  findText(from: number, text: string, forwards: boolean): Promise<number | undefined>
}

/** Reads positions for the stepper through the same queries that everybody uses. */
export function openCursor(recording: Recording): Cursor {
  const processes = recording.getProcesses()
  const containers = processes.filter(({ container }) => container)
  const names = new Map<string, string>(processes.map(({ pid, name }) => [pid, name]))
  const span = recording.getSpan()
  const first: number = span.firstSeq
  const end = Math.max(first, span.endSeq - 1)

  return {
    containers,
    async toSeq(moment) {
      return await recording.resolve(moment)
    },
    async load(seq, container, rows) {
      const at = Math.min(Math.max(seq, first), end)
      const half = Math.ceil(rows / 2)
      const [event, before, after, state, causes] = await Promise.all([
        recording.event(at),
        take(
          recording.events({
            from: Math.max(first, at - rows),
            to: Math.max(first, at - 1),
            reverse: true,
            limit: rows,
          }),
        ),
        take(recording.events({ from: Math.min(end, at + 1), limit: rows + half })),
        container ? recording.stateAt(container.pid, at) : null,
        recording.causes(at),
      ])
      return {
        event,
        first,
        end,
        names,
        before: at === first ? [] : before.reverse(),
        after: at === end ? [] : after,
        container,
        state,
        changed: container ? toChanged(event, container) : [],
        causes,
      }
    },
    async findChange(from, container, pointer, forwards) {
      const query = forwards ? { from: from + 1 } : { to: from - 1, reverse: true }
      if (forwards ? from >= end : from <= first) return undefined
      for await (const entry of recording.history(container.pid, { ...query, path: pointer })) {
        if (forwards ? entry.seq > from : entry.seq < from) return entry.seq
      }
      return undefined
    },
    async findText(from, text, forwards) {
      if (forwards ? from >= end : from <= first) return undefined
      const query = forwards ? { from: from + 1 } : { to: from - 1, reverse: true }
      for await (const event of recording.events({ ...query, match: text, limit: 1 })) return event.seq
      return undefined
    },
  }
}

async function take<T>(source: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const item of source) all.push(item)
  return all
}

function toChanged(event: Event, container: ProcessInfo): string[] {
  if (event.kind !== 'state' || event.pid !== container.pid) return []
  if (event.body.op !== 'delta') return ['']
  return event.body.patch.flatMap((operation) =>
    operation.op === 'move' ? [operation.path, operation.from] : [operation.path],
  )
}
