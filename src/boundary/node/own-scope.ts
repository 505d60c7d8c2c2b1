import type { TurnNo } from './tape.js'

const { waitAsync, notify } = Atomics as typeof Atomics & {
  waitAsync(memory: Int32Array, index: number, value: number): { readonly value: Promise<string> }
}
const then = Promise.prototype.then

/** What settles a promise of the program's. */
export interface Answer {
  readonly number: number
  readonly outcome: number
  readonly value: unknown
  readonly cause: TurnNo
  settle(value: unknown): void
}

/** Hands answers to the program in a native callback scope of their own: what makes them may wake up within a turn, and
 *  several at once. */
export class OwnScope {
  readonly #write: (answers: readonly Answer[]) => void
  readonly #gate = new Int32Array(new SharedArrayBuffer(4))
  #ready: Answer[] = []

  /** @param write takes down what is about to be delivered */
  constructor(write: (answers: readonly Answer[]) => void) {
    this.#write = write
  }

  add(answer: Answer): void {
    if (this.#ready.push(answer) > 1) return
    Reflect.apply(then, waitAsync(this.#gate, 0, 0).value, [() => this.#deliver()])
    notify(this.#gate, 0)
  }

  #deliver(): void {
    const answers = this.#ready
    this.#ready = []
    this.#write(answers)
    for (const { settle, value } of answers) settle(value)
  }
}
