import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'

type Ended = readonly [code: number | null, signal: NodeJS.Signals | null]

const SIGNALS: readonly NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGHUP']

/** The end of a child. A signal that ends this process ends the child first, whatever that waits for: a terminal gives it to
 *  both, and either may be quicker.
 *  @param clean what else is to be done then */
export async function awaitEnd(child: ChildProcess, clean: () => void): Promise<Ended> {
  let met: NodeJS.Signals | undefined
  const end = (signal: NodeJS.Signals): void => {
    met = signal
    child.kill('SIGKILL')
  }
  for (const signal of SIGNALS) process.on(signal, end)
  const [code, signal] = (await once(child, 'close')) as unknown as Ended
  for (const one of SIGNALS) process.off(one, end)
  const deadly = met ?? SIGNALS.find((one) => one === signal)
  if (deadly === undefined) return [code, signal]
  clean()
  process.kill(process.pid, deadly)
  return new Promise(() => {})
}
