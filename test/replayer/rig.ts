import { join } from 'node:path'
import { legacy_createStore, type Store } from 'redux'
import type { Test } from 'tap'
import { type Scope, type SetupOptions, setup } from '../../recorder/index.js'
import { openRecording } from '../../replayer/index.js'
import type { Recording, WhyAnswer, WhyLink } from '../../replayer/recording.js'
import type { Event } from '../../src/events.js'
import type { Endpoint } from '../../src/scope/scope.js'

/** The world outside: hands messages in and keeps what came out. */
export class Outside implements Endpoint {
  readonly sent: unknown[] = []
  readonly #handlers = new Set<(message: unknown) => unknown>()

  send(message: unknown): void {
    this.sent.push(message)
  }

  onMessage(handler: (message: unknown) => unknown): () => void {
    this.#handlers.add(handler)
    return () => this.#handlers.delete(handler)
  }

  deliver(message: unknown): void {
    for (const handler of this.#handlers) handler(message)
  }
}

export type Cart = Store<{ readonly items: readonly string[]; readonly total: number }, CartAction>
type CartAction =
  | { readonly type: 'add'; readonly sku: string; readonly price: number }
  | { readonly type: 'discount'; readonly by: number }

export function makeCart(): Cart {
  return legacy_createStore(
    (cart: ReturnType<Cart['getState']> | undefined = { items: [], total: 0 }, action: CartAction) => {
      if (action.type === 'add') return { items: [...cart.items, action.sku], total: cart.total + action.price }
      return action.type === 'discount' ? { ...cart, total: cart.total - action.by } : cart
    },
  )
}

/** Records what `body` does in this thread into a directory. @returns its path, once everything is in it */
export async function recordHere(
  t: Test,
  body: (scope: Scope) => Promise<void>,
  options: Omit<SetupOptions, 'out'> = {},
): Promise<string> {
  const out = join(t.testdir(), 'run.retro')
  const scope = await setup({ ...options, out })
  try {
    await body(scope)
  } finally {
    await scope.stop()
  }
  return out
}

export async function open(t: Test, path: string | object): Promise<Recording> {
  const recording = await openRecording(path)
  t.teardown(() => recording.close())
  return recording
}

export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const item of items) all.push(item)
  return all
}

/** Runs on in a later turn of the loop, outside of everything that was being handled. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 2))
}

/** A chain in the words that the expected lists use: `cart state delta`. */
export function tell(recording: Recording, links: readonly WhyLink[]): string[] {
  return links.map(({ event }) => tellEvent(recording, event))
}

export function tellEvent(recording: Recording, event: Event): string {
  const process = recording.getProcesses().find(({ pid }) => pid === event.pid)
  const op = 'op' in event.body ? event.body.op : ''
  const n = event.kind === 'message' ? ` ${event.body.n}` : ''
  return `${process?.name} ${event.kind} ${op}${n}`
}

/** What `why` answers, or the reason why it has no answer, for comparison. */
export async function tellWhy(
  recording: Recording,
  container: string,
  pointer: string,
  at: string | number = 'end',
): Promise<{ readonly chain: string[]; readonly ends: string }> {
  const answer: WhyAnswer = await recording.why(container, pointer, { at })
  if (!answer.ok) return { chain: [], ends: `${answer.error}: ${answer.detail}` }
  return { chain: tell(recording, answer.chain), ends: answer.ends === 'root' ? 'root' : `unknown: ${answer.unknown}` }
}
