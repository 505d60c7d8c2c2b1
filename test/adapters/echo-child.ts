import { setup } from '../../recorder/index.js'

/** A forked child that answers each message with what it got; told `stop`, it ends. Records its end when asked to. */
const scope = process.argv.includes('record') ? await setup() : undefined
scope?.channel('orders', process)
process.on('message', (message) => {
  if (message !== 'stop') process.send?.(message)
  else void Promise.resolve(scope?.stop()).then(() => process.disconnect())
})
process.send?.('ready')
