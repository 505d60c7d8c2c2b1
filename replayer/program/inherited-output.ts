import type { ThreadPath } from '../../src/ids.js'
import type { LogReader } from '../../src/log/reader.js'
import { readTape, type TapedThread, toCommand } from './taped-threads.js'
import { WrittenBytes } from './written-bytes.js'

/** What a child wrote to the stdout or stderr of a thread above it. */
export interface InheritedOutput {
  /** Null for a child that is no recorded thread. */
  readonly thread: ThreadPath | null
  readonly command: string
  /** Of the thread above: 1 or 2. */
  readonly fd: number
  /** Null where that is not recorded. */
  readonly bytes: number | null
}

/** What children of a thread wrote to its own stdout and stderr: a replay of the thread has no part in it. */
export async function listInherited(
  log: LogReader,
  taped: readonly TapedThread[],
  of: TapedThread,
): Promise<readonly InheritedOutput[]> {
  if (of.head.worker) return []
  const below = (path: string): boolean => path.startsWith(`${of.thread.path}.`)
  const found: InheritedOutput[] = []
  for (const child of taped) {
    if (below(child.thread.path) && !child.head.worker) found.push(...(await count(log, child, of)))
  }
  return [...found, ...(await listForeign(log, taped, of))]
}

async function count(log: LogReader, child: TapedThread, of: TapedThread): Promise<InheritedOutput[]> {
  const { thread, head } = child
  const mine = of.head.files ?? []
  const shared = [1, 2].map(
    (fd) => [fd, [1, 2].find((own) => head.files?.[fd] && head.files[fd] === mine[own])] as const,
  )
  if (shared.every(([, own]) => own === undefined)) return []
  const written = new WrittenBytes(head)
  for await (const frame of readTape(log, thread)) written.add(frame)
  const command = toCommand(head)
  return shared.flatMap(([from, fd]) => {
    const bytes = written.total[from]!
    return fd === undefined || bytes === 0 ? [] : [{ thread: thread.path, command, fd, bytes }]
  })
}

/** Children that run no Node, and those that were not recorded. */
async function listForeign(log: LogReader, taped: readonly TapedThread[], of: TapedThread): Promise<InheritedOutput[]> {
  const known = new Set<string>(taped.map(({ thread }) => thread.path))
  const found: InheritedOutput[] = []
  for await (const event of log.events({ thread: of.thread.no, kinds: ['process'] })) {
    if (event.kind !== 'process' || event.body.op !== 'child') continue
    const { path, command, inherits = [] } = event.body
    if (known.has(path)) continue
    for (const fd of inherits) found.push({ thread: null, command, fd, bytes: null })
  }
  return found
}
