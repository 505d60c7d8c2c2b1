import { statSync } from 'node:fs'
import { RetroscopeError } from '../src/errors.js'
import { listCarriedFiles } from '../src/log/carried-files.js'
import { detectRecording, readFormat } from '../src/log/format-file.js'
import type { Entry, KeyValue, Range } from '../src/log/key-value.js'
import { openStores } from '../src/log/open.js'
import { packStores, unpackTo } from '../src/log/pack.js'

export interface Packed {
  readonly path: string
  readonly bytes: number
}

/** Tells how far a long copy is. */
export type OnProgress = (done: number) => void

/** Packs a recording directory into one file, with its sources and what its spools hold beyond its log; a recording that is being written
 *  is packed as it stands. The directory stays. @throws EXISTS, USAGE when it is packed already, what opening throws */
export async function packRecording(path: string, target: string, onProgress?: OnProgress): Promise<Packed> {
  if (detectRecording(path).form === 'packed') {
    throw new RetroscopeError('USAGE', `${path} is packed already.`, { hint: 'Every command opens it as it is.' })
  }
  const format = readFormat(path)
  const { stores, damage, close } = await openStores(path)
  try {
    const seen = { values: 0 }
    await packStores(
      stores.map((store) => new CountedStore(store, seen, onProgress)),
      format,
      target,
      { damage, files: listCarriedFiles(path) },
    )
  } finally {
    await close()
  }
  return { path: target, bytes: statSync(target).size }
}

/** Turns a packed recording back into a directory. The file stays. @throws EXISTS, USAGE when it is no packed file */
export async function unpackRecording(path: string, target: string): Promise<Packed> {
  if (detectRecording(path).form === 'directory') {
    throw new RetroscopeError('USAGE', `${path} is a directory, not a packed recording.`, {
      hint: 'Every command opens it as it is.',
    })
  }
  await unpackTo(path, target)
  return { path: target, bytes: statSync(path).size }
}

/** A store that says how many values were read from it. */
class CountedStore implements KeyValue {
  readonly #store: KeyValue
  readonly #seen: { values: number }
  readonly #onProgress: OnProgress | undefined

  constructor(store: KeyValue, seen: { values: number }, onProgress: OnProgress | undefined) {
    this.#store = store
    this.#seen = seen
    this.#onProgress = onProgress
  }

  get(key: Uint8Array): Promise<Uint8Array | null | undefined> {
    return this.#store.get(key)
  }

  async *range(range: Range): AsyncGenerator<Entry> {
    for await (const entry of this.#store.range(range)) {
      yield entry
      this.#onProgress?.(++this.#seen.values)
    }
  }

  close(): Promise<void> {
    return this.#store.close()
  }
}
