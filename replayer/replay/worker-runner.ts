import { Worker } from 'node:worker_threads'
import { RetroscopeError } from '../../src/errors.js'
import type { Divergence } from './divergence.js'
import type { RecordedTurn } from './recorded-turn.js'
import type { Progress, Runner } from './runner.js'
import type { RunLimit, RunSpec, TurnSource } from './session-run.js'
import { type FromWorker, Parcels, PULSE, type ToWorker, type WorkerStart } from './worker-protocol.js'

/** Turns that are posted at once, and how often the watchdog looks. */
const BATCH = 256
const LOOK_MS = 50

export interface WorkerOptions {
  /** A turn that takes longer is a divergence. */
  readonly turnTimeoutMs: number
  /** Where the session's own output goes: to this process's, or to its stderr. */
  readonly output: 'stdout' | 'stderr'
  readonly execArgv?: readonly string[]
}

/** Runs a session in a fresh Worker, whose modules and globals nobody else has touched. One that hangs is ended. */
export async function runInWorker(spec: RunSpec, source: TurnSource, options: WorkerOptions): Promise<Runner> {
  const runner = new WorkerRunner(spec, source, options)
  await runner.ready
  return runner
}

class WorkerRunner implements Runner {
  readonly ready: Promise<void>
  readonly #worker: Worker
  readonly #source: TurnSource
  readonly #cells: Float64Array
  readonly #timeoutMs: number
  readonly #parcels = new Parcels()
  #settle: { resolve(progress: Progress): void; reject(error: unknown): void } | undefined
  #final: Progress | undefined
  #ended = false

  constructor(spec: RunSpec, source: TurnSource, { turnTimeoutMs, output, execArgv }: WorkerOptions) {
    const pulse = new SharedArrayBuffer(8 * Object.keys(PULSE).length)
    this.#cells = new Float64Array(pulse)
    this.#source = source
    this.#timeoutMs = turnTimeoutMs
    this.#worker = new Worker(new URL('./worker-entry.js', import.meta.url), {
      workerData: { spec, pulse } satisfies WorkerStart,
      stdout: output === 'stderr',
      name: `replay of ${spec.name}`,
      ...(execArgv !== undefined && { execArgv: [...execArgv] }),
    })
    if (output === 'stderr') this.#worker.stdout.pipe(process.stderr, { end: false })
    this.ready = new Promise((resolve, reject) => {
      this.#worker.on('message', (message: FromWorker) => {
        if (message.kind === 'ready') resolve()
        else if (message.kind === 'wanted') void this.#feed()
        else if (message.kind === 'progress') this.#answer(this.#parcels.unpack(message.progress) as Progress)
        else this.#fail(toError(message.error), reject)
      })
      this.#worker.on('error', (error) => this.#fail(error, reject))
      this.#worker.on('exit', (code) => {
        this.#ended = true
        this.#fail(
          new RetroscopeError('INTERNAL', `The replay's thread ended with ${code} before its verdict.`),
          reject,
        )
      })
    })
  }

  async advance(limit: RunLimit): Promise<Progress> {
    if (this.#final) return this.#final
    const answer = new Promise<Progress>((resolve, reject) => {
      this.#settle = { resolve, reject }
    })
    this.#post({ kind: 'advance', limit })
    const watchdog = this.#watch()
    try {
      return await answer
    } finally {
      clearInterval(watchdog)
    }
  }

  async close(): Promise<void> {
    this.#settle = undefined
    if (!this.#ended) await this.#worker.terminate()
  }

  async #feed(): Promise<void> {
    const turns: RecordedTurn[] = []
    try {
      let next: RecordedTurn | undefined
      while (turns.length < BATCH) {
        next = await this.#source()
        if (next === undefined) break
        turns.push(next)
      }
      this.#post({ kind: 'turns', turns: this.#parcels.pack(turns), last: next === undefined })
    } catch (error) {
      this.#settle?.reject(error)
    }
  }

  #watch(): NodeJS.Timeout {
    let seen = -1
    let sinceMs = Date.now()
    return setInterval(() => {
      const turns = this.#cells[PULSE.turns] ?? 0
      if (turns !== seen) {
        seen = turns
        sinceMs = Date.now()
      } else if (turns > 0 && Date.now() - sinceMs > this.#timeoutMs) void this.#endHanging()
    }, LOOK_MS)
  }

  async #endHanging(): Promise<void> {
    const [turns = 1, turn = 0, seq = 0] = this.#cells
    const divergence: Divergence = {
      turn,
      seq,
      recorded: 'the turn ended',
      replayed: `the turn is still running after ${this.#timeoutMs} ms`,
      frame: null,
      frameIs: 'here',
      lastAgreement: null,
      reason: 'an endless loop, or a turn that takes longer here (--turn-timeout)',
      stack: null,
    }
    const verdict = { kind: 'diverged', turns: turns - 1, entries: 0, divergence } as const
    this.#answer({ verdict, at: { turn, seq }, live: {} })
    await this.#worker.terminate()
  }

  #post(message: ToWorker): void {
    this.#worker.postMessage(message)
  }

  #answer(progress: Progress): void {
    if (progress.verdict.kind !== 'stopped') this.#final = progress
    this.#settle?.resolve(progress)
    this.#settle = undefined
  }

  #fail(error: unknown, reject: (error: unknown) => void): void {
    reject(error)
    this.#settle?.reject(error)
    this.#settle = undefined
  }
}

function toError({ name, message, stack }: { name: string; message: string; stack?: string }): Error {
  const error = Object.assign(new Error(message), { name })
  if (stack !== undefined) error.stack = stack
  return error
}
