import { parentPort } from 'node:worker_threads'
import { setup } from '../../../recorder/index.js'
import { makeCart } from '../rig.js'

// A worker that keeps a stock of its own and answers each job.
const scope = await setup()
const jobs = scope.channel('jobs', parentPort!)
const stock = scope.container('stock', makeCart())
jobs.on('message', (job: { readonly sku: string; readonly price: number } | 'stop') => {
  if (job === 'stop') {
    void scope.stop().then(() => parentPort!.close())
    return
  }
  stock.dispatch({ type: 'add', ...job })
  jobs.postMessage({ ...job, price: job.price * 2 })
})
