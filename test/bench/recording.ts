import type { Scope } from '../../src/scope/scope.js'
import { MIX_STATE, type MixEvent } from './mix.js'

/** Events of one turn of the loop. */
const TURN = 100

/** What records the mix, through the seam that all wrappers speak to. */
export function makeRecorder({ seam }: Scope): (event: MixEvent) => void {
  const channel = seam.open({ name: 'orders', type: 'channel', channel: { transport: 'endpoint', end: 0 } })
  const cart = seam.open({ name: 'cart', type: 'store', adapter: 'store' })
  seam.init(cart, MIX_STATE)
  return (event) => {
    if (event.kind === 'message') seam.send(channel, event.payload)
    else if (event.kind === 'mark') seam.mark(event.text, event.data)
    else seam.change(cart, event)
  }
}

/** Records events as a busy server does: some, then back to the loop. */
export async function recordMany<E>(
  record: (event: E) => void,
  count: number,
  toEvent: (n: number) => E,
): Promise<void> {
  for (let n = 0; n < count; n++) {
    record(toEvent(n))
    if (n % TURN === TURN - 1) await nextTurn()
  }
}

export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
