import type { Native } from './internals.js'

const then = Promise.prototype.then
const nothing = (): void => {}

/** How the native side refuses a job of WebCrypto. */
const MESSAGE = 'The operation failed for an operation-specific reason'

/** The promise of a job that answers WebCrypto by itself (Node 24 and later), settled by its `ondone`. */
export function promiseDone(job: { ondone?: Native }): Promise<unknown> {
  const promise = new Promise((resolve, reject) => {
    job.ondone = (cause: unknown, value: unknown) => {
      if (cause === undefined) resolve(value)
      else reject(new DOMException(MESSAGE, { name: 'OperationError', cause } as never))
    }
  })
  // Hooks number the one too by which a recording hears of it.
  Reflect.apply(then, promise, [nothing, nothing])
  return promise
}

/** What such a promise was rejected for. */
export function toCause(error: unknown): unknown {
  return (error as { readonly cause?: unknown }).cause ?? error
}
