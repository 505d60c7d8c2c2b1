import type { Native } from './internals.js'

/** How the native side refuses a job of WebCrypto. */
const MESSAGE = 'The operation failed for an operation-specific reason'

/** The promise of a job that answers WebCrypto by itself (Node 24 and later), settled by its `ondone`. */
export function promiseDone(job: { ondone?: Native }): Promise<unknown> {
  return new Promise((resolve, reject) => {
    job.ondone = (cause: unknown, value: unknown) => {
      if (cause === undefined) resolve(value)
      else reject(new DOMException(MESSAGE, { name: 'OperationError', cause } as never))
    }
  })
}

/** What such a promise was rejected for. */
export function toCause(error: unknown): unknown {
  return (error as { readonly cause?: unknown }).cause ?? error
}
