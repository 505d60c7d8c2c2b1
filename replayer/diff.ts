import type { Seq } from '../src/ids.js'
import { diffValues } from '../src/json/diff-values.js'
import type { LogReader, ProcessInfo } from '../src/log/reader.js'
import { toEventMoment } from './event-names.js'
import type { DiffAnswer } from './recording.js'
import { loadStateAt } from './states.js'

/** What turns the state after `from` into the state after `to`, as RFC 6902 operations, with both states. Where the
 *  container began after `from`, its first state is what `to` is compared with, and the answer's `from` says so. */
export async function diffStates(log: LogReader, container: ProcessInfo, from: Seq, to: Seq): Promise<DiffAnswer> {
  const start = (await findBirth(log, container, { from, to })) ?? from
  const before = await loadStateAt(log, container, start)
  if (!before.ok) return before
  const after = await loadStateAt(log, container, to)
  if (!after.ok) return after
  const patch = diffValues(before.state, after.state)
  const [first, last] = [toEventMoment(log.position(start)), toEventMoment(log.position(to))]
  return { ok: true, from: first, to: last, patch, before: before.state, after: after.state }
}

/** Seq of the container's first state where that lies between the two. */
async function findBirth(
  log: LogReader,
  container: ProcessInfo,
  { from, to }: { readonly from: Seq; readonly to: Seq },
): Promise<Seq | undefined> {
  if (container.spawnedAt <= from || to <= from) return undefined
  for await (const { seq } of log.deltas(container, { from, to })) return seq
  return undefined
}
