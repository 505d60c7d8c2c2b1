import {
  ALL_ARGUMENTS,
  type HandleClass,
  type HandlePlan,
  type RecordTools,
  type ReplayTools,
  recordHandle,
  replayHandle,
} from './handles.js'
import { recordCall, replayCall } from './synchronous.js'
import type { TapeReader, TapeWriter } from './tape.js'

interface SpawnOptions {
  readonly file?: unknown
  readonly args?: readonly string[]
  readonly envPairs?: readonly string[]
  /** What the pairs were made of. */
  readonly env?: unknown
}

type Argue = (tape: TapeReader | TapeWriter, args: ArrayLike<unknown>) => void

/** Newer Node versions (24.21, 26) hand them over one by one. */
const IN_ORDER = ['file', 'args', 'cwd', 'envPairs', 'stdio', 'flags', 'uid', 'gid']

function toOptions(args: ArrayLike<unknown>): SpawnOptions {
  if (typeof args[0] !== 'string') return (args[0] ?? {}) as SpawnOptions
  return Object.fromEntries(IN_ORDER.map((name, index) => [name, args[index]]))
}

/** What is started, with which words, and the names in its environment; of their values length and CRC, for many a
 *  secret is among them. @param hide what the program is given in a replay in the place of a secret out of its environment */
function toArgue(hide: (text: string) => string): Argue {
  return (tape, args) => {
    const { envPairs = [], args: words = [], file, env: _env, ...rest } = toOptions(args)
    tape.argument({ ...rest, file, args: words.map((word) => hide(String(word))) })
    tape.argument(envPairs.length)
    for (const pair of envPairs) {
      const at = pair.indexOf('=')
      tape.argument(pair.slice(0, at))
      tape.digest(Buffer.from(hide(pair.slice(at + 1))))
    }
  }
}

const toPlan = (argue: Argue): HandlePlan => ({
  name: 'Process',
  events: { onexit: ALL_ARGUMENTS },
  methods: {
    spawn: {
      argue,
      save: (tape, _, handle) => tape.value(handle['pid']),
      load: (tape, _, handle) => {
        const pid = tape.value()
        if (pid !== undefined) handle['pid'] = pid
      },
    },
  },
})

const SIGNAL: HandlePlan = { name: 'Signal', events: { onsignal: ALL_ARGUMENTS } }

/** Children and signals. */
export function record(tools: RecordTools): void {
  const { internals, tape } = tools
  const argue = toArgue(tools.hide)
  recordHandle(tools, internals.binding('process_wrap')['Process'] as HandleClass, toPlan(argue))
  recordHandle(tools, internals.binding('signal_wrap')['Signal'] as HandleClass, SIGNAL)
  recordCall(tape, internals.binding('spawn_sync'), 'spawn', 'spawnSync', { argue, flushes: true })
}

/** The same from the tape: nothing is started, nobody is signalled. */
export function replay(tools: ReplayTools): void {
  const { internals, tape } = tools
  const argue = toArgue((text) => text)
  replayHandle(tools, internals.binding('process_wrap')['Process'] as HandleClass, toPlan(argue))
  replayHandle(tools, internals.binding('signal_wrap')['Signal'] as HandleClass, SIGNAL)
  replayCall(tape, internals.binding('spawn_sync'), 'spawn', 'spawnSync', { argue })
}
