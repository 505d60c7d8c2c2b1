import { writeFileSync } from 'node:fs'
import { Command, InvalidArgumentError, Option } from 'commander'
import { RetroscopeError } from '../../../../src/errors.js'
import { type ProgramEvents, replayProgram, type ThreadOutcome } from '../../../program/replay-program.js'
import { type ReplayOutcome, replay } from '../../../replay.js'
import { EXIT } from '../exit-codes.js'
import { flush, print, printJson, toJsonLine } from '../output.js'
import { MISSED, toHeldText, toProgramText, toStartText } from '../program-text.js'
import { toSafe } from '../terminal.js'
import { toValueText } from '../value-text.js'
import { toVerdictText } from '../verdict-text.js'

interface Asked extends Omit<Options, 'inspect'> {
  readonly inspect?: number | true
}

interface Options {
  readonly session?: string
  readonly thread?: string
  readonly all?: true
  readonly sources: 'recorded' | 'local'
  readonly trust?: true
  readonly trace?: true
  readonly node?: string
  readonly until?: string
  readonly inspect?: number
  readonly module?: string
  readonly turnTimeout: number
  readonly verdict?: string
  readonly json?: true
}

export function defineReplay(): Command {
  return new Command('replay')
    .description('Runs a recorded program or session again, fed with what it got, and says where it differs.')
    .argument('<recording>', 'a directory or a packed file NAME.retro')
    .option('--session <name>', 'the session to run; needed when there are several')
    .option('--thread <path>', 'of a program: the thread to run; without it the one that failed, else the first')
    .option('--all', 'of a program: every thread that can be run; what they write comes in its recorded order')
    .addOption(
      new Option('--sources <which>', 'of a program: run the recorded source files, or those that stand here')
        .choices(['recorded', 'local'])
        .default('recorded'),
    )
    .option(
      '--trust',
      'of a program: run recorded sources though they do not stand here as they were; beside local ones, to show what they did where these differ; of a session: run the module that a recording from elsewhere names',
    )
    .option('--trace', 'of a program: derive what its channels and containers did, and keep it with the recording')
    .option('--node <path>', 'of a program: the Node binary that runs it, of the version that recorded it')
    .option('--until <moment>', 'stop after the turn of 812, @55, +3.2s, -2s, an ISO time, start, end, crash')
    .option(
      '--inspect [port]',
      'of a program: stop in front of that turn, else at its first line, for a debugger (default port: 9229)',
      toPort,
    )
    .option('--module <file>', "the session's module, where it doesn't lie where it lay")
    .option('--turn-timeout <ms>', 'a turn that runs longer is a divergence', toMilliseconds, 10_000)
    .option('--verdict <file>', 'write the verdict there; stdout is the session’s own')
    .option('--json', 'one JSON object (replayer/faces/cli/JSON.md); the session’s output goes to stderr')
    .addHelpText(
      'after',
      '\nExit code: 0 exact, 1 refused, 3 diverged.\n\nExamples:\n  retroscope record -o run.retro -- node app.js && retroscope replay run.retro\n  retroscope replay failing.retro --trust\n  retroscope replay failing.retro --sources local\n  retroscope replay checkout.retro --session shop\n  retroscope replay run.retro --until @55\n  retroscope replay run.retro --until @55 --inspect\n  retroscope replay run.retro --inspect=9230',
    )
    .action(async (path: string, asked: Asked) => {
      const options = toOptions(asked)
      if (options.session === undefined) {
        const outcomes = await replayProgram(path, options, toEvents(options))
        if (outcomes) return reportProgram(path, outcomes, options)
      }
      if (options.inspect !== undefined) {
        throw new RetroscopeError('USAGE', '--inspect is for whole programs: there is none in this recording.', {
          hint: 'Record one with: retroscope record -- node app.js',
        })
      }
      const outcome = await replay(path, {
        turnTimeoutMs: options.turnTimeout,
        output: options.json ? 'stderr' : 'stdout',
        ...(options.session !== undefined && { session: options.session }),
        ...(options.until !== undefined && { until: options.until }),
        ...(options.trust && { trust: true }),
        ...(options.module !== undefined && { module: toPath(options.module) }),
      })
      try {
        await report(path, outcome, options)
        await flush()
      } finally {
        await outcome.close()
      }
      if (outcome.verdict.kind === 'diverged') process.exitCode = EXIT.diverged
    })
}

/** The first line on stderr names the thread: its output follows, byte for byte. */
function toEvents(options: Options): ProgramEvents {
  const isQuiet = options.json || options.verdict !== undefined
  return {
    onStart: (thread) => {
      if (!isQuiet) process.stderr.write(`${toSafe(toStartText(thread))}\n`)
    },
    onHeld: (place, address) => {
      process.stderr.write(`${toSafe(toHeldText(place, address))}\n`)
    },
    onMissed: () => {
      process.stderr.write(`${MISSED}\n`)
    },
    onDebugger: () => {
      process.stderr.write('Debugger attached.\n')
    },
    onOutput: (fd, bytes) =>
      new Promise((done) => {
        const stream = fd === 2 ? process.stderr : process.stdout
        stream.write(bytes, () => done())
      }),
  }
}

async function reportProgram(path: string, outcomes: readonly ThreadOutcome[], options: Options): Promise<void> {
  const answer = { threads: outcomes }
  const text = outcomes.map((outcome) => toProgramText(path, outcome, options.sources)).join('\n')
  if (options.verdict !== undefined) {
    writeFileSync(options.verdict, `${options.json ? toJsonLine(answer) : text}\n`)
  } else process.stderr.write(`${options.json ? toJsonLine(answer) : toSafe(text)}\n`)
  const kinds = outcomes.map(({ verdict }) => verdict.kind)
  if (kinds.includes('diverged')) process.exitCode = EXIT.diverged
  else if (kinds.includes('refused')) process.exitCode = EXIT.failed
}

async function report(path: string, outcome: ReplayOutcome, options: Options): Promise<void> {
  const text = options.json ? toJsonLine(toAnswer(outcome)) : toText(path, outcome)
  if (options.verdict !== undefined) writeFileSync(options.verdict, `${text}\n`)
  else if (options.json) await printJson(toAnswer(outcome))
  else await print(text)
}

function toText(recording: string, outcome: ReplayOutcome): string {
  const { session, verdict, at, recorded, live } = outcome
  const lines = [toVerdictText(verdict, { recording, session, containers: Object.keys(recorded) })]
  if (verdict.kind !== 'stopped') return toSafe(lines.join('\n'))
  for (const [name, answer] of Object.entries(recorded)) {
    const state = answer.ok ? `recorded, after event ${answer.seq}` : `recorded: ${answer.detail}`
    lines.push('', `${name} (${state}):`, ...(answer.ok ? [toValueText(answer.state)] : []))
    if (name in live) lines.push('', `${name} (replayed, at the end of turn @${at?.turn}):`, toValueText(live[name]))
  }
  return lines.map(toSafe).join('\n')
}

function toAnswer({ session, verdict, at, recorded, live }: ReplayOutcome): object {
  return { session, verdict, at, recorded, live }
}

/** On the command line a bare name is a file. */
function toPath(file: string): string {
  return /^(file:|\.|\/)/.test(file) ? file : `./${file}`
}

function toMilliseconds(text: string): number {
  if (!/^[1-9]\d*$/.test(text)) throw new InvalidArgumentError('It is a number of milliseconds, such as 10000.')
  return Number(text)
}

const INSPECTOR_PORT = 9229

/** @throws USAGE */
function toOptions({ inspect, ...asked }: Asked): Options {
  if (inspect === undefined) return asked
  for (const name of ['all', 'session', 'trace'] as const) {
    if (asked[name] === undefined) continue
    throw new RetroscopeError('USAGE', `--inspect is for one thread of a program; --${name} asks for something else.`, {
      hint: 'Leave one of them out.',
    })
  }
  return { ...asked, inspect: inspect === true ? INSPECTOR_PORT : inspect }
}

function toPort(text: string): number {
  if (/^\d{1,5}$/.test(text) && Number(text) < 65536) return Number(text)
  throw new InvalidArgumentError('It is a port, as in --inspect=9229; without one it stands behind the recording.')
}
