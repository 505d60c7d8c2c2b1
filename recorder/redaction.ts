import { type RedactOptions, Redaction as Withheld } from '../src/redaction/redaction.js'
import { toHmac } from './originals.js'
import { report } from './report.js'

/** Hands the key down the process tree, so that equal secrets are equal in the whole recording. */
export const KEY_VARIABLE = 'RETROSCOPE_KEY'

/** What is withheld from a recording. */
export class Redaction extends Withheld {
  constructor(options: RedactOptions = {}, env: NodeJS.ProcessEnv = {}, key: Buffer = makeKey()) {
    super(options, env, key, { hash: toHmac, report })
  }
}

/** A new recording's key. */
export function makeKey(): Buffer {
  return process.getBuiltinModule('node:crypto').randomBytes(32)
}

export type { RedactOptions }
