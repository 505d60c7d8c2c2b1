import type { Event } from '../../../src/events.js'
import type { ProcessInfo, StateAnswer } from '../../../src/log/reader.js'
import { type EventName, toEventMoment } from '../../event-names.js'
import type { MomentInput, Recording, WhyLink } from '../../recording.js'

/** Everything that one position of the stepper shows, read from the recording. */
export interface Position {
  readonly event: Event
  readonly first: EventName
  readonly end: EventName
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
  load(at: MomentInput, container: ProcessInfo | null, rows: number): Promise<Position>
  /** Finds a moment that somebody typed. */
  resolve(moment: MomentInput): Promise<EventName>
  /** The event that stands `by` events behind that one, or before it. */
  move(from: EventName, by: number): Promise<EventName>
  /** Next event, in that direction, that changed the value at `pointer`. */
  findChange(
    from: EventName,
    container: ProcessInfo,
    pointer: string,
    forwards: boolean,
  ): Promise<EventName | undefined>
  findText(from: EventName, text: string, forwards: boolean): Promise<EventName | undefined>
}

/** Reads positions for the stepper through the same queries that everybody uses. */
export function openCursor(recording: Recording): Cursor {
  const processes = recording.getProcesses()
  const containers = processes.filter(({ container }) => container)
  const names = new Map<string, string>(processes.map(({ pid, name }) => [pid, name]))

  /** The rest of the recording from there, without the event itself; undefined at its end. */
  const toRest = async (from: EventName, forwards: boolean) => {
    const next = await recording.move(from, forwards ? 1 : -1)
    if (next === from) return undefined
    return forwards ? { from: next } : { to: next, reverse: true }
  }

  return {
    containers,
    resolve: (moment) => recording.resolve(moment),
    move: (from, by) => recording.move(from, by),
    async load(moment, container, rows) {
      const at = await recording.resolve(moment)
      const half = Math.ceil(rows / 2)
      const [first, end] = [await recording.resolve('start'), await recording.resolve('end')]
      const [back, on] = [await toRest(at, false), await toRest(at, true)]
      const [event, before, after, state, causes] = await Promise.all([
        recording.event(at),
        back ? take(recording.events({ ...back, limit: rows })) : [],
        on ? take(recording.events({ ...on, limit: rows + half })) : [],
        container ? recording.stateAt(container.pid, at) : null,
        recording.causes(at),
      ])
      return {
        event,
        first,
        end,
        names,
        before: before.reverse(),
        after,
        container,
        state,
        changed: container ? toChanged(event, container) : [],
        causes,
      }
    },
    async findChange(from, container, pointer, forwards) {
      const rest = await toRest(from, forwards)
      if (!rest) return undefined
      for await (const entry of recording.history(container.pid, { ...rest, path: pointer }))
        return toEventMoment(entry)
      return undefined
    },
    async findText(from, text, forwards) {
      const rest = await toRest(from, forwards)
      if (!rest) return undefined
      for await (const event of recording.events({ ...rest, match: text, limit: 1 })) return toEventMoment(event)
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
