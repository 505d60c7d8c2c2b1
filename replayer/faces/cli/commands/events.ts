import { setTimeout as wait } from 'node:timers/promises'
import { Command } from 'commander'
import { RetroscopeError } from '../../../../src/errors.js'
import type { Event, EventKind } from '../../../../src/events.js'
import type { EventQuery, Recording } from '../../../recording.js'
import { DERIVE_OPTION } from '../derivation.js'
import { EventNames, toEventJson, toEventLine } from '../event-line.js'
import { flush, print, printJson } from '../output.js'
import { noteNothing, resolveRange, toKinds, toLimit, withRecording } from '../query.js'

interface Options {
  readonly derive?: true
  readonly from?: string
  readonly to?: string
  readonly kind?: EventKind[]
  readonly process?: string
  readonly thread?: string
  readonly match?: string
  readonly limit?: number
  readonly reverse?: true
  readonly follow?: true
  readonly json?: true
}

/** How often a recording that is being written is looked at again. */
const FOLLOW_MS = 100

export function defineEvents(): Command {
  return new Command('events')
    .description('The events of a recording, in order, one per line.')
    .argument('<recording>', 'a directory or a packed file NAME.retro')
    .option('--from <moment>', 'first moment: 812, @55, +3.2s, -2s (before the end), an ISO time, start, end, crash')
    .option('--to <moment>', 'last moment, inclusive')
    .option('--kind <kind>', 'only this kind (several: a,b)', toKinds)
    .option('--process <name>', 'only this process: its name, or its id such as 0.17.0')
    .option('--thread <path>', 'only this thread, such as 0.2; @55 then counts its turns')
    .option('--match <text>', 'only events whose line contains this text')
    .option('--limit <count>', 'at most this many', toLimit)
    .option('--reverse', 'the latest first')
    .option('--follow', 'go on while the recording is being written')
    .option(...DERIVE_OPTION)
    .option('--json', 'JSON Lines (replayer/faces/cli/JSON.md)')
    .addHelpText(
      'after',
      '\nExamples:\n  retroscope events checkout.retro --process cart --from -2s\n  retroscope events checkout.retro --kind state --match total --limit 20',
    )
    .action((path: string, options: Options) => {
      if (options.follow && options.reverse) {
        throw new RetroscopeError('USAGE', '--follow and --reverse exclude each other.', {
          hint: 'Leave one of them out.',
        })
      }
      return withRecording(
        path,
        (recording) => (options.follow ? follow(recording, options) : list(recording, options)),
        { derive: options.derive, of: options.process },
      )
    })
}

async function list(recording: Recording, options: Options): Promise<void> {
  const names = toNames(recording)
  let isEmpty = true
  for await (const event of recording.events({ ...toQuery(options), ...(await resolveRange(recording, options)) })) {
    isEmpty = false
    await printEvent(event, names, options)
  }
  if (isEmpty && options.limit !== 0 && !options.json) noteNothing('No event is like that.')
}

/** Prints what is there, then what comes, until the recording has ended. */
async function follow(recording: Recording, options: Options): Promise<void> {
  let left = options.limit ?? Number.POSITIVE_INFINITY
  let next: number | undefined
  for (;;) {
    const running = recording.isRunning()
    await recording.refresh()
    const { endSeq } = recording.getSpan()
    const from = next ?? options.from
    if (endSeq > (next ?? 0)) {
      const names = toNames(recording)
      const query = { ...toQuery(options), ...(from === undefined ? {} : { from }), limit: left }
      for await (const event of recording.events(query)) {
        await printEvent(event, names, options)
        if (--left <= 0) return
      }
      next = endSeq
    }
    await flush()
    if (!running) return
    await wait(FOLLOW_MS)
  }
}

function toNames(recording: Recording): EventNames {
  return new EventNames(recording.getProcesses(), recording.getThreads())
}

async function printEvent(event: Event, names: EventNames, options: Options): Promise<void> {
  if (options.json) await printJson(toEventJson(event, names))
  else await print(toEventLine(event, names))
}

function toQuery({ from, to, kind, process, thread, match, limit, reverse }: Options): EventQuery {
  return {
    ...(from === undefined ? {} : { from }),
    ...(to === undefined ? {} : { to }),
    ...(kind === undefined ? {} : { kinds: kind }),
    ...(process === undefined ? {} : { process }),
    ...(thread === undefined ? {} : { thread }),
    ...(match === undefined ? {} : { match }),
    ...(limit === undefined ? {} : { limit }),
    ...(reverse ? { reverse } : {}),
  }
}
