import type { RecordTools, ReplayTools } from './handles.js'
import type { Holder, Internals, Native } from './internals.js'
import { loadArguments, saveArguments } from './requests.js'
import { OUTCOME, replace } from './synchronous.js'

const NAMES = {
  open: 'fs.openAsBlob',
  pull: 'Blob that stands for a file, pull',
  pulled: 'Blob that stands for a file, pulled',
} as const

type Pull = (callback: Native) => unknown

/** Which native blobs read from files, and what is to be done about each of their readers. */
class FileBlobs {
  readonly #handles = new WeakSet<object>()
  readonly #onReader: (reader: Holder) => void
  #isWatched = false

  constructor(onReader: (reader: Holder) => void) {
    this.#onReader = onReader
  }

  add(blob: object): void {
    const handle = findHandle(blob)
    this.#handles.add(handle)
    if (!this.#isWatched) this.#watch(Object.getPrototypeOf(handle) as Holder)
  }

  /** A part of such a blob is one, too. */
  #watch(prototype: Holder): void {
    this.#isWatched = true
    const [handles, onReader] = [this.#handles, this.#onReader]
    const { getReader, slice } = prototype as { getReader: Native; slice: Native }
    replace(prototype, 'getReader', function (this: object): unknown {
      const reader = Reflect.apply(getReader, this, [])
      if (handles.has(this)) onReader(reader as Holder)
      return reader
    })
    replace(prototype, 'slice', function (this: object): unknown {
      // biome-ignore lint/complexity/noArguments: passed on as they are
      const part = Reflect.apply(slice, this, arguments)
      if (handles.has(this)) handles.add(part as object)
      return part
    })
  }
}

function findHandle(blob: object): object {
  const symbol = Object.getOwnPropertySymbols(blob).find(({ description }) => description === 'kHandle')!
  return (blob as Record<symbol, object>)[symbol]!
}

/** A blob that stands for a file reads it in pieces, when it is asked. */
export function record({ internals, tape, requests }: RecordTools): void {
  const [open, pull, pulled] = [tape.code(NAMES.open), tape.code(NAMES.pull), tape.code(NAMES.pulled)]
  const blobs = new FileBlobs((reader) => {
    const original = reader['pull'] as Pull
    replace(reader, 'pull', (callback: Native) => {
      const number = requests.next()
      const cause = tape.turn
      tape.begin(pull)
      tape.enter()
      try {
        // The native side takes no function that could be a constructor.
        return Reflect.apply(original, reader, [
          (...args: unknown[]): unknown => {
            tape.deliver(pulled, cause)
            tape.value(number)
            saveArguments(tape, args)
            tape.end()
            return callback(...args)
          },
        ])
      } finally {
        tape.leave()
        tape.result()
        tape.end()
      }
    })
  })
  watchOpening((openBlob, path, options) => {
    const write = (outcome: number, value: unknown): void => {
      tape.begin(open)
      tape.argument(String(path))
      tape.result()
      tape.value(outcome)
      tape.value(value)
      tape.end()
    }
    try {
      const promise = openBlob(path, options)
      const found = getValue(internals, promise)
      write(OUTCOME.returned, found instanceof Blob ? found.size : undefined)
      if (found instanceof Blob) blobs.add(found)
      return promise
    } catch (error) {
      write(OUTCOME.threw, error)
      throw error
    }
  })
}

/** The same from the tape: a blob of that size, whose bytes are those that were read. */
export function replay({ tape, requests, contexts }: ReplayTools): void {
  const [open, pull, pulled] = [tape.code(NAMES.open), tape.code(NAMES.pull), tape.code(NAMES.pulled)]
  const waiting = new Map<number, { readonly reader: Holder; readonly callback: Native }>()
  tape.on(pulled, () => {
    const number = tape.value() as number
    const args = loadArguments(tape)
    tape.end()
    const one = waiting.get(number)
    if (!one) return tape.diverge(`the program has not asked its blob for part ${number}`)
    waiting.delete(number)
    contexts.run(one.reader, () => Reflect.apply(one.callback, undefined, args))
  })
  const blobs = new FileBlobs((reader) => {
    contexts.note(reader)
    replace(reader, 'pull', (callback: Native) => {
      waiting.set(requests.next(), { reader, callback })
      tape.begin(pull)
      tape.result()
      tape.end()
    })
  })
  watchOpening((_, path, options) => {
    tape.begin(open)
    tape.argument(String(path))
    tape.result()
    const outcome = tape.value()
    const value = tape.value()
    tape.end()
    if (outcome === OUTCOME.threw) throw value
    if (value === undefined) {
      return Promise.resolve(new DOMException('The blob could not be read', 'NotReadableError')) as never
    }
    const blob = new Blob([new Uint8Array(value as number)], { type: options?.type ?? '' })
    blobs.add(blob)
    return Promise.resolve(blob)
  })
}

type Open = (path: unknown, options: { readonly type?: string } | undefined) => Promise<Blob>

function watchOpening(answer: (original: Open, ...args: Parameters<Open>) => Promise<Blob>): void {
  const fs = process.getBuiltinModule('node:fs') as unknown as Holder
  const original = fs['openAsBlob'] as (Native & Open) | undefined
  if (original) replace(fs, 'openAsBlob', (...[path, options]: Parameters<Open>) => answer(original, path, options))
}

/** Node has the blob already where it promises one. */
function getValue(internals: Internals, promise: Promise<unknown>): unknown {
  const { getPromiseDetails } = internals.binding('util') as unknown as {
    getPromiseDetails(promise: Promise<unknown>): readonly [state: number, value: unknown]
  }
  return getPromiseDetails(promise)[1]
}
