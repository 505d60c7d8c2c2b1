import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import express from 'express'
import { legacy_createStore as createStore } from 'redux'
import { setup } from '../../recorder/index.js'
import { assertShelves, keep, type Order, toDelivery, toSale } from './cart.js'

/** Longer than between two checks: it must not hide what the race did. */
const DELIVERY_MS = 50

// All that the shop knows of its recording: which state has a name, and which server.
const scope = await setup()
const cart = scope.container('cart', createStore(keep))

const inventory = new Worker(new URL('./inventory.js', import.meta.url))
const quotes = new Map<number, (price: number) => void>()
inventory.on('message', ({ id, price }: { id: number; price: number }) => {
  quotes.get(id)?.(price)
  quotes.delete(id)
})

const app = express()
app.use(express.json())
let id = 0
app.post('/orders', async (request, response) => {
  const { sku, quantity, customer } = request.body as Omit<Order, 'id'>
  const order = { id: ++id, sku, quantity, customer }
  // The race: the shelf is looked at before the price and the payment are awaited, and sold from afterwards.
  if ((cart.getState().stock[sku] ?? 0) < quantity) {
    reorder(sku)
    response.status(409).json({ id: order.id, ok: false })
    return
  }
  const price = await askPrice(order)
  await pay()
  cart.dispatch(toSale(order, price))
  response.status(201).json({ id: order.id, ok: true })
})

const server = app.listen(Number(process.env.PORT ?? 0), '127.0.0.1', () => {
  console.log(`the shop is open at http://127.0.0.1:${(server.address() as AddressInfo).port}`)
})
scope.channel('http', server)
setInterval(() => assertShelves(cart.getState()), 25)

function askPrice({ id, sku }: Order): Promise<number> {
  return new Promise((resolve) => {
    quotes.set(id, resolve)
    inventory.postMessage({ id, sku })
  })
}

/** A card payment: somewhere between 2 and 20 ms. */
async function pay(): Promise<void> {
  await sleep(2 + Math.random() * 18)
}

const awaited = new Set<string>()

/** What is sold out is ordered, so that the shop goes on selling until its race shows. */
function reorder(sku: string): void {
  if (awaited.has(sku)) return
  awaited.add(sku)
  setTimeout(() => {
    awaited.delete(sku)
    cart.dispatch(toDelivery(sku))
  }, DELIVERY_MS)
}
