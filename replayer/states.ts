import type { Seq } from '../src/ids.js'
import type { LogReader, ProcessInfo, StateAnswer } from '../src/log/reader.js'
import { toEventName } from './event-names.js'

/** State after `seq`. Where the container has none yet, the answer says when its first came. */
export async function loadStateAt(log: LogReader, container: ProcessInfo, seq: Seq): Promise<StateAnswer> {
  const answer = await log.stateAt(container, seq)
  if (answer.ok || answer.error !== 'not_found') return answer
  for await (const first of log.deltas(container, { from: seq })) {
    return { ...answer, detail: `${answer.detail}; its first is at ${toEventName(log.position(first.seq))}` }
  }
  return answer
}
