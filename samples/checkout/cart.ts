/** An order as it is kept in the cart. */
export interface Order {
  readonly id: number
  readonly sku: string
  readonly quantity: number
  readonly customer: string
}

interface Delivery {
  readonly type: 'delivered'
  readonly sku: string
}

interface Sale {
  readonly type: 'sold'
  readonly order: Order
  readonly total: number
}

type Action = Sale | Delivery | { readonly type: string }

export interface Cart {
  readonly stock: Readonly<Record<string, number>>
  readonly sold: number
  readonly total: number
  readonly last: Order | null
}

const DELIVERED = 12

const FULL_SHELF: Cart = { stock: { lamp: 12, chair: 30, desk: 30 }, sold: 0, total: 0, last: null }

export function toSale(order: Order, price: number): Sale {
  return { type: 'sold', order, total: toCents(price * order.quantity) }
}

export function toDelivery(sku: string): Delivery {
  return { type: 'delivered', sku }
}

/** The cart's reducer. */
export function keep(cart: Cart = FULL_SHELF, action: Action): Cart {
  if (isDelivery(action)) return { ...cart, stock: restock(cart, action.sku, DELIVERED) }
  if (!isSale(action)) return cart
  const { order, total } = action
  return {
    stock: restock(cart, order.sku, -order.quantity),
    sold: cart.sold + order.quantity,
    total: toCents(cart.total + total),
    last: order,
  }
}

/** No shelf can hold fewer than nothing. */
export function assertShelves({ stock }: Cart): void {
  for (const [sku, left] of Object.entries(stock)) {
    if (left < 0) throw new Error(`oversold: ${sku} stands at ${left}`)
  }
}

function restock({ stock }: Cart, sku: string, by: number): Cart['stock'] {
  return { ...stock, [sku]: (stock[sku] ?? 0) + by }
}

function toCents(amount: number): number {
  return Math.round(amount * 100) / 100
}

function isSale(action: Action): action is Sale {
  return action.type === 'sold'
}

function isDelivery(action: Action): action is Delivery {
  return action.type === 'delivered'
}
