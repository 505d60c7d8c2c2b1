import type { StateAnswer } from '../../../src/log/reader.js'
import { EXIT } from './exit-codes.js'
import { flush, printJson } from './output.js'
import { paintError, toSafe } from './terminal.js'

type Failure =
  | Extract<StateAnswer, { ok: false }>
  | { readonly ok: false; readonly error: 'never_written'; readonly detail: string }

const WORDS: Readonly<Record<Failure['error'], string>> = {
  not_found: 'no state at that moment',
  pruned: 'the recording no longer holds it',
  exited: 'it had ended by then',
  incomplete: 'events are missing before that moment',
  damaged: 'stored bytes it needs are damaged',
  never_written: 'never written',
}

/** Answers a question that has no answer: in words on stderr, or as JSON on stdout; the exit code says failed. */
export async function printFailure(subject: string, failure: Failure, json: boolean): Promise<void> {
  process.exitCode = EXIT.failed
  if (json) return printJson(failure)
  await flush()
  process.stderr.write(
    `${paintError('red', 'retroscope:')} ${toSafe(`${subject}: ${WORDS[failure.error]}: ${failure.detail}`)}\n`,
  )
}
