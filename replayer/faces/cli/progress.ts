/** Work that is done sooner needs no bar. */
const AFTER_MS = 400
const EVERY_MS = 100

/** Says on stderr how far long work is, on a terminal only. */
export class Spinner {
  readonly #label: string
  readonly #shown: boolean
  #next = Date.now() + AFTER_MS
  #drawn = false

  constructor(label: string) {
    this.#label = label
    this.#shown = process.stderr.isTTY === true
  }

  /** Call it as often as you like. */
  update(how: string): void {
    if (!this.#shown) return
    const now = Date.now()
    if (now < this.#next) return
    this.#next = now + EVERY_MS
    this.#drawn = true
    process.stderr.write(`\r\u001b[K${this.#label}: ${how}`)
  }

  /** Takes the line away, so that what is printed next stands alone. */
  end(): void {
    if (this.#drawn) process.stderr.write('\r\u001b[K')
    this.#drawn = false
  }
}
