import type { Internals } from '../src/boundary/node/internals.js'
import { isCode, type Source } from '../src/boundary/node/sources.js'
import { encodeSourceFrame, HASH_BYTES } from '../src/spool/source-frame.js'

interface Hash {
  update(bytes: Uint8Array): void
  digest(encoding: 'buffer'): Buffer
}

type HashClass = new (algorithm: string, length: undefined, id: number, cache: object) => Hash

const NONE: readonly Uint8Array[] = []

/** Says once of each source that a thread loads what it is; from then on its hash stands for it. */
export class SourceTeller {
  readonly #Hash: HashClass
  readonly #keep: boolean
  readonly #told = new Set<string>()
  readonly #kept = new Set<string>()
  readonly #cache = {}
  #frames: Uint8Array[] = []
  /** Of what was not taken yet. */
  bytes = 0

  /** @param keep without it only hashes of code are told */
  constructor(internals: Internals, keep: boolean) {
    // To load `node:crypto` costs as much as the rest of the preload, and the program may patch it.
    this.#Hash = internals.binding('crypto')['Hash'] as HashClass
    this.#keep = keep
  }

  /** @returns its hash */
  tell({ path, bytes }: Source): Uint8Array {
    const hash = new this.#Hash('sha256', undefined, -1, this.#cache)
    hash.update(bytes)
    const digest = hash.digest('buffer').subarray(0, HASH_BYTES)
    const name = digest.toString('latin1')
    const listed = `${name}${path}`
    if (this.#told.has(listed)) return digest
    this.#told.add(listed)
    const frame = encodeSourceFrame(digest, path, bytes, this.#isKept(path) && !this.#kept.has(name))
    if (this.#isKept(path)) this.#kept.add(name)
    this.#frames.push(frame)
    this.bytes += frame.length
    return digest
  }

  #isKept(path: string): boolean {
    return this.#keep || !isCode(path)
  }

  /** What the next frame of the tape needs in front of it. */
  take(): readonly Uint8Array[] {
    if (this.bytes === 0) return NONE
    const frames = this.#frames
    this.#frames = []
    this.bytes = 0
    return frames
  }
}
