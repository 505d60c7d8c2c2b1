import type { Driver } from './driver.js'

/** Logs how this thread ends: an error that nobody catches, its exit code. Changes nothing of what happens then: the
 *  monitor event runs before any handler and decides nothing. @returns a function that takes the listeners away */
export function watchLife(driver: Driver): () => void {
  const onError = (error: unknown, reason: string): void => {
    if (isCaught()) driver.mark(`${reason} handled by the program`, { error })
    else driver.crash(reason, error)
  }
  const onExit = (code: number): void => driver.exit(code)
  // Our two must not be what makes Node warn of too many listeners.
  const limit = process.getMaxListeners()
  if (limit > 0) process.setMaxListeners(limit + 1)
  process.on('uncaughtExceptionMonitor', onError)
  process.on('exit', onExit)
  return () => {
    process.off('uncaughtExceptionMonitor', onError)
    process.off('exit', onExit)
    if (limit > 0 && process.getMaxListeners() === limit + 1) process.setMaxListeners(limit)
  }
}

/** Whether the program goes on after an uncaught error. */
function isCaught(): boolean {
  return process.listenerCount('uncaughtException') > 0 || process.hasUncaughtExceptionCaptureCallback()
}
