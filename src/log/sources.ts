import { deflateRawSync, inflateRawSync } from 'node:zlib'
import type { ThreadNo } from '../ids.js'
import { decodeSourceFrame, type SourceFrame } from '../spool/source-frame.js'
import type { Put } from './chunk-writer.js'
import type { KeyValue } from './key-value.js'
import { PREFIX, toThreadNumber } from './keys.js'

/** A file that a thread loaded. */
export interface SourceFile {
  readonly thread: ThreadNo
  readonly path: string
  /** Of its bytes; what has the same hash stands once in the log. */
  readonly hash: string
  readonly size: number
}

/** The collector's: half as much more is saved by the highest level, at five times the cost. */
const LEVEL = 1

/** Puts the sources that spools tell of into the log, each content once. */
export class SourceWriter {
  readonly #put: Put
  readonly #stored = new Set<string>()

  constructor(put: Put) {
    this.#put = put
  }

  /** @returns what the frame tells; undefined where it is damaged */
  take(payload: Uint8Array): SourceFrame | undefined {
    const frame = decodeSourceFrame(payload)
    if (!frame) return undefined
    if (frame.bytes.length > 0 && !this.#stored.has(frame.hash)) {
      this.#stored.add(frame.hash)
      this.#put(toContentKey(frame.hash), deflateRawSync(frame.bytes, { level: LEVEL }))
    }
    return { ...frame, bytes: new Uint8Array() }
  }

  list(thread: number, { hash, path, size }: SourceFrame): void {
    const value = Buffer.allocUnsafe(4)
    value.writeUInt32LE(size)
    this.#put(toListKey(thread, hash, path), value)
  }
}

/** What threads loaded, those of one or of all, thread by thread. */
export async function* listSources(
  stores: readonly KeyValue[],
  thread: ThreadNo | undefined,
): AsyncGenerator<SourceFile> {
  const gte = thread === undefined ? Buffer.from([PREFIX.source]) : toListKey(thread, '', '')
  const lt = thread === undefined ? Buffer.from([PREFIX.source + 1]) : toListKey(thread + 1, '', '')
  for (const store of stores) {
    for await (const { key, value } of store.range({ gte, lt })) {
      const { hash, path } = toSourceName(key)
      const size = value && value.length === 4 ? Buffer.from(value).readUInt32LE() : 0
      yield { thread: toThreadNumber(key) as ThreadNo, path, hash, size }
    }
  }
}

/** A source's bytes. @returns undefined: they are not in the recording; null: they are damaged */
export async function loadSource(stores: readonly KeyValue[], hash: string): Promise<Uint8Array | null | undefined> {
  let found: null | undefined
  for (const store of stores) {
    const value = await store.get(toContentKey(hash))
    if (value === undefined) continue
    const bytes = value && inflate(value)
    if (bytes) return bytes
    found = null
  }
  return found
}

/** No module is larger; what claims to be is no source. */
const MOST_BYTES = 512 * 1024 * 1024

function inflate(value: Uint8Array): Uint8Array | null {
  try {
    return inflateRawSync(value, { maxOutputLength: MOST_BYTES })
  } catch {
    return null
  }
}

function toContentKey(hash: string): Uint8Array {
  return Buffer.concat([Buffer.from([PREFIX.sourceContent]), Buffer.from(hash, 'hex')])
}

function toListKey(thread: number, hash: string, path: string): Uint8Array {
  const head = Buffer.allocUnsafe(5)
  head[0] = PREFIX.source
  head.writeUInt32BE(thread, 1)
  return Buffer.concat([head, Buffer.from(hash, 'hex'), Buffer.from(path)])
}

/** What a key of a thread's list names. */
export function toSourceName(key: Uint8Array): { readonly hash: string; readonly path: string } {
  const bytes = Buffer.from(key.buffer, key.byteOffset, key.byteLength)
  return { hash: bytes.toString('hex', 5, 21), path: bytes.toString('utf8', 21) }
}
