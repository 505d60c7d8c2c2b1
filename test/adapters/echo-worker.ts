import { parentPort, workerData } from 'node:worker_threads'
import { setup } from '../../recorder/index.js'

/** A worker that answers each message with what it got; told `stop`, it ends. Records its end when it is asked to. */
const port = parentPort
if (!port) throw new Error('runs as a worker only')
const scope = (workerData as { record: boolean }).record ? await setup() : undefined
scope?.channel('orders', port)
port.on('message', (message: unknown) => {
  if (message !== 'stop') port.postMessage(message)
  else void Promise.resolve(scope?.stop()).then(() => port.close())
})
port.postMessage('ready')
