import type { ErrorCode } from '../../../src/errors.js'

/** Exit code of a command: 0 done, 1 failed, 2 wrong usage, 3 diverged (replay only). */
export const EXIT = { done: 0, failed: 1, usage: 2, diverged: 3 } as const

/** Total, so that a new error code does not compile before this face has an answer to it. Usage (2) is what the caller
 *  typed; failure (1) is what the recording or the system answered. */
export const EXIT_CODES: Readonly<Record<ErrorCode, number>> = {
  USAGE: EXIT.usage,
  NOT_FOUND: EXIT.failed,
  NOT_A_RECORDING: EXIT.failed,
  FORMAT_TOO_NEW: EXIT.failed,
  NO_PERMISSION: EXIT.failed,
  DAMAGED: EXIT.failed,
  WRITE_FAILED: 1,
  LOCKED: EXIT.failed,
  UNKNOWN_PROCESS: EXIT.failed,
  AMBIGUOUS_NAME: EXIT.failed,
  UNKNOWN_MOMENT: EXIT.usage,
  OUTSIDE: EXIT.failed,
  NOT_A_CONTAINER: EXIT.failed,
  UNKNOWN_SESSION: EXIT.failed,
  OBSERVED: EXIT.failed,
  BAD_POINTER: EXIT.usage,
  BAD_PATCH: EXIT.failed,
  NODE_VERSION: EXIT.failed,
  BOUNDARY_VERSION: EXIT.failed,
  UNTRUSTED: EXIT.failed,
  NO_SOURCE: EXIT.failed,
  CLOSED: EXIT.failed,
  CANNOT_START: EXIT.failed,
  EXISTS: EXIT.failed,
  UNSUPPORTED: EXIT.failed,
  INTERNAL: EXIT.failed,
}
