import { passHandles, recordConnections, replayConnections } from './connections.js'
import { toBytes } from './entries.js'
import { recordGetter, replayGetter } from './getters.js'
import {
  type EventPlan,
  type HandleClass,
  type HandlePlan,
  isMade,
  type RecordTools,
  type ReplayTools,
  type RequestPlan,
  recordHandle,
  replayHandle,
} from './handles.js'
import type { Holder, Internals } from './internals.js'
import { ParserFeed } from './parser-feed.js'
import type { Request } from './requests.js'
import { recordCall, replayCall } from './synchronous.js'

/** Shared with the native side (lib/internal/stream_base_commons.js). */
export interface StreamState {
  readonly state: Int32Array
  readonly kReadBytesOrError: number
  readonly kArrayBufferOffset: number
  readonly kBytesWritten: number
  readonly kLastWriteWasAsync: number
  /** From Node 26 on. */
  readonly kLastWriteErr?: number
  /** The memory of the program's own that a handle reads into, where it has one. */
  readonly findOwn: (handle: object) => Uint8Array | undefined
}

export function toState(internals: Internals): StreamState {
  const binding = internals.binding('stream_wrap') as unknown as StreamState & { streamBaseState: Int32Array }
  return {
    ...binding,
    state: binding.streamBaseState,
    findOwn: toOwnMemory(internals),
  }
}

const ENCODINGS: Readonly<Record<string, BufferEncoding>> = {
  writeUtf8String: 'utf8',
  writeAsciiString: 'latin1',
  writeLatin1String: 'latin1',
  writeUcs2String: 'utf16le',
}

const WRITES = ['writeBuffer', 'writev', ...Object.keys(ENCODINGS)]

/** What most writes fit into, so that none has to be put together in memory of its own. */
const scratch = Buffer.allocUnsafeSlow(64 * 1024)

/** The bytes that a write sends: to be used before the next call. */
function toWritten(method: string, args: ArrayLike<unknown>): Uint8Array {
  if (method === 'writeBuffer') return toBytes(args[1] as ArrayBufferView)
  if (method === 'writev') return toVector(args[1] as unknown[], Boolean(args[2]))
  const text = args[1] as string
  if (text.length * 3 > scratch.length) return Buffer.from(text, ENCODINGS[method])
  return scratch.subarray(0, scratch.write(text, 0, ENCODINGS[method]))
}

/** Buffers alone, or pairs of a chunk and its encoding. */
function toVector(chunks: readonly unknown[], allBuffers: boolean): Uint8Array {
  const step = allBuffers ? 1 : 2
  let end = 0
  for (let index = 0; index < chunks.length; index += step) {
    const chunk = chunks[index] as string | Uint8Array
    const most = typeof chunk === 'string' ? chunk.length * 3 : chunk.length
    if (end + most > scratch.length) return toLongVector(chunks, step)
    if (typeof chunk === 'string') end += scratch.write(chunk, end, chunks[index + 1] as BufferEncoding)
    else {
      scratch.set(chunk, end)
      end += chunk.length
    }
  }
  return scratch.subarray(0, end)
}

function toLongVector(chunks: readonly unknown[], step: number): Uint8Array {
  const parts: Uint8Array[] = []
  for (let index = 0; index < chunks.length; index += step) {
    const chunk = chunks[index] as string | Uint8Array
    parts.push(typeof chunk === 'string' ? Buffer.from(chunk, chunks[index + 1] as BufferEncoding) : chunk)
  }
  return Buffer.concat(parts)
}

/** Bytes that a handle has read and written as its replay counts them, and the stdio that it stands for. */
const counts = new WeakMap<object, { read: number; written: number }>()
const stdio = new WeakMap<object, number>()

/** Streams that an HTTP/2 session reads and writes natively: what goes through them is on the tape only as a sum. */
const consumed = new WeakSet<object>()

export function markConsumed(handle: object): void {
  consumed.add(handle)
}

const isConsumed = (handle: object): boolean => consumed.has(handle)

const SUMS = ['bytesRead', 'bytesWritten']

const GETTERS = ['fd', 'writeQueueSize']

function keepStdio(_: unknown, args: ArrayLike<unknown>, handle: object): void {
  if (args[0] === 1 || args[0] === 2) stdio.set(handle, args[0])
}

function countOf(handle: object): { read: number; written: number } {
  let count = counts.get(handle)
  if (!count) counts.set(handle, (count = { read: 0, written: 0 }))
  return count
}

function toWritePlan(stream: StreamState, method: string, print?: ReplayTools['print']): RequestPlan {
  const { state, kBytesWritten, kLastWriteWasAsync } = stream
  return {
    argue(tape, args) {
      tape.digest(toWritten(method, args))
      // A handle that goes with the bytes of a channel between processes.
      if (typeof args[2] === 'object' && args[2] !== null) tape.argument(args[2])
    },
    save(tape, result, handle) {
      if (stdio.has(handle)) tape.output()
      const later = state[kLastWriteWasAsync]!
      tape.value(state[kBytesWritten])
      tape.value(later)
      return isMade(result) ? saveMade(tape, result, stream) : result === 0 && later !== 0
    },
    load(tape, result, handle, args) {
      state[kBytesWritten] = tape.value() as number
      const later = (state[kLastWriteWasAsync] = tape.value() as number)
      countOf(handle).written += state[kBytesWritten]!
      const waits = isMade(result) ? loadMade(tape, result, stream) : result === 0 && later !== 0
      const fd = stdio.get(handle)
      if (fd !== undefined && (waits || result === 0)) print?.(fd, toWritten(method, args))
      return waits
    },
  }
}

type MadeRequest = Request & { writeStatus?: number | null; error?: unknown }

/** A request that the native side made may be done, or have failed, when it is returned. */
function saveMade(tape: RecordTools['tape'], request: MadeRequest, { state, kLastWriteErr }: StreamState): boolean {
  const error = state[kLastWriteErr!]!
  const status = request.writeStatus ?? null
  tape.value(error)
  tape.value(status)
  tape.value(request.error)
  return error === 0 && status === null
}

function loadMade(tape: ReplayTools['tape'], request: MadeRequest, { state, kLastWriteErr }: StreamState): boolean {
  const error = (state[kLastWriteErr!] = tape.value() as number)
  const status = (request.writeStatus = tape.value() as number | null)
  const reason = tape.value()
  if (reason !== undefined) request.error = reason
  return error === 0 && status === null
}

/** Memory of the program's own that a socket reads into (`onread` of `net.connect`): Node's JavaScript keeps the buffer
 *  of the moment on the socket. */
function toOwnMemory(internals: Internals): (handle: object) => Uint8Array | undefined {
  let symbols: { readonly owner: symbol; readonly buffer: symbol } | undefined
  return (handle) => {
    symbols ??= {
      owner: (internals.builtin('internal/async_hooks')['symbols'] as { owner_symbol: symbol }).owner_symbol,
      buffer: internals.builtin('internal/stream_base_commons')['kBuffer'] as symbol,
    }
    const socket = (handle as Record<symbol, Record<symbol, unknown> | undefined>)[symbols.owner]
    const buffer = socket?.[symbols.buffer]
    return ArrayBuffer.isView(buffer) ? toBytes(buffer) : undefined
  }
}

function toReadPlan(stream: StreamState, feed?: ParserFeed): EventPlan {
  const { state, kReadBytesOrError, kArrayBufferOffset, findOwn } = stream
  return {
    ...(feed && { divert: toDivert(stream, feed) }),
    save(tape, args, handle) {
      const size = state[kReadBytesOrError]!
      tape.value(size)
      if (size <= 0) return
      const memory = args[0] as ArrayBuffer | undefined
      if (memory) tape.bytes(new Uint8Array(memory, state[kArrayBufferOffset], size))
      else tape.bytes(findOwn(handle)!.subarray(0, size))
    },
    // The next read overwrites it.
    isFleeting: (args) => args[0] === undefined && state[kReadBytesOrError]! > 0,
    load(tape, handle) {
      const size = tape.value() as number
      state[kReadBytesOrError] = size
      state[kArrayBufferOffset] = 0
      if (size <= 0) return [undefined]
      countOf(handle).read += size
      const own = findOwn(handle)
      if (!own) return [toArrayBuffer(tape.value() as Uint8Array)]
      if (own.length < size) return tape.diverge(`the memory that it reads into has ${own.length} bytes`)
      own.set(tape.value() as Uint8Array)
      return [undefined]
    },
  }
}

/** The end of a stream, and its errors, are the socket's affair. */
function toDivert(
  { state, kReadBytesOrError, kArrayBufferOffset }: StreamState,
  feed: ParserFeed,
): NonNullable<EventPlan['divert']> {
  return (handle, args) => {
    const size = state[kReadBytesOrError]!
    const parser = size > 0 ? feed.find(handle) : undefined
    if (!parser) return false
    feed.feed(parser, new Uint8Array(args[0] as ArrayBuffer, state[kArrayBufferOffset], size))
    return true
  }
}

function toArrayBuffer(bytes: Uint8Array): ArrayBuffer {
  const copy = new ArrayBuffer(bytes.length)
  new Uint8Array(copy).set(bytes)
  return copy
}

/** What fills an object that it is given with an address. */
export const ADDRESS = {
  argue: () => {},
  save: (tape: RecordTools['tape'], args: ArrayLike<unknown>) => tape.value({ ...(args[0] as object) }),
  load: (tape: ReplayTools['tape'], args: ArrayLike<unknown>) => Object.assign(args[0] as object, tape.value()),
}

interface StreamUse {
  readonly print?: ReplayTools['print']
  /** Parsers that may take what is read. */
  readonly feed?: ParserFeed
}

export function toPlan(name: string, stream: StreamState, { print, feed }: StreamUse = {}): HandlePlan {
  const requests: Record<string, RequestPlan> = { shutdown: {}, connect: {}, connect6: {} }
  for (const method of WRITES) requests[method] = toWritePlan(stream, method, print)
  return {
    name,
    requests,
    events: { onread: toReadPlan(stream, feed) },
    methods: {
      getsockname: ADDRESS,
      getpeername: ADDRESS,
      // Fills an array with the size that it found.
      getWindowSize: {
        argue: () => {},
        save: (tape, args) => tape.value(args[0]),
        load: (tape, args) => Object.assign(args[0] as object, tape.value()),
      },
      open: { save: keepStdio, load: keepStdio },
    },
    passing: ['useUserBuffer', 'setSimultaneousAccepts', 'setPendingInstances', 'getAsyncId'],
  }
}

const TYPES = [
  { binding: 'tcp_wrap', type: 'TCP' },
  { binding: 'pipe_wrap', type: 'Pipe' },
  { binding: 'tty_wrap', type: 'TTY' },
] as const

/** The HTTP parsers of Node would read natively from a stream that says it may: what comes in is delivered to JavaScript
 *  instead. */
function keepOffNative(prototype: Holder): void {
  Object.defineProperty(prototype, '_consumed', { get: () => true, set: () => {}, configurable: true })
}

/** What servers' connections are: from these a parser is fed. */
const FED = { TCP: 'tcp_wrap', Pipe: 'pipe_wrap' } as const

function toFeed(internals: Internals): ParserFeed {
  const prototypes = Object.entries(FED).map(([type, binding]) => {
    return (internals.binding(binding)[type] as HandleClass).prototype
  })
  return new ParserFeed(internals, (handle) => prototypes.includes(Object.getPrototypeOf(handle) as Holder))
}

function letParsersRead(type: HandleClass): void {
  Reflect.deleteProperty(type.prototype, '_consumed')
}

/** Sockets, pipes and terminals. */
export function record(tools: RecordTools): void {
  const stream = toState(tools.internals)
  const feed = toFeed(tools.internals)
  for (const { binding, type } of TYPES) {
    const holder = tools.internals.binding(binding)
    const handle = holder[type] as HandleClass
    const plan = toPlan(type, stream, { feed })
    recordStream(tools, handle, type === 'Pipe' ? passHandles(plan, tools) : plan)
    recordConnections(tools, handle, type)
    if (type in FED) letParsersRead(handle)
    if (type === 'TTY') recordCall(tools.tape, holder, 'isTTY', 'tty.isTTY')
  }
}

export function recordStream(tools: RecordTools, type: HandleClass, plan: HandlePlan): void {
  recordHandle(tools, type, plan)
  for (const name of GETTERS) recordGetter(tools, type, plan.name, name)
  for (const name of SUMS) recordGetter(tools, type, plan.name, name, isConsumed)
  keepOffNative(type.prototype)
}

/** The same from the tape: handles are made and never opened. */
export function replay(tools: ReplayTools): void {
  const stream = toState(tools.internals)
  const feed = toFeed(tools.internals)
  standInForTerminal(tools)
  for (const { binding, type } of TYPES) {
    const holder = tools.internals.binding(binding)
    const handle = holder[type] as HandleClass
    const plan = toPlan(type, stream, { print: tools.print, feed })
    replayStream(tools, handle, type === 'Pipe' ? passHandles(plan, tools) : plan)
    replayConnections(tools, handle, type)
    if (type in FED) letParsersRead(handle)
    if (type === 'TTY') replayCall(tools.tape, holder, 'isTTY', 'tty.isTTY')
  }
}

export function replayStream(tools: ReplayTools, type: HandleClass, plan: HandlePlan): void {
  replayHandle(tools, type, plan)
  for (const name of GETTERS) replayGetter(tools, type, plan.name, name)
  const [read, written] = [(handle: object) => countOf(handle).read, (handle: object) => countOf(handle).written]
  replayGetter(tools, type, plan.name, 'bytesRead', isConsumed, read)
  replayGetter(tools, type, plan.name, 'bytesWritten', isConsumed, written)
  keepOffNative(type.prototype)
}

/** A terminal's handle cannot be made where there is none. */
function standInForTerminal({ internals }: ReplayTools): void {
  const holder = internals.binding('tty_wrap')
  const Pipe = internals.binding('pipe_wrap')['Pipe'] as new (kind: number) => object
  const methods = (holder['TTY'] as { prototype: object }).prototype
  function TTY(fd: number): object {
    const handle = Object.setPrototypeOf(new Pipe(0), TTY.prototype) as object
    if (fd === 1 || fd === 2) stdio.set(handle, fd)
    return handle
  }
  TTY.prototype = Object.create(Pipe.prototype, Object.getOwnPropertyDescriptors(methods)) as object
  holder['TTY'] = TTY
}
