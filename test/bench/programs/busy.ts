/** Makes many events: `busy.js COUNT [bare] PEAK_PATH`. Bare, it does the same work and records nothing. */
import { legacy_createStore as createStore } from 'redux'
import { setup } from '../../../recorder/index.js'
import { MIX_STATE, toMix } from '../mix.js'
import { watchPeak } from '../peak.js'
import { recordMany } from '../recording.js'

const [count = '1000', mode = 'bare', peak = ''] = process.argv.slice(2)

watchPeak(peak)

interface Action {
  readonly type: string
  readonly n?: number
}

const store = createStore((state: typeof MIX_STATE = MIX_STATE, { n = 0 }: Action) => ({
  ...state,
  stock: { ...state.stock, 'wool-rug': n },
  total: state.total + 1,
}))
const end = { send: (_message: unknown) => {}, onMessage: (_listener: (message: unknown) => void) => {} }

if (mode === 'bare') await run(end, store, () => {})
else {
  const scope = await setup()
  await run(scope.channel('orders', end), scope.container('cart', store), (text, data) => scope.mark(text, data))
  await scope.stop()
}

async function run(port: typeof end, cart: typeof store, mark: (text: string, data: unknown) => void): Promise<void> {
  await recordMany(
    (n: number) => {
      const event = toMix(n)
      if (event.kind === 'message') port.send(event.payload)
      else if (event.kind === 'mark') mark(event.text, event.data)
      else cart.dispatch({ type: 'stock/taken', n })
    },
    Number(count),
    (n) => n,
  )
}
