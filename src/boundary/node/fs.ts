import type { Chaos } from './chaos.js'
import type { Contexts } from './context.js'
import {
  type Args,
  argue,
  copyWritten,
  findContext,
  findMode,
  findTargets,
  findWritten,
  type Written,
} from './fs-calls.js'
import type { Holder, Internals, Native } from './internals.js'
import type { Numbering } from './numbering.js'
import type { ReplayedSources } from './replayed-sources.js'
import { loadArguments, type Request, type RequestRecorder, type RequestReplayer } from './requests.js'
import { SourceFinder } from './sources.js'
import { listFunctions, OUTCOME, replace } from './synchronous.js'
import type { Code, TapeReader, TapeWriter } from './tape.js'

/** A native file handle, as far as Node's JavaScript uses it. */
interface FileHandle {
  readonly fd: number
}

const then = Promise.prototype.then
const nothing = (): void => {}

function saveTargets(tape: TapeWriter, targets: readonly Uint8Array[] | undefined, filled: unknown): void {
  let left = Number(filled) > 0 ? Number(filled) : 0
  for (let index = 0; targets && index < targets.length; index++) {
    const target = targets[index]!
    const size = Math.min(left, target.length)
    tape.bytes(target.subarray(0, size))
    left -= size
  }
}

/** Of a function by which sources are read: what it answers and what it fills, with hashes in the place of sources. */
interface Find {
  answer(args: Args, answer: unknown): unknown
  save(tape: TapeWriter, args: Args, targets: readonly Uint8Array[] | undefined, filled: unknown): void
}

function makeFind(sources: SourceFinder, name: string): Find | undefined {
  if (!sources.isAsked(name)) return undefined
  return {
    answer: (args, answer) => sources.find(name, args, answer),
    save(tape, args, targets, filled) {
      const target = targets?.[0]
      const source = target && Number(filled) > 0 && sources.take(args, target.subarray(0, Number(filled)))
      if (source) tape.value(source)
      else saveTargets(tape, targets, filled)
    },
  }
}

function loadTargets(tape: TapeReader, targets: readonly Uint8Array[] | undefined): void {
  for (let index = 0; targets && index < targets.length; index++) targets[index]!.set(tape.value() as Uint8Array)
}

/** A request that is answered by a promise. */
interface Promised {
  readonly code: Code
  readonly number: number
  /** It writes to stdout or stderr. */
  readonly prints: boolean
  readonly targets: readonly Uint8Array[] | undefined
  readonly find: Find | undefined
  readonly args: Args
}

/** What is needed to follow calls to their completion. */
interface Followers {
  readonly tape: TapeWriter
  readonly requests: RequestRecorder
  readonly numbering: Numbering
  readonly chaos?: Chaos
}

/** Ours is the first to be told: the turn that the answer opens begins with it. */
function followPromise(
  { tape, numbering, chaos }: Followers,
  promise: Promise<unknown>,
  { code, number, prints, targets, find, args }: Promised,
): Promise<unknown> {
  const cause = tape.turn
  if (prints) tape.writing++
  const settle = (value: unknown, fulfilled: boolean): void => {
    if (prints) tape.writing--
    tape.deliver(code, cause)
    tape.value(number)
    tape.value(fulfilled)
    if (fulfilled) {
      if (find) find.save(tape, args, targets, value)
      else saveTargets(tape, targets, value)
      find?.answer(args, value)
    }
    saveResult(tape, value, numbering)
    tape.end()
  }
  if (chaos) return postponePromise(chaos, promise, settle)
  Reflect.apply(then, promise, [(value: unknown) => settle(value, true), (error: unknown) => settle(error, false)])
  return promise
}

function postponePromise(
  chaos: Chaos,
  promise: Promise<unknown>,
  settle: (value: unknown, fulfilled: boolean) => void,
): Promise<unknown> {
  const pace = chaos.drawPace()
  return new Promise((resolve, reject) => {
    const keep = (answer: (value: unknown) => void, fulfilled: boolean) => (value: unknown) =>
      chaos.postpone(pace, () => {
        settle(value, fulfilled)
        answer(value)
      })
    Reflect.apply(then, promise, [keep(resolve, true), keep(reject, false)])
  })
}

/** The file system: each function of the binding, by the way in which it answers. */
export function record(internals: Internals, tools: Followers): void {
  const { tape, requests } = tools
  const binding = internals.binding('fs')
  const handles = (binding['FileHandle'] as { prototype: Holder }).prototype
  const usePromises = binding['kUsePromises']
  const sources = new SourceFinder()
  for (const name of listFunctions(binding)) {
    const original = binding[name] as Native
    const find = makeFind(sources, name)
    const [now, later] = [tape.code(`fs.${name}`), tape.code(`fs.${name} completed`)]
    const reads = name === 'read' || name === 'readBuffers'
    const writes = name === 'writeString' || name === 'writeBuffer' || name === 'writeBuffers'
    replace(binding, name, function (this: unknown): unknown {
      // biome-ignore lint/complexity/noArguments: passed on without an array per call
      const args = arguments
      if (tape.bypass) return Reflect.apply(original, this, args)
      const mode = findMode(args, usePromises)
      const targets = reads ? findTargets(name, args) : undefined
      tape.begin(now)
      argue(tape, name, args, reads)
      const prints = writes && (args[0] === 1 || args[0] === 2)
      if (prints) tape.output()
      if (mode === undefined) return callNow(tape, original, this, args, { targets, find })
      tape.result()
      tape.end()
      if (mode === 'promise') {
        const number = requests.next()
        const promise = Reflect.apply(original, this, args) as Promise<unknown>
        return followPromise(tools, promise, { code: later, number, prints, targets, find, args })
      }
      requests.followAny(later, mode, targets && ((_, given) => saveTargets(tape, targets, given[1])))
      if (prints) countWriting(tape, mode)
      return Reflect.apply(original, this, args)
    })
  }
  recordClose(tools, handles)
}

function saveResult(tape: TapeWriter, value: unknown, numbering: Numbering): void {
  const isHandle = typeof value === 'object' && value !== null && 'fd' in value && 'releaseFD' in value
  tape.value(isHandle)
  if (!isHandle) return tape.value(value)
  tape.value(numbering.of(value))
  tape.value((value as FileHandle).fd)
}

/** Until it is done, others that write come before or behind it. */
function countWriting(tape: TapeWriter, request: Request): void {
  tape.writing++
  const oncomplete = request.oncomplete as Native
  request.oncomplete = function (this: unknown): unknown {
    tape.writing--
    // The program finds what it put there.
    request.oncomplete = oncomplete
    // biome-ignore lint/complexity/noArguments: passed on as they are
    return Reflect.apply(oncomplete, this, arguments)
  }
}

const NOTHING_READ = { prints: false, targets: undefined, find: undefined, args: [] }

function callNow(
  tape: TapeWriter,
  original: Native,
  self: unknown,
  args: Args,
  { targets, find }: Pick<Promised, 'targets' | 'find'>,
): unknown {
  let result: unknown
  try {
    result = Reflect.apply(original, self, args)
  } catch (error) {
    tape.result()
    tape.value(OUTCOME.threw)
    tape.value(error)
    tape.end()
    throw error
  }
  tape.result()
  tape.value(OUTCOME.returned)
  tape.value(find ? find.answer(args, result) : result)
  const context = findContext(args)
  tape.value(context?.['errno'] === undefined ? null : { ...context })
  if (find) find.save(tape, args, targets, result)
  else saveTargets(tape, targets, result)
  tape.end()
  return result
}

function recordClose(tools: Followers, handles: Holder): void {
  const { tape, requests } = tools
  const original = handles['close'] as Native
  const [now, later] = [tape.code('FileHandle.close'), tape.code('FileHandle.close completed')]
  replace(handles, 'close', function (this: unknown): unknown {
    if (tape.bypass) return Reflect.apply(original, this, [])
    tape.begin(now)
    tape.result()
    tape.end()
    const number = requests.next()
    const promise = Reflect.apply(original, this, []) as Promise<unknown>
    return followPromise(tools, promise, { code: later, number, ...NOTHING_READ })
  })
}

export interface FsReplay {
  readonly requests: RequestReplayer
  readonly contexts: Contexts
  readonly numbering: Numbering
  /** What the program writes to its own stdout and stderr comes out again. */
  print(fd: number, bytes: Uint8Array): void
  readonly files: ReplayedSources
}

interface Pending {
  readonly written: Written | undefined
  readonly resolve: (value: unknown) => void
  readonly reject: (error: unknown) => void
  readonly targets: readonly Uint8Array[] | undefined
  readonly name: string
  readonly args: Args
  readonly resource: object
}

/** The same from the tape: no file is touched.
 *  @returns prints what the thread pool still had to write when the program ended */
export function replay(internals: Internals, tape: TapeReader, tools: FsReplay): () => void {
  const binding = internals.binding('fs')
  const usePromises = binding['kUsePromises']
  const { requests, contexts, files: sources } = tools
  // Callback and promise forms of one function share the kind of their completion.
  const waiting = new Map<number, Pick<Pending, 'written' | 'targets'> & { readonly request: Request }>()
  const pending = new Map<number, Pending>()
  const Stand = makeStandIn(tape, () => promise('close', []), tools)
  // HTTP/2 makes handles of descriptors itself.
  binding['FileHandle'] = Stand
  for (const name of listFunctions(binding)) {
    const original = binding[name] as Native
    const now = tape.code(`fs.${name}`)
    const later = tape.code(`fs.${name} completed`)
    const reads = name === 'read' || name === 'readBuffers'
    tape.on(later, settle)
    replace(binding, name, function (this: unknown): unknown {
      // biome-ignore lint/complexity/noArguments: passed on without an array per call
      const args = arguments
      if (tape.bypass) return Reflect.apply(original, this, args)
      const mode = findMode(args, usePromises)
      const targets = reads ? findTargets(name, args) : undefined
      sources.begin(name, args)
      tape.begin(now)
      if (sources.isLocal(name, args)) tape.skipArguments()
      else argue(tape, name, args, reads)
      if (mode === undefined) {
        return sources.answer(name, args, answerNow(tape, name, args, targets, tools), targets)
      }
      tape.result()
      tape.end()
      const written = copyWritten(name, args)
      if (mode === 'promise') return promise(name, args, targets, written)
      waiting.set(requests.next(), { request: mode, targets, written })
      contexts.capture(mode)
      return undefined
    })
  }
  tape.on(tape.code('FileHandle.close completed'), settle)
  return () => {
    for (const { written } of [...waiting.values(), ...pending.values()]) print(written, Number.POSITIVE_INFINITY)
  }

  function print(written: Written | undefined, size: unknown): void {
    if (written) tools.print(written.fd, written.bytes.subarray(0, Number(size) || 0))
  }

  function openStandIn(number: number): object {
    const handle = new Stand(tape.value() as number)
    if (tools.numbering.of(handle) !== number) tape.diverge('handles are numbered otherwise')
    return handle
  }

  function promise(name: string, args: Args, targets?: readonly Uint8Array[], written?: Written): Promise<unknown> {
    const number = requests.next()
    let made: Omit<Pending, 'resource'> | undefined
    const result = new Promise<unknown>((resolve, reject) => {
      made = { resolve, reject, targets, name, args, written }
    })
    const resource = contexts.make(name === 'close' ? 'FILEHANDLECLOSEREQ' : 'FSREQPROMISE')
    Reflect.apply(then, result, [nothing, nothing])
    pending.set(number, { ...made!, resource })
    return result
  }

  function settle(): void {
    const number = tape.value() as number
    const asked = waiting.get(number)
    if (asked) {
      waiting.delete(number)
      loadTargets(tape, asked.targets)
      const args = loadArguments(tape, asked.request)
      tape.end()
      print(asked.written, args[1])
      contexts.run(asked.request, () => Reflect.apply(asked.request.oncomplete as Native, asked.request, args))
      return
    }
    const promised = pending.get(number)
    if (!promised) return tape.diverge(`the program has not made request ${number}`)
    pending.delete(number)
    const fulfilled = tape.value()
    if (fulfilled) loadTargets(tape, promised.targets)
    const value = tape.value() ? openStandIn(tape.value() as number) : tape.value()
    tape.end()
    if (fulfilled) print(promised.written, value)
    contexts.run(promised.resource, () => {
      if (fulfilled) promised.resolve(sources.answer(promised.name, promised.args, value, promised.targets))
      else promised.reject(value)
    })
  }
}

function answerNow(
  tape: TapeReader,
  name: string,
  args: Args,
  targets: readonly Uint8Array[] | undefined,
  tools: FsReplay,
): unknown {
  tape.result()
  const outcome = tape.value()
  const value = tape.value()
  if (outcome === OUTCOME.threw) {
    tape.end()
    throw value
  }
  const failed = tape.value() as object | null
  loadTargets(tape, targets)
  tape.end()
  if (failed) Object.assign(findContext(args)!, failed)
  else {
    const written = findWritten(name, args)
    if (written) tools.print(written.fd, written.bytes.subarray(0, Number(value) || 0))
  }
  return value
}

/** Node's own handle would close a descriptor that nobody opened. */
function makeStandIn(tape: TapeReader, promise: () => Promise<unknown>, { contexts }: FsReplay) {
  const close = tape.code('FileHandle.close')
  const Stand = class FileHandle {
    fd: number
    constructor(fd: number) {
      this.fd = fd
      contexts.init(this, 'FILEHANDLE')
    }
    getAsyncId(): number {
      return contexts.idOf(this)
    }
    close(): Promise<unknown> {
      tape.begin(close)
      tape.result()
      tape.end()
      tape.release(this)
      return promise()
    }
    releaseFD(): number {
      const { fd } = this
      tape.release(this)
      this.fd = -1
      return fd
    }
  }
  return Stand
}
