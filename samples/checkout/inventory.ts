import { parentPort } from 'node:worker_threads'

const PRICES: Readonly<Record<string, number>> = { lamp: 24.9, chair: 89, desk: 249 }

if (!parentPort) throw new Error('inventory runs as a worker of the shop')
const port = parentPort

port.on('message', ({ id, sku }: { id: number; sku: string }) => {
  port.postMessage({ id, price: PRICES[sku] ?? 0 })
})
