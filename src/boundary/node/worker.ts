import {
  type Handle,
  type HandleClass,
  type HandlePlan,
  type RecordTools,
  type ReplayTools,
  recordHandle,
  replayHandle,
} from './handles.js'
import type { Native } from './internals.js'
import type { PortRecorder, PortReplayer } from './messaging.js'
import { turnOf } from './numbering.js'
import { loadArguments, saveArguments } from './requests.js'
import { replace } from './synchronous.js'
import type { Code, TapeWriter } from './tape.js'
import * as answers from './worker-answers.js'

/** Ids are given out in the whole process: a worker that starts workers takes some of them at any time. */
const WORKER: HandlePlan = {
  name: 'Worker',
  methods: {
    startThread: {
      save: (tape, _, handle) => tape.value(handle['threadId']),
      load: (tape, _, handle) => {
        handle['threadId'] = tape.value()
      },
    },
  },
  passing: answers.ANSWERED,
}

const EXITED = 'Worker exited'

/** The ends that the loop meets at once come in one native scope: no tick runs in between. */
const JOINED = 'Worker exited in the same scope'

/** Workers as their parent sees them: their messages, their output and what they failed of come through ports. */
export function record(tools: RecordTools, ports: PortRecorder): void {
  const { internals, tape, numbering } = tools
  const type = internals.binding('worker')['Worker'] as HandleClass
  const exited = tape.code(EXITED)
  const scopes = new Scopes(tools)
  const startThread = type.prototype['startThread'] as Native
  replace(type.prototype, 'startThread', function (this: Handle): unknown {
    const onexit = this['onexit'] as Native
    this['onexit'] = (...args: unknown[]): unknown =>
      scopes.run(() => {
        tape.deliver(exited, turnOf(this))
        tape.value(numbering.of(this))
        saveArguments(tape, args)
        tape.end()
        return ports.drain(() => Reflect.apply(onexit, this, args))
      })
    return Reflect.apply(startThread, this, [])
  })
  recordHandle(tools, type, WORKER)
  answers.record(tools)
}

/** Tells whether a delivery comes in the native scope of the one before: its microtasks have not run yet. */
class Scopes {
  readonly #tape: TapeWriter
  readonly #joined: Code
  readonly #enqueue: (task: () => void) => void
  #open = false

  constructor({ internals, tape }: RecordTools) {
    this.#tape = tape
    this.#joined = tape.code(JOINED)
    this.#enqueue = internals.binding('task_queue')['enqueueMicrotask'] as (task: () => void) => void
  }

  run<T>(deliver: () => T): T {
    const tape = this.#tape
    if (!this.#open) {
      this.#open = true
      this.#enqueue(() => {
        this.#open = false
      })
      return deliver()
    }
    tape.begin(this.#joined)
    tape.enter()
    try {
      return deliver()
    } finally {
      tape.leave()
      tape.result()
      tape.end()
    }
  }
}

/** The same from the tape: no thread is started. */
export function replay(tools: ReplayTools, ports: PortReplayer): void {
  const { internals, tape, contexts } = tools
  const type = internals.binding('worker')['Worker'] as HandleClass
  const joined = tape.code(JOINED)
  replayHandle(tools, type, WORKER)
  answers.replay(tools)
  // The native side counts what keeps the loop alive by threads that were started.
  for (const name of ['ref', 'unref']) replace(type.prototype, name, () => {})
  tape.on(tape.code(EXITED), () => {
    const handle = tape.find(tape.value() as number) as Handle
    const args = loadArguments(tape)
    tape.end()
    contexts.run(handle, () => {
      ports.drain()
      Reflect.apply(handle['onexit'] as Native, handle, args)
    })
    while (tape.peek() === 'call' && tape.next === joined) {
      tape.begin(joined)
      tape.result()
      tape.end()
    }
  })
}
