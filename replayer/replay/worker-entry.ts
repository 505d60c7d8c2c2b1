import { parentPort, workerData } from 'node:worker_threads'
import { toEscaped } from '../../src/scope/session-error.js'
import { readStates } from './live-states.js'
import type { RecordedTurn } from './recorded-turn.js'
import { SessionRun } from './session-run.js'
import { type FromWorker, Parcels, PULSE, type ToWorker, type WorkerStart } from './worker-protocol.js'

const { spec, pulse } = workerData as WorkerStart
const port = parentPort as NonNullable<typeof parentPort>
const exit = process.exit
const cells = new Float64Array(pulse)
const parcels = new Parcels()
const waiting: RecordedTurn[] = []
let ended = false
let wake: (() => void) | undefined

const post = (message: FromWorker) => port.postMessage(message)

async function takeTurn(): Promise<RecordedTurn | undefined> {
  if (waiting.length === 0 && !ended) {
    await new Promise<void>((resolve) => {
      wake = resolve
      post({ kind: 'wanted' })
    })
  }
  return waiting.shift()
}

function postProgress(run: SessionRun): void {
  const progress = { verdict: run.verdict, at: run.position, live: readStates(run.containers) }
  post({ kind: 'progress', progress: parcels.pack(progress) })
}

function fail(error: unknown): void {
  post({ kind: 'failed', error: toEscaped(error) })
}

try {
  const run: SessionRun = await SessionRun.load(spec, takeTurn, {
    onTurn({ turn, seq }) {
      cells[PULSE.turn] = turn
      cells[PULSE.seq] = seq
      cells[PULSE.turns] = (cells[PULSE.turns] ?? 0) + 1
    },
    // Nothing of what follows a divergence may run: it would no longer be fed.
    onDiverge() {
      postProgress(run)
      exit(0)
    },
  })
  port.on('message', (message: ToWorker) => {
    if (message.kind === 'advance') run.advance(message.limit).then(() => postProgress(run), fail)
    else if (message.kind === 'turns') {
      waiting.push(...(parcels.unpack(message.turns) as RecordedTurn[]))
      ended ||= message.last
      wake?.()
    } else {
      run.close()
      port.close()
    }
  })
  post({ kind: 'ready' })
} catch (error) {
  fail(error)
}
