import type { Handle, HandleClass, RecordTools, ReplayTools } from './handles.js'
import type { ChannelHead } from './head.js'
import type { Holder, Internals } from './internals.js'
import { toState } from './streams.js'

/** Node's own end of the channel to a parent: a pipe like that of the parent, but opened before any preload. */
export function findChannel(internals: Internals): Handle | undefined {
  // Workers of a child have none.
  if (!process.channel) return undefined
  const { kChannelHandle } = internals.builtin('internal/child_process') as { kChannelHandle: symbol }
  return (process as unknown as Record<symbol, Handle | undefined>)[kChannelHandle]
}

const CLUSTER_CHILD = 'NativeModule internal/cluster/child'

/** The channel as a replay has to open it again; undefined where there is none. */
export function describeChannel(internals: Internals): ChannelHead | undefined {
  const channel = findChannel(internals)
  if (!channel) return undefined
  // The variables that said so are gone: only the parser's state still tells.
  const isAdvanced = Object.getOwnPropertySymbols(channel).some(({ description }) => description === 'kMessageBuffer')
  const { moduleLoadList } = process as unknown as { moduleLoadList: readonly string[] }
  const isWorker = moduleLoadList.includes(CLUSTER_CHILD)
  const clusterWorker = isWorker ? loadCluster().worker?.id : undefined
  return {
    serialization: isAdvanced ? 'advanced' : 'json',
    ...(clusterWorker !== undefined && { clusterWorker }),
  }
}

function loadCluster() {
  return process.getBuiltinModule('node:cluster') as unknown as { worker?: { id: number }; _setupWorker(): void }
}

/** A child's channel to its parent: what was put on it before the tape began is put there again. */
export function record({ internals, tape, numbering }: RecordTools): void {
  const channel = findChannel(internals)
  if (!channel) return
  numbering.of(channel, tape.turn)
  const { prototype } = internals.binding('pipe_wrap')['Pipe'] as HandleClass
  channel['onread'] = Reflect.get(Object.getPrototypeOf(prototype) as object, 'onread', channel) as unknown
}

interface Forked {
  _forkChild(fd: number, serialization: string): void
}

/** The same from the tape: Node wires a channel that leads nowhere. */
export function replay({ internals, numbering, tape }: ReplayTools, head: ChannelHead | undefined): void {
  if (!head) return
  const { prototype } = internals.binding('pipe_wrap')['Pipe'] as HandleClass
  const restore = silence(internals, prototype)
  tape.bypass = true
  try {
    const childProcess = process.getBuiltinModule('node:child_process') as unknown as Forked
    childProcess._forkChild(0, head.serialization)
    if (head.clusterWorker !== undefined) joinCluster(head.clusterWorker)
  } finally {
    tape.bypass = false
    restore()
  }
  numbering.of(findChannel(internals)!)
}

/** Node's cluster decides by a variable which half of it is loaded. */
function joinCluster(id: number): void {
  process.env['NODE_UNIQUE_ID'] = String(id)
  loadCluster()._setupWorker()
  delete process.env['NODE_UNIQUE_ID']
}

/** What Node did with the channel before the recorded preload ran is on no tape. @returns a function that undoes it */
function silence(internals: Internals, prototype: Holder): () => void {
  const { state, kLastWriteWasAsync } = toState(internals)
  const succeed = (): number => 0
  const write = (): number => {
    state[kLastWriteWasAsync] = 0
    return 0
  }
  const silenced: Holder = { open: succeed, unref: succeed, ref: succeed, readStart: succeed }
  Object.assign(silenced, { writeUtf8String: write, writeBuffer: write })
  const kept = Object.keys(silenced).map((name) => [name, Object.getOwnPropertyDescriptor(prototype, name)] as const)
  for (const [name, value] of Object.entries(silenced)) {
    Object.defineProperty(prototype, name, { value, configurable: true, writable: true })
  }
  return () => {
    for (const [name, descriptor] of kept) {
      if (descriptor) Object.defineProperty(prototype, name, descriptor)
      else Reflect.deleteProperty(prototype, name)
    }
  }
}
