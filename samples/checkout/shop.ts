import type { AddressInfo } from 'node:net'
import { Worker } from 'node:worker_threads'
import express, { type Response } from 'express'
import { setup } from '../../recorder/index.js'
import type { Endpoint } from '../../src/scope/scope.js'
import type { Order, Receipt } from './cart.js'

const scope = await setup()

const waiting = new Map<number, Response>()
const desk = openDesk()
const inventory = new Worker(new URL('./inventory.js', import.meta.url))
await scope.session('shop', new URL('./cart.js', import.meta.url), { orders: desk.end, inventory })

const app = express()
app.use(express.json())
let id = 0
app.post('/orders', (request, response) => {
  const { sku, quantity, customer } = request.body as Omit<Order, 'id'>
  const order = { id: ++id, sku, quantity, customer }
  waiting.set(order.id, response)
  desk.pass(order)
})

const server = app.listen(Number(process.env.PORT ?? 0), '127.0.0.1', () => {
  console.log(`the shop is open at http://127.0.0.1:${(server.address() as AddressInfo).port}`)
})
scope.channel('http', server)

/** The hatch between the web server and the session: orders go in, receipts come out as answers. */
function openDesk(): { readonly end: Endpoint; pass(order: Order): void } {
  const handlers = new Set<(message: unknown) => unknown>()
  return {
    pass(order) {
      for (const handler of handlers) handler(order)
    },
    end: {
      send(message) {
        const receipt = message as Receipt
        waiting
          .get(receipt.id)
          ?.status(receipt.ok ? 201 : 409)
          .json(receipt)
        waiting.delete(receipt.id)
      },
      onMessage(handler) {
        handlers.add(handler)
        return () => handlers.delete(handler)
      },
    },
  }
}
