import { Command } from 'commander'
import { Replica } from '../../../../src/json/patch.js'
import { findAt } from '../../../../src/json/pointer.js'
import { preview } from '../../../../src/values/preview.js'
import { toPlural } from '../../../durations.js'
import type { DiffAnswer } from '../../../recording.js'
import { DERIVE_OPTION } from '../derivation.js'
import { printFailure } from '../failure.js'
import { print, printJson } from '../output.js'
import { withRecording } from '../query.js'
import { paint, toSafeLine } from '../terminal.js'

interface Options {
  readonly derive?: true
  readonly from: string
  readonly to: string
  readonly thread?: string
  readonly json?: true
}

const VALUE_LENGTH = 400

export function defineDiff(): Command {
  return new Command('diff')
    .description('What changed in a container between two moments.')
    .argument('<recording>', 'a directory or a packed file NAME.retro')
    .argument('<container>', 'its name, or its id such as 0.3.0')
    .option(
      '--from <moment>',
      'a moment: 812, @55, +3.2s, -2s (before the end), an ISO time, start, end, crash',
      'start',
    )
    .option('--to <moment>', 'the other moment', 'end')
    .option('--thread <path>', 'the thread whose turns @55 counts')
    .option(...DERIVE_OPTION)
    .option('--json', 'one JSON object (replayer/faces/cli/JSON.md)')
    .addHelpText('after', '\nExample:\n  retroscope diff checkout.retro cart --from @811 --to @812')
    .action((path: string, container: string, options: Options) =>
      withRecording(
        path,
        async (recording) => {
          const { name, pid } = await recording.process(container)
          const thread = { thread: options.thread }
          const [from, to] = [
            await recording.resolve(options.from, thread),
            await recording.resolve(options.to, thread),
          ]
          const answer = await recording.diff(container, from, to)
          if (!answer.ok) return printFailure(`${name} from ${from} to ${to}`, answer, options.json === true)
          if (options.json) return printJson({ container: name, pid, ...answer })
          await print(`${name} from ${from} to ${to}: ${toPlural(answer.patch.length, 'operation')}`)
          await printOperations(answer)
        },
        { derive: options.derive, of: container },
      ),
    )
}

/** Each operation as RFC 6902 has it, and below it what stood there and what stands there then. */
async function printOperations({ before, patch }: Extract<DiffAnswer, { ok: true }>): Promise<void> {
  // An operation means the document that the ones before it left.
  const replica = new Replica(before)
  for (const operation of patch) {
    const { op, path } = operation
    const head = 'from' in operation ? `${op} ${operation.from} to ${path}` : `${op} ${path || '(whole)'}`
    await print('')
    await print(paint('bold', toSafeLine(head)))
    const old = op === 'replace' || op === 'remove' ? findAt(replica.snapshot(), path) : undefined
    if (old) await print(paint('red', `  - ${show(old.value)}`))
    if ('value' in operation) await print(paint('green', `  + ${show(operation.value)}`))
    replica.apply([operation])
  }
}

function show(value: unknown): string {
  return toSafeLine(preview(value, VALUE_LENGTH))
}
