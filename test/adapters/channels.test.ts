import t from 'tap'
import { testChannel } from './channel-contract.js'
import { TRANSPORTS } from './transports.js'

for (const transport of TRANSPORTS) t.test(transport.title, async (t) => testChannel(t, transport))
