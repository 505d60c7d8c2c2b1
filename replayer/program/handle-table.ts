/** The program's handles by their numbers. To be made before a program's own weak references are stood in for. */
export class HandleTable {
  readonly #open = new Map<number, object>()
  readonly #closed = new Map<number, WeakRef<object>>()
  readonly #collected = new FinalizationRegistry<number>((number) => this.#closed.delete(number))
  readonly #Reference = WeakRef
  readonly #deref = WeakRef.prototype.deref as (this: WeakRef<object>) => object | undefined

  add(number: number, handle: object): void {
    this.#open.set(number, handle)
  }

  find(number: number): object | undefined {
    const handle = this.#open.get(number)
    if (handle) return handle
    const reference = this.#closed.get(number)
    return reference && Reflect.apply(this.#deref, reference, [])
  }

  /** The native side would not hold it any longer. It is found while the program keeps it. */
  release(number: number): void {
    const handle = this.#open.get(number)
    if (!handle) return
    this.#open.delete(number)
    this.#closed.set(number, new this.#Reference(handle))
    this.#collected.register(handle, number)
  }
}
