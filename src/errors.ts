/** Every error this package can raise, with what it means. A code never changes its meaning. */
export const ERROR_CODES = {
  USAGE: 'an option or argument is wrong',
  NOT_FOUND: 'there is no such file or directory',
  NOT_A_RECORDING: 'the file or directory exists and is no recording',
  FORMAT_TOO_NEW: 'the recording was made by a newer format than this version reads',
  NO_PERMISSION: 'the system refuses access',
  DAMAGED: 'stored bytes fail their checksum or their structure',
  WRITE_FAILED: 'the system refuses to write: the disk is full, or fails',
  LOCKED: 'another collector owns this recording',
  UNKNOWN_PROCESS: 'the recording has no process of that name or id',
  AMBIGUOUS_NAME: 'the name belongs to more than one process',
  UNKNOWN_MOMENT: 'the text names no moment',
  OUTSIDE: 'the moment lies outside the recording',
  NOT_A_CONTAINER: 'the process has no recorded state',
  UNKNOWN_SESSION: 'the recording has no session of that name',
  OBSERVED: 'the session or recording can be looked at but not re-executed',
  BAD_POINTER: 'not an RFC 6901 pointer, or it points at nothing',
  BAD_PATCH: 'not an RFC 6902 patch, or it does not apply',
  NODE_VERSION: 'the recording belongs to another Node version',
  BOUNDARY_VERSION: 'the recording belongs to another version of this package’s boundary',
  UNTRUSTED: 'to run it would run code that does not stand here',
  NO_SOURCE: 'a source is neither in the recording nor here as it was',
  CLOSED: 'the scope or recording was already stopped or closed',
  CANNOT_START: 'the command could not be started',
  EXISTS: 'the target exists already',
  UNSUPPORTED: 'this value, store or endpoint cannot be wrapped',
  INTERNAL: 'a bug of this package',
} as const

export type ErrorCode = keyof typeof ERROR_CODES

const MARK = Symbol.for('retroscope.error.v1')

/** The one error class. The message says what happened, with values; `hint` says what to do next. */
export class RetroscopeError extends Error {
  override readonly name = 'RetroscopeError'
  readonly code: ErrorCode
  readonly hint: string | undefined

  constructor(code: ErrorCode, message: string, options: { hint?: string; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.hint = options.hint
    Object.defineProperty(this, MARK, { value: true })
  }
}

/** Guards by symbol, so that an error of a second copy of this package is recognised too. */
export function isRetroscopeError(value: unknown): value is RetroscopeError {
  return typeof value === 'object' && value !== null && MARK in value
}

/** For the `default` of a switch over a closed union. */
export function assertNever(value: never): never {
  throw new RetroscopeError('INTERNAL', `unexpected value ${JSON.stringify(value)}`)
}
