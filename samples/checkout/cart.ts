import { legacy_createStore as createStore } from 'redux'
import type { SessionModule } from '../../src/scope/scope.js'

/** An order as the web server passes it on. */
export interface Order {
  readonly id: number
  readonly sku: string
  readonly quantity: number
  readonly customer: string
}

export interface Receipt {
  readonly id: number
  readonly ok: boolean
  readonly total: number
}

interface Quote {
  readonly id: number
  readonly price: number
}

/** What was refused is ordered, so that the shop goes on selling until its race shows. */
interface Delivery {
  readonly type: 'delivered'
  readonly sku: string
}

interface Sale {
  readonly type: 'sold'
  readonly order: Order
  readonly total: number
}

export interface Cart {
  readonly stock: Readonly<Record<string, number>>
  readonly sold: number
  readonly total: number
  readonly last: Order | null
}

const DELIVERED = 12
/** Longer than between two checks: it must not hide what the race did. */
const DELIVERY_MS = 50

const FULL_SHELF: Cart = { stock: { lamp: 12, chair: 30, desk: 30 }, sold: 0, total: 0, last: null }

function keep(cart: Cart = FULL_SHELF, action: Sale | Delivery | { readonly type: string }): Cart {
  if (isDelivery(action)) return { ...cart, stock: restock(cart, action.sku, DELIVERED) }
  if (!isSale(action)) return cart
  const { order, total } = action
  return {
    stock: restock(cart, order.sku, -order.quantity),
    sold: cart.sold + order.quantity,
    total: Math.round((cart.total + total) * 100) / 100,
    last: order,
  }
}

function restock({ stock }: Cart, sku: string, by: number): Cart['stock'] {
  return { ...stock, [sku]: (stock[sku] ?? 0) + by }
}

function isSale(action: { readonly type: string }): action is Sale {
  return action.type === 'sold'
}

function isDelivery(action: { readonly type: string }): action is Delivery {
  return action.type === 'delivered'
}

/** The shop's own world: orders come in, an inventory worker knows the prices, a payment takes its time. It has a real
 *  race: the shelf is looked at before the price and the payment are awaited, and sold from afterwards. */
const mount: SessionModule = (world) => {
  const orders = world.channel('orders')
  const inventory = world.channel('inventory')
  const store = world.container('cart', createStore(keep))
  const awaited = new Set<string>()
  const quotes = new Map<number, (price: number) => void>()

  inventory.onMessage((message) => {
    const { id, price } = message as Quote
    quotes.get(id)?.(price)
    quotes.delete(id)
  })

  orders.onMessage((message) => {
    const order = message as Order
    const shelf = store.getState().stock[order.sku] ?? 0
    return shelf < order.quantity ? refuse(order) : checkout(order)
  })

  function refuse(order: Order): void {
    orders.send({ id: order.id, ok: false, total: 0 } satisfies Receipt)
    if (awaited.has(order.sku)) return
    awaited.add(order.sku)
    setTimeout(() => {
      awaited.delete(order.sku)
      store.dispatch({ type: 'delivered', sku: order.sku } satisfies Delivery)
    }, DELIVERY_MS)
  }

  async function checkout(order: Order): Promise<void> {
    const price = await new Promise<number>((resolve) => {
      quotes.set(order.id, resolve)
      inventory.send({ id: order.id, sku: order.sku })
    })
    await pay()
    const total = Math.round(price * order.quantity * 100) / 100
    store.dispatch({ type: 'sold', order, total } satisfies Sale)
    orders.send({ id: order.id, ok: true, total } satisfies Receipt)
  }

  setInterval(() => assertShelves(store.getState()), 25)
}

/** A card payment: somewhere between 2 and 20 ms. */
function pay(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 2 + Math.random() * 18))
}

/** No shelf can hold fewer than nothing. */
function assertShelves({ stock }: Cart): void {
  for (const [sku, left] of Object.entries(stock)) {
    if (left < 0) throw new Error(`oversold: ${sku} stands at ${left}`)
  }
}

export default mount
