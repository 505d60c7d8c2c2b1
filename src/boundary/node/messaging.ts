import type { Handle, RecordTools, ReplayTools } from './handles.js'
import type { Holder, Internals, Native } from './internals.js'
import { replace } from './synchronous.js'
import type { Code, TapeReader, TapeWriter } from './tape.js'

/** The native side calls this method of a port for each message, and Node's own JavaScript for other events. */
const DISPATCH = Symbol.for('nodejs.internal.kHybridDispatch')

type PortClass = (new (...args: never[]) => Handle) & { prototype: Record<string | symbol, unknown> }

function findPorts(internals: Internals): PortClass {
  const { MessagePort } = internals.binding('messaging') as { MessagePort?: PortClass }
  return MessagePort ?? (globalThis.MessagePort as unknown as PortClass)
}

/** A port within a message, by its number. */
const PORT = '\0port'

/** A message as the tape can keep it: ports in it by their numbers, as deep as plain objects and arrays go. */
function toKept(value: unknown, Port: PortClass, number: (port: Handle) => number, depth = 0): unknown {
  if (typeof value !== 'object' || value === null || depth > 8) return value
  if (value instanceof Port) return { [PORT]: number(value as unknown as Handle) }
  if (Array.isArray(value)) return value.map((item) => toKept(item, Port, number, depth + 1))
  if (Object.getPrototypeOf(value) !== Object.prototype) return value
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, toKept(item, Port, number, depth + 1)]))
}

function fromKept(value: unknown, revive: (number: number) => unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (PORT in value) return revive((value as Record<string, number>)[PORT]!)
  if (Array.isArray(value)) return value.map((item) => fromKept(item, revive))
  if (Object.getPrototypeOf(value) !== Object.prototype) return value
  for (const [key, item] of Object.entries(value)) (value as Holder)[key] = fromKept(item, revive)
  return value
}

function serialize(value: unknown): Uint8Array {
  return process.getBuiltinModule('node:v8').serialize(value)
}

function findClose(Port: PortClass): symbol | undefined {
  return Object.getOwnPropertySymbols(Port.prototype).find(({ description }) => description === 'handle_onclose')
}

/** Message ports: what arrives is a turn, and so is a port's close. Each is numbered in `unref`, which its constructor
 *  calls: a port keeps a copy of its prototype's methods that no program sees changed. */
export function record(tools: RecordTools): void {
  const { internals, tape, numbering } = tools
  const Port = findPorts(internals)
  const { prototype } = Port
  const number = (port: Handle): number => numbering.of(port, tape.turn)
  numberPorts(prototype, number)
  const dispatch = prototype[DISPATCH] as Native
  const arrived = tape.code('MessagePort message')
  replace(prototype, DISPATCH, function (this: Handle, data: unknown, type: unknown, event: unknown): unknown {
    if (event === undefined && !tape.bypass) saveMessage(tape, arrived, number(this), type, toKept(data, Port, number))
    return Reflect.apply(dispatch, this, [data, type, event])
  })
  recordClosing(tape, prototype, number)
}

function saveMessage(tape: TapeWriter, code: Code, port: number, type: unknown, kept: unknown): void {
  let bytes: Uint8Array | undefined
  try {
    bytes = serialize(kept)
  } catch {
    // What cannot be copied out of the program is delivered as undefined.
  }
  tape.deliver(code, -1)
  tape.value(port)
  tape.value(type)
  tape.value(bytes)
  tape.end()
}

function numberPorts(prototype: Record<string | symbol, unknown>, number: (port: Handle) => number): void {
  for (const name of ['ref', 'unref']) {
    const original = prototype[name] as Native
    replace(prototype, name, function (this: Handle): unknown {
      number(this)
      return Reflect.apply(original, this, [])
    })
  }
}

function recordClosing(
  tape: TapeWriter,
  prototype: Record<string | symbol, unknown>,
  number: (port: Handle) => number,
): void {
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

/** The same from the tape: nothing is posted. */
export function replay(tools: ReplayTools): void {
  const { internals, tape, numbering, contexts } = tools
  const Port = findPorts(internals)
  const { prototype } = Port
  const onClose = findClose(Port)
  const dispatch = prototype[DISPATCH] as Native
  // A replay that kept its ports alive would never end.
  replace(prototype, 'ref', function (this: Handle): void {
    numbering.of(this)
  })
  const unref = prototype['unref'] as Native
  replace(prototype, 'unref', function (this: Handle): unknown {
    numbering.of(this)
    return Reflect.apply(unref, this, [])
  })
  tape.on(tape.code('MessagePort message'), () => {
    const port = tape.find(tape.value() as number) as Handle
    const type = tape.value()
    const bytes = tape.value() as Uint8Array | undefined
    const data = bytes && fromKept(process.getBuiltinModule('node:v8').deserialize(bytes), (one) => revive(tape, one))
    tape.end()
    contexts.run(port, () => Reflect.apply(dispatch, port, [data, type, undefined]))
  })
  replayClosing(tools, prototype, onClose)
  replace(prototype, 'postMessage', (_value: unknown, options: unknown): void => {
    const list = Array.isArray(options) ? options : ((options as { transfer?: unknown[] } | undefined)?.transfer ?? [])
    const buffers = list.filter((one) => one instanceof ArrayBuffer)
    if (buffers.length > 0) structuredClone(buffers, { transfer: buffers })
  })
}

function revive(tape: TapeReader, number: number): unknown {
  return tape.find(number)
}

function replayClosing(
  { tape, contexts }: ReplayTools,
  prototype: Record<string | symbol, unknown>,
  onClose: symbol | undefined,
): void {
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
