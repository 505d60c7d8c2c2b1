// Collects the recording named by its argument until it is told to stop, or killed.
import { startCollector } from '../../../recorder/collector.js'

const collector = await startCollector(process.argv[2]!)
process.send?.('collecting')
process.on('message', () => void collector.stop())
await collector.done
process.disconnect?.()
