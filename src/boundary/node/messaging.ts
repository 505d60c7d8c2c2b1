import type { Handle, RecordTools, ReplayTools } from './handles.js'
import type { Holder, Internals, Native } from './internals.js'
import { LOAD_SCRIPT, type MessageReader, type MessageWriter, type Port, RECEIVED } from './messages.js'
import type { Numbering } from './numbering.js'
import { findMessageClasses } from './port-maker.js'
import { type CallPlan, OUTCOME, recordCall, replace, replayCall } from './synchronous.js'
import type { TapeReader, TapeWriter } from './tape.js'

/** The native side calls this method of a port for each message, and Node's own JavaScript for other events. */
const DISPATCH = Symbol.for('nodejs.internal.kHybridDispatch')

/** A worker that starts a worker tells the main thread its id, of which the whole process shares one count. */
const REGISTERING: ReadonlySet<unknown> = new Set(['registerMainThreadPort', 'unregisterMainThreadPort'])

/** How a call went that was given what cannot be cloned: with a DOMException, which is no plain error. */
const NOT_CLONED = 2

type Prototype = Record<string | symbol, unknown>

function argueMessage(tape: TapeReader | TapeWriter, message: unknown): void {
  const { type, filename, doEval, argv, workerData } = (message ?? {}) as Holder
  if (type === LOAD_SCRIPT) tape.argument({ type, filename, doEval, argv, workerData })
  else tape.argument(REGISTERING.has(type) ? { type } : message)
}

function toPortPlan(numbering: Numbering): CallPlan {
  return { argue: (tape, _, self) => tape.argument(numbering.of(self as object)) }
}

function findClose(prototype: Prototype): symbol | undefined {
  return Object.getOwnPropertySymbols(prototype).find(({ description }) => description === 'handle_onclose')
}

/** What a worker's end needs: Node empties its ports there, within the callback. */
export interface PortRecorder {
  /** Runs the callback: what is delivered before Node first calls `unref` or posts is nested in an entry of its own. */
  drain<T>(body: () => T): T
}

/** Message ports: what arrives is a turn, and so is a port's close. Each is numbered in `unref`, which its constructor
 *  calls: a port keeps a copy of its prototype's methods that no program sees changed. */
export function record(tools: RecordTools, messages: MessageWriter): PortRecorder {
  const { internals, tape, numbering } = tools
  const prototype = findMessageClasses(internals).MessagePort.prototype as Prototype & Holder
  const number = (port: Handle): number => numbering.of(port, tape.turn)
  const drained = tape.code('Worker drained')
  let draining = false
  let depth = 0
  const endDrain = (): void => {
    if (!draining || depth > 0) return
    draining = false
    tape.leave()
    tape.result()
    tape.end()
  }
  numberPorts(prototype, number, endDrain)
  const dispatch = prototype[DISPATCH] as Native
  const arrived = tape.code('MessagePort message')
  replace(prototype, DISPATCH, function (this: Port, data: unknown, type: unknown, event: unknown): unknown {
    if (event !== undefined || tape.bypass) return Reflect.apply(dispatch, this, [data, type, event])
    tape.deliver(arrived, -1)
    tape.value(number(this))
    tape.value(type)
    messages.write(data, this[RECEIVED])
    tape.end()
    depth++
    try {
      return Reflect.apply(dispatch, this, [data, type, event])
    } finally {
      depth--
    }
  })
  recordCall(tape, prototype, 'hasRef', 'MessagePort.hasRef', toPortPlan(numbering))
  recordPosting(tape, prototype, number, messages, endDrain)
  recordReceiving(tape, messages)
  recordClosing(tape, prototype, number)
  return {
    drain(body) {
      tape.begin(drained)
      tape.enter()
      draining = true
      depth = 0
      try {
        return body()
      } finally {
        depth = 0
        endDrain()
      }
    },
  }
}

function recordPosting(
  tape: TapeWriter,
  prototype: Prototype,
  number: (port: Handle) => number,
  messages: MessageWriter,
  onPost: () => void,
): void {
  const code = tape.code('MessagePort.postMessage')
  const original = prototype['postMessage'] as Native
  replace(prototype, 'postMessage', function (this: Port, message: unknown): unknown {
    // biome-ignore lint/complexity/noArguments: passed on as they are
    const args = arguments
    if (tape.bypass || !(this instanceof Object)) return Reflect.apply(original, this, args)
    onPost()
    // Before it may be detached.
    messages.watch(message)
    let outcome: number = OUTCOME.threw
    let answer: unknown
    // The entry is written behind the call, which may run getters of the program's.
    try {
      answer = Reflect.apply(original, this, args)
      outcome = OUTCOME.returned
      return answer
    } catch (error) {
      const refused = error instanceof DOMException
      outcome = refused ? NOT_CLONED : OUTCOME.threw
      answer = refused ? error.message : error
      throw error
    } finally {
      tape.begin(code)
      tape.argument(number(this))
      argueMessage(tape, message)
      tape.result()
      tape.value(outcome)
      tape.value(answer)
      tape.end()
    }
  })
}

type Threads = { receiveMessageOnPort: (port: unknown) => { message: unknown } | undefined }

function recordReceiving(tape: TapeWriter, messages: MessageWriter): void {
  const threads = process.getBuiltinModule('node:worker_threads') as unknown as Threads
  const original = threads.receiveMessageOnPort
  const code = tape.code('receiveMessageOnPort')
  replace(threads, 'receiveMessageOnPort', (port: unknown) => {
    const answer = original(port)
    tape.begin(code)
    tape.result()
    tape.value(answer !== undefined)
    if (answer) messages.write(answer.message)
    tape.end()
    return answer
  })
}

function numberPorts(prototype: Prototype, number: (port: Handle) => number, onUnref: () => void): void {
  for (const name of ['ref', 'unref']) {
    const original = prototype[name] as Native
    replace(prototype, name, function (this: Handle): unknown {
      number(this)
      if (name === 'unref') onUnref()
      return Reflect.apply(original, this, [])
    })
  }
}

function recordClosing(tape: TapeWriter, prototype: Prototype, number: (port: Handle) => number): void {
  const dispatchEvent = prototype['dispatchEvent'] as Native
  const closed = tape.code('MessagePort closed')
  replace(prototype, 'dispatchEvent', function (this: Handle, event: { constructor: { name: string } }): unknown {
    if (event?.constructor.name === 'MessagePortCloseEvent') {
      tape.deliver(closed, -1)
      tape.value(number(this))
      tape.end()
    }
    return Reflect.apply(dispatchEvent, this, [event])
  })
}

/** Makes the deliveries that were nested where a worker's ports were emptied. */
export interface PortReplayer {
  drain(): void
}

/** The same from the tape: nothing is posted. */
export function replay(tools: ReplayTools, messages: MessageReader): PortReplayer {
  const { internals, tape, numbering, contexts } = tools
  const prototype = findMessageClasses(internals).MessagePort.prototype as Prototype & Holder
  const dispatch = prototype[DISPATCH] as Native
  // A replay that kept its ports alive would never end.
  replace(prototype, 'ref', function (this: Handle): void {
    if (!messages.isMaking) numbering.of(this)
  })
  const unref = prototype['unref'] as Native
  replace(prototype, 'unref', function (this: Handle): unknown {
    if (!messages.isMaking) numbering.of(this)
    return Reflect.apply(unref, this, [])
  })
  tape.on(tape.code('MessagePort message'), () => {
    const port = tape.find(tape.value() as number) as Port
    const type = tape.value()
    const { message, ports } = messages.read()
    tape.end()
    contexts.run(port, () => {
      port[RECEIVED] = ports
      try {
        Reflect.apply(dispatch, port, [message, type, undefined])
      } finally {
        port[RECEIVED] = undefined
      }
    })
  })
  replayCall(tape, prototype, 'hasRef', 'MessagePort.hasRef', toPortPlan(numbering))
  replayPosting(tools, prototype)
  replayReceiving(tape, messages)
  replayClosing(tools, prototype)
  const drained = tape.code('Worker drained')
  return {
    drain() {
      tape.begin(drained)
      tape.result()
      tape.end()
    },
  }
}

function replayPosting({ internals, tape, numbering, print }: ReplayTools, prototype: Prototype): void {
  const output = findParent(internals)
  const code = tape.code('MessagePort.postMessage')
  replace(prototype, 'postMessage', function (this: Port, message: unknown, options: unknown): unknown {
    tape.begin(code)
    tape.argument(numbering.of(this))
    argueMessage(tape, message)
    tape.result()
    const outcome = tape.value()
    const answer = tape.value()
    tape.end()
    if (this === output) printOutput(message, print)
    if (outcome === NOT_CLONED) throw new DOMException(answer as string, 'DataCloneError')
    if (outcome === OUTCOME.threw) throw answer
    const list = Array.isArray(options) ? options : ((options as { transfer?: unknown[] } | undefined)?.transfer ?? [])
    const buffers = [...list].filter((one) => one instanceof ArrayBuffer)
    if (buffers.length > 0) structuredClone(buffers, { transfer: buffers })
    return answer
  })
}

/** A worker's own end of the port over which Node speaks with its parent. */
function findParent(internals: Internals): object | undefined {
  const { isMainThread, getEnvMessagePort } = internals.binding('worker')
  return isMainThread ? undefined : ((getEnvMessagePort as Native)() as object)
}

/** A worker writes by sending what it writes to its parent. */
function printOutput(message: unknown, print: ReplayTools['print']): void {
  const { type, stream, chunks } = message as {
    readonly type: unknown
    readonly stream: string
    readonly chunks: readonly { readonly chunk: string | Uint8Array | null; readonly encoding: BufferEncoding }[]
  }
  if (type !== 'stdioPayload') return
  for (const { chunk, encoding } of chunks) {
    if (chunk === null) continue
    print(stream === 'stderr' ? 2 : 1, typeof chunk === 'string' ? Buffer.from(chunk, encoding) : chunk)
  }
}

function replayReceiving(tape: TapeReader, messages: MessageReader): void {
  const code = tape.code('receiveMessageOnPort')
  replace(process.getBuiltinModule('node:worker_threads'), 'receiveMessageOnPort', () => {
    tape.begin(code)
    tape.result()
    const answer = tape.value() ? { message: messages.read().message } : undefined
    tape.end()
    return answer
  })
}

function replayClosing({ tape, contexts }: ReplayTools, prototype: Prototype): void {
  const onClose = findClose(prototype)
  const dispatchEvent = prototype['dispatchEvent'] as Native
  let closing = false
  replace(prototype, 'dispatchEvent', function (this: Handle, event: { constructor: { name: string } }): unknown {
    if (event?.constructor.name === 'MessagePortCloseEvent' && !closing) return true
    return Reflect.apply(dispatchEvent, this, [event])
  })
  replace(
    prototype,
    'close',
    function (this: Handle & { once(name: string, callback: unknown): void }, callback: unknown) {
      if (typeof callback === 'function') this.once('close', callback)
    },
  )
  tape.on(tape.code('MessagePort closed'), () => {
    const port = tape.find(tape.value() as number) as Handle & Record<symbol, () => void>
    tape.end()
    contexts.run(port, () => {
      closing = true
      try {
        if (onClose) port[onClose]!()
      } finally {
        closing = false
      }
    })
  })
}
