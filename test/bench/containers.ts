import type { Scope } from '../../src/scope/scope.js'
import { recordMany } from './recording.js'

const CONTAINERS = 100
const FIELDS = 20
const CATALOGUE_ROWS = 12_000

/** Half messages, half deltas at random over 100 containers, of which the first, `catalogue`, is 1 MB as JSON. */
export async function recordContainers({ seam }: Scope, events: number): Promise<void> {
  const random = makeRandom(1)
  const channel = seam.open({ name: 'orders', type: 'channel', channel: { transport: 'endpoint', end: 0 } })
  const containers = Array.from({ length: CONTAINERS }, (_, no) => {
    const subject = seam.open({ name: no === 0 ? 'catalogue' : `cart-${no}`, type: 'store', adapter: 'store' })
    seam.init(subject, no === 0 ? toCatalogue() : toCart(no))
    return subject
  })
  await recordMany(
    (n: number) => {
      if (n % 2 === 0) return seam.send(channel, { id: n, type: 'order', customer: `customer-${n % 50}` })
      const no = random(CONTAINERS)
      const place = no === 0 ? `/rows/${random(CATALOGUE_ROWS)}/stock` : `/fields/f${random(FIELDS)}/value`
      seam.change(containers[no]!, {
        patch: [
          { op: 'replace', path: place, value: n },
          { op: 'replace', path: '/version', value: n },
        ],
        after: undefined,
        trigger: { type: 'set', by: n % 9 },
      })
    },
    events,
    (n) => n,
  )
}

function toCatalogue(): object {
  const rows = Array.from({ length: CATALOGUE_ROWS }, (_, id) => ({
    id,
    name: `article number ${id}`,
    stock: 0,
    price: id * 0.25,
    tags: ['new', 'sale'],
  }))
  return { version: 0, rows }
}

function toCart(no: number): object {
  const fields = Array.from({ length: FIELDS }, (_, at) => [`f${at}`, { value: 0, label: `field ${at} of ${no}` }])
  return { version: 0, fields: Object.fromEntries(fields) }
}

/** The same numbers in every run. @returns integers in [0, below) */
export function makeRandom(seed: number): (below: number) => number {
  let state = seed >>> 0
  return (below) => {
    state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9) >>> 0
    let mixed = Math.imul(state ^ (state >>> 12), 0x297a2d39)
    mixed = (mixed ^ (mixed >>> 15)) >>> 0
    return mixed % below
  }
}
