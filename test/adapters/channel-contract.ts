import type { Test } from 'tap'
import type { ChannelOptions, Scope } from '../../src/scope/scope.js'
import { describeOwn, record } from './recorded.js'

/** A transport as programs use it. Where the ends are one object, it receives what it sends. */
export interface Transport {
  readonly title: string
  readonly record: string
  open(): Promise<readonly [near: object, far: object]> | readonly [near: object, far: object]
  send(end: object, message: unknown): unknown
  /** @returns what takes the listener away again, by the program's own function */
  listen(end: object, listener: (message: unknown) => unknown): () => void
  close(near: object, far: object): Promise<void> | void
  /** Messages that it carries; each arrives as it is. */
  readonly messages: readonly unknown[]
  readonly options?: readonly [ChannelOptions, ChannelOptions]
  /** One listener at a time: a new one takes the place of the old. */
  readonly replaces?: true
  /** Listeners that were added before the wrapping stay out of sight. */
  readonly lateOnly?: true
  /** An end that has listeners may have heard something already. */
  readonly unpairedWhenListening?: true
}

const IDENTICAL = 1_000

/** What every transport owes to the program that it carries messages for, and to the log. */
export function testChannel(t: Test, transport: Transport): void {
  const { open, send, listen, close, messages } = transport
  const early = !transport.replaces && !transport.lateOnly
  const wrap = (scope: Scope, end: object, which: 0 | 1) => scope.channel('orders', end, transport.options?.[which])

  t.test('[A1] nothing is put into a message: an unwrapped peer gets exactly what was sent', async (t) => {
    const [near, far] = await open()
    const log = await record(t, async (scope) => {
      wrap(scope, near, 0)
      const heard = hear(transport, far, messages.length)
      for (const message of messages) send(near, message)
      t.strictSame(await heard, messages)
    })
    t.strictSame(log.payloads('orders', 'send', 0), messages)
    const spawn = log.spawn('orders', 0)?.body
    t.equal(spawn?.op === 'spawn' && spawn.channel?.transport, transport.record)
    await close(near, far)
  })

  t.test('[A2] a thousand identical messages pair one to one, in both directions', async (t) => {
    const [near, far] = await open()
    const [message] = messages
    const both = near !== far
    const log = await record(t, async (scope) => {
      wrap(scope, near, 0)
      if (both) wrap(scope, far, 1)
      const there = hear(transport, far, IDENTICAL)
      for (let i = 0; i < IDENTICAL; i++) send(near, message)
      await there
      if (!both) return
      const back = hear(transport, near, IDENTICAL)
      for (let i = 0; i < IDENTICAL; i++) send(far, message)
      await back
    })
    const numbers = Array.from({ length: IDENTICAL }, (_, n) => n)
    for (const [from, to] of both
      ? ([
          [0, 1],
          [1, 0],
        ] as const)
      : ([[0, 0]] as const)) {
      const sent = log.messages('orders', 'send', from)
      const received = log.messages('orders', 'receive', to)
      t.strictSame(
        sent.map(({ body }) => body.n),
        numbers,
      )
      t.strictSame(
        received.map(({ body }) => body.n),
        numbers,
      )
      t.ok(
        [...sent, ...received].every(({ unpaired }) => !unpaired),
        'each has its partner',
      )
      t.ok(received.every(({ body }) => JSON.stringify(body.payload) === JSON.stringify(message)))
      t.equal(log.messages('orders', 'handled', to).length, IDENTICAL)
    }
    await close(near, far)
  })

  t.test('[A3] a message is logged once, before its first listener; what they do is caused by it', async (t) => {
    const [near, far] = await open()
    const order: string[] = []
    const log = await record(t, async (scope) => {
      let done = () => {}
      const all = new Promise<void>((resolve) => (done = resolve))
      const first = () => {
        order.push('before')
        scope.mark('before')
      }
      const second = async () => {
        order.push('after')
        scope.mark('after')
        await Promise.resolve()
        scope.mark('awaited')
        done()
      }
      if (early) listen(far, first)
      wrap(scope, far, 1)
      listen(far, second)
      send(near, messages[0])
      await all
    })
    t.strictSame(order, early ? ['before', 'after'] : ['after'])
    const receives = log.messages('orders', 'receive')
    t.equal(receives.length, 1)
    const { ordinal, unpaired } = receives[0]!
    for (const text of order) {
      t.ok(log.mark(text).ordinal > ordinal, `${text} comes behind the message`)
      t.equal(log.mark(text).cause, ordinal)
    }
    t.equal(log.mark('awaited').origin, ordinal)
    t.equal(unpaired, early && transport.unpairedWhenListening === true)
    await close(near, far)
  })

  t.test('[A4] a listener is taken away by the function that was given', async (t) => {
    const [near, far] = await open()
    const heard: string[] = []
    await record(t, async (scope) => {
      const removeEarly = early ? listen(far, () => heard.push('early')) : () => {}
      wrap(scope, far, 1)
      const removeLate = listen(far, () => heard.push('late'))
      await exchange(transport, near, far)
      removeEarly()
      removeLate()
      await exchange(transport, near, far)
    })
    t.strictSame(heard, [...(early ? ['early'] : []), ...(transport.replaces ? [] : ['late'])])
    await close(near, far)
  })

  t.test('[A5] after stop the ends are as they were, and go on working', async (t) => {
    const [near, far] = await open()
    const before = [describeOwn(near), describeOwn(far)]
    const heard: unknown[] = []
    const log = await record(t, async (scope) => {
      wrap(scope, near, 0)
      if (near !== far) wrap(scope, far, 1)
    })
    t.strictSame([describeOwn(near), describeOwn(far)], before)
    const count = log.of('message').length
    const all = hear(transport, far, 1)
    send(near, messages[0])
    heard.push(...(await all))
    t.strictSame(heard, [messages[0]])
    t.equal(count, 0)
    await close(near, far)
  })

  t.test('[A6] an end is recorded once, and not after stop', async (t) => {
    const [near, far] = await open()
    let ended: Scope | undefined
    await record(t, async (scope) => {
      ended = scope
      wrap(scope, near, 0)
      t.throws(() => scope.channel('again', near), { code: 'USAGE', message: /"orders"/ })
    })
    t.throws(() => wrap(ended as Scope, near, 0), { code: 'CLOSED' })
    await record(t, (scope) => wrap(scope, near, 0))
    await close(near, far)
  })
}

/** The next `count` messages that an end's listener is given. */
export function hear({ listen }: Transport, end: object, count: number): Promise<unknown[]> {
  return new Promise((resolve) => {
    const heard: unknown[] = []
    const remove = listen(end, (message) => {
      heard.push(message)
      if (heard.length < count) return
      remove()
      resolve(heard)
    })
  })
}

async function exchange(transport: Transport, near: object, far: object): Promise<void> {
  const all = hear(transport, far, 1)
  transport.send(near, transport.messages[0])
  await all
}
