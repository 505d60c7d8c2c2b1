import type { ErrorRecord } from '../../src/events.js'
import { createDecoder } from '../../src/values/decoder.js'
import { createEncoder } from '../../src/values/encoder.js'
import type { RunLimit, RunSpec } from './session-run.js'

export interface WorkerStart {
  readonly spec: RunSpec
  /** Float64 cells of shared memory, by PULSE. */
  readonly pulse: SharedArrayBuffer
}

/** Written by the worker before each turn, read by the watchdog. */
export const PULSE = { turns: 0, turn: 1, seq: 2 } as const

export type ToWorker =
  | { readonly kind: 'advance'; readonly limit: RunLimit }
  | { readonly kind: 'turns'; readonly turns: Parcel; readonly last: boolean }
  | { readonly kind: 'close' }

export type FromWorker =
  | { readonly kind: 'ready' }
  | { readonly kind: 'wanted' }
  | { readonly kind: 'progress'; readonly progress: Parcel }
  | { readonly kind: 'failed'; readonly error: ErrorRecord }

/** A value on its way to another thread, in the encoding of a recording: structured cloning makes Uint8Arrays of Buffers. */
export interface Parcel {
  readonly bytes: Uint8Array
  readonly dictionary: Uint8Array | undefined
}

/** One end of the way: packs what goes, and unpacks, in order, what comes. */
export class Parcels {
  readonly #encoder = createEncoder()
  readonly #decoder = createDecoder()

  pack(value: unknown): Parcel {
    const bytes = this.#encoder.encode(value).slice()
    return { bytes, dictionary: this.#encoder.takeDictionary()?.slice() }
  }

  unpack({ bytes, dictionary }: Parcel): unknown {
    if (dictionary !== undefined) this.#decoder.learn(dictionary)
    return this.#decoder.decode(bytes)
  }
}
