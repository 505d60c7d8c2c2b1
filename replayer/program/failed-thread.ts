import type { EventOf } from '../../src/events.js'
import type { ThreadNo, ThreadPath } from '../../src/ids.js'
import type { LogReader, ThreadInfo } from '../../src/log/reader.js'

/** A thread that ended with an error that nobody caught, or with a code that is not 0. */
export interface FailedThread {
  readonly no: ThreadNo
  readonly path: ThreadPath
  /** In words: `exit code 1`. */
  readonly how: string
}

interface Failure extends FailedThread {
  /** Seq of its last sign of failure. */
  at: number
  code: number
  stack: string | undefined
}

/** The thread that made the command fail: the last with an uncaught error, or with an exit code that it did not merely
 *  pass on from a child. Undefined where the command ended well: what a parent took care of is no failure of it. */
export async function findFailedThread(log: LogReader): Promise<FailedThread | undefined> {
  const failures = new Map<ThreadNo, Failure>()
  for await (const event of log.events({ kinds: ['process'] })) {
    if (event.kind === 'process' && event.subject === 0) note(failures, log, event)
  }
  const all = [...failures.values()]
  const paths = log.threads().map(({ path }) => path)
  const isCaredFor = ({ path }: Failure): boolean =>
    paths.some((above) => path.startsWith(`${above}.`) && !all.some((one) => one.path === above))
  const uncared = all.filter((one) => !isCaredFor(one))
  const own = uncared.filter((one) => !uncared.some((other) => isBelow(other, one) && isPassedOn(other, one)))
  return own.sort((a, b) => a.at - b.at).at(-1)
}

/** What a thread's parent saw counts, too: its last listeners of `exit` set the code behind our back. */
function note(failures: Map<ThreadNo, Failure>, log: LogReader, { thread, seq, body }: EventOf<'process'>): void {
  const own = (one: ThreadInfo): boolean => (body.op === 'childExit' ? one.path === body.path : one.no === thread)
  const found = log.threads().find(own)
  if (!found || (body.op === 'childExit' && isTerminated(found))) return
  const { no, path } = found
  const known = failures.get(no)
  if (body.op === 'crash') {
    const how = `an uncaught ${body.error?.name ?? 'error'}`
    failures.set(no, { no, path, how, at: seq, code: 1, stack: body.error?.stack })
  } else if ((body.op === 'exit' || body.op === 'childExit') && body.code) {
    if (known) known.code = body.code
    else
      failures.set(no, {
        no,
        path,
        how: `exit code ${body.code}`,
        at: seq,
        code: body.code,
        stack: undefined,
      })
  }
}

/** A worker that its parent ends has exit code 1, which says nothing of it. */
function isTerminated({ record, ended }: ThreadInfo): boolean {
  return record?.type === 'worker' && ended === 'killed'
}

function isBelow(one: Failure, other: Failure): boolean {
  return one.path.startsWith(`${other.path}.`) && one.at < other.at
}

/** A parent ends with its child's code, or dies of its worker's error. */
function isPassedOn(child: Failure, parent: Failure): boolean {
  if (parent.stack === undefined) return child.code === parent.code
  return child.stack !== undefined && child.stack === parent.stack
}
