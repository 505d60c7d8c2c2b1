import { Agent, request } from 'node:http'

const SKUS = ['lamp', 'chair', 'desk'] as const
const CUSTOMERS = ['ada', 'grace', 'edsger', 'barbara'] as const

interface Traffic {
  readonly concurrent?: number
  readonly most: number
}

/** Sends orders over real connections, `concurrent` at a time, until the shop no longer answers or `most` were sent.
 *  @returns how many answers came */
export async function drive(url: string, { concurrent = 12, most }: Traffic): Promise<number> {
  const agent = new Agent({ keepAlive: true, maxSockets: concurrent })
  let sent = 0
  let answered = 0
  let open = true
  await Promise.all(
    Array.from({ length: concurrent }, async () => {
      while (open && sent < most) {
        const n = sent++
        const body = { sku: SKUS[n % 3], quantity: 1 + (n % 2), customer: CUSTOMERS[n % 4] }
        if (await order(`${url}/orders`, body, agent)) answered++
        else open = false
      }
    }),
  )
  agent.destroy()
  return answered
}

function order(url: string, body: unknown, agent: Agent): Promise<boolean> {
  return new Promise((resolve) => {
    const call = request(url, { method: 'POST', agent, headers: { 'content-type': 'application/json' } }, (answer) => {
      answer.resume()
      answer.on('end', () => resolve(true))
      answer.on('error', () => resolve(false))
    })
    call.on('error', () => resolve(false))
    call.end(JSON.stringify(body))
  })
}
