import { RetroscopeError } from '../../../src/errors.js'
import { deriveMissing } from '../../derived/derive.js'
import { openRecording } from '../../open.js'
import type { ProcessInput, Recording } from '../../recording.js'
import { toWord } from './shell-word.js'

/** What a question needs, and whether the recorded program may be run again for it. */
export interface Deriving {
  readonly derive?: true | undefined
  /** The process that is asked for. */
  readonly of?: ProcessInput | undefined
}

export const DERIVE_OPTION = [
  '--derive',
  'where only inputs were recorded: run the program again to answer (kept, so that it is run once)',
] as const

/** Opens a recording for a question. Nothing is run that was not asked for.
 *  @throws NOT_A_CONTAINER where the answer has to be derived first, with how */
export async function openForQuestion(path: string, { derive, of }: Deriving): Promise<Recording> {
  const recording = await openRecording(path)
  const name = of === undefined ? undefined : await findUnderived(recording, of)
  if (name === undefined) return recording
  await recording.close()
  if (!derive) {
    throw new RetroscopeError('NOT_A_CONTAINER', `What ${name} did was not recorded, only the inputs of its program.`, {
      hint: `It can be derived, which runs the program again: retroscope replay ${toWord(path)} --trace, or add --derive.`,
    })
  }
  if (process.stderr.isTTY) process.stderr.write(`running the program again to derive what ${name} did …\r`)
  try {
    await deriveMissing(path)
  } finally {
    if (process.stderr.isTTY) process.stderr.write('\u001b[K')
  }
  return openRecording(path)
}

/** Name of the process, where what it did is neither recorded nor derived and can be. */
async function findUnderived(recording: Recording, input: ProcessInput): Promise<string | undefined> {
  let found: Awaited<ReturnType<Recording['process']>>
  try {
    found = await recording.process(input)
  } catch {
    // The question itself says what exists.
    return undefined
  }
  const thread = recording.getThreads().find(({ no }) => no === found.thread)
  if (thread?.record?.level !== 'off' || recording.getDerivedThreads().includes(found.thread)) return undefined
  return found.subject === 0 ? undefined : found.name
}
