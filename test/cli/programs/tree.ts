import { fork } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { setup } from '../../../recorder/index.js'
import { makeCart } from '../../replayer/rig.js'

// Two processes and two workers that pass numbers round, each counting what it met. It begins when a line comes in.
const ROUNDS = Number(process.env['ROUNDS'] ?? 50)
const scope = await setup()
const self = new URL(import.meta.url)

if (!isMainThread) await answer(workerData as string, parentPort!)
else if (process.argv[2] === 'child') await answer('child', process as never)
else await lead()

async function answer(
  name: string,
  end: { on(event: 'message', listener: (n: number) => void): unknown },
): Promise<void> {
  const channel = scope.channel(name, end) as typeof end & {
    postMessage?(n: number): void
    send?(n: number): void
    close?(): void
    disconnect?(): void
  }
  const seen = scope.container(`${name}-seen`, makeCart())
  channel.on('message', (n: number) => {
    seen.dispatch({ type: 'add', sku: `${name}-${n}`, price: n })
    if (channel.postMessage) channel.postMessage(n + 1)
    else channel.send!(n + 1)
    if (n < ROUNDS) return
    if (isMainThread) process.disconnect()
    else parentPort!.close()
  })
}

async function lead(): Promise<void> {
  const total = scope.container('total', makeCart())
  const child = scope.channel('child', fork(self, ['child']))
  const workers = ['one', 'two'].map((name) => ({
    name,
    end: scope.channel(name, new Worker(self, { workerData: name })),
  }))
  child.on('message', (n) => {
    total.dispatch({ type: 'add', sku: `child-${n}`, price: 1 })
    if (Number(n) < ROUNDS) child.send(Number(n) + 1)
  })
  for (const { name, end } of workers) {
    end.on('message', (n: number) => {
      total.dispatch({ type: 'add', sku: `${name}-${n}`, price: 1 })
      if (n < ROUNDS) end.postMessage(n + 1)
    })
  }
  const input = createInterface({ input: process.stdin })
  console.log('ready')
  await once(input, 'line')
  input.close()
  child.send(1)
  for (const { end } of workers) end.postMessage(1)
  await Promise.all([once(child, 'exit'), ...workers.map(({ end }) => once(end, 'exit'))])
  console.log(total.getState().total)
}
