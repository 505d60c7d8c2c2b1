import type { Patch } from '../../src/events.js'

/** Events as FINDINGS §1 measured them: half messages, a quarter calls (as marks: calls are recorded by another issue),
 *  a quarter patches; about 100 bytes each when encoded, 240 as JSON. */
export type MixEvent =
  | { readonly kind: 'message'; readonly payload: object }
  | { readonly kind: 'mark'; readonly text: string; readonly data: object }
  | { readonly kind: 'patch'; readonly patch: Patch; readonly after: object; readonly trigger: object }

const SKUS = ['oak-lamp', 'wing-chair', 'standing-desk', 'wall-shelf', 'wool-rug']

export function toMix(n: number): MixEvent {
  const sku = SKUS[n % 5]!
  if (n % 4 === 1) return { kind: 'mark', text: 'priceOf', data: toCall(n, sku) }
  if (n % 4 === 3) return toPatch(n, sku)
  return { kind: 'message', payload: toOrder(n, sku) }
}

/** The patches of the mix alone. */
export function toPatch(n: number, sku = SKUS[n % 5]!): Extract<MixEvent, { kind: 'patch' }> {
  const patch: Patch = [
    { op: 'replace', path: `/stock/${sku}`, value: n },
    { op: 'replace', path: '/lastOrder', value: `order-${n}` },
    { op: 'replace', path: '/total', value: n * 0.5 },
  ]
  const trigger = { type: 'stock/taken', sku, quantity: n % 9 }
  return { kind: 'patch', patch, after: { total: n * 0.5 }, trigger }
}

/** What the patches of the mix are made for. */
export const MIX_STATE = { stock: Object.fromEntries(SKUS.map((sku) => [sku, 0])), lastOrder: '', total: 0 }

function toOrder(n: number, sku: string): object {
  return {
    id: `order-${n}`,
    type: 'order/placed',
    customer: { id: n % 5000, name: `customer-${n % 50}`, country: 'NL' },
    items: [
      { sku, quantity: n % 9, price: n * 0.25 },
      { sku: SKUS[(n + 2) % 5], quantity: 1, price: 19.95 },
    ],
    paid: n % 2 === 0,
  }
}

function toCall(n: number, sku: string): object {
  return {
    args: [{ sku, quantity: n % 7, coupon: `spring-${n % 20}` }, 'EUR'],
    result: { net: (n % 90) * 1.1, tax: (n % 90) * 0.231, currency: 'EUR', rule: 'standard' },
    durationUs: n % 300,
    caller: 'checkout.ts:41',
  }
}
