import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'

type Ended = readonly [code: number | null, signal: NodeJS.Signals | null]

const SIGNALS: readonly NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGHUP']

/** A signal has come that ends this process. Whoever lets it out raises it again, when all is put away. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted'
  readonly signal: NodeJS.Signals

  constructor(signal: NodeJS.Signals) {
    super(`${signal} came`)
    this.signal = signal
  }
}

/** A signal that would end this process while work leaves files behind: it is thrown where the work next asks. The same
 *  one a second time ends the process at once. */
export class Interruption {
  #met: NodeJS.Signals | undefined
  #child: ChildProcess | undefined
  #fail = (_error: Interrupted): void => {}
  readonly #comes = new Promise<never>((_, fail) => {
    this.#fail = fail
  })

  /** @throws Interrupted, whatever the work came to, and what that throws */
  static async during<T>(work: (interruption: Interruption) => Promise<T>): Promise<T> {
    const interruption = new Interruption()
    const meet = (signal: NodeJS.Signals): void => interruption.#meet(signal)
    for (const signal of SIGNALS) process.once(signal, meet)
    try {
      return await work(interruption)
    } finally {
      for (const signal of SIGNALS) process.off(signal, meet)
      interruption.check()
    }
  }

  private constructor() {
    this.#comes.catch(() => {})
  }

  /** @throws Interrupted */
  check(): void {
    if (this.#met) throw new Interrupted(this.#met)
  }

  /** What waits for somebody who may never come.
   *  @throws Interrupted */
  race<T>(waited: Promise<T>): Promise<T> {
    return Promise.race([this.#comes, waited])
  }

  /** The end of a child. A signal ends the child first, whatever that waits for: a terminal gives it to both, and either
   *  may be quicker.
   *  @throws Interrupted */
  async awaitEnd(child: ChildProcess): Promise<Ended> {
    this.#child = child
    if (this.#met) child.kill('SIGKILL')
    try {
      const [code, signal] = (await once(child, 'close')) as unknown as Ended
      this.#met ??= SIGNALS.find((one) => one === signal)
      this.check()
      return [code, signal]
    } finally {
      this.#child = undefined
    }
  }

  #meet(signal: NodeJS.Signals): void {
    this.#met ??= signal
    this.#child?.kill('SIGKILL')
    this.#fail(new Interrupted(signal))
  }
}
