import { parentPort } from 'node:worker_threads'

// A worker that nobody records: it never calls setup().
parentPort!.on('message', (job: { readonly sku: string; readonly price: number }) => parentPort!.postMessage(job))
