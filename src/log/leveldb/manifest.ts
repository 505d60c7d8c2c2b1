import { readVarint } from './varint.js'

/** What a MANIFEST says must be there: LevelDB's version_edit.cc. */
export interface LevelVersion {
  /** Sizes by number. */
  readonly tables: ReadonlyMap<number, number>
  /** The oldest write-ahead log whose content is in no table yet; 0 when none was named. */
  readonly log: number
}

const TAGS = { comparator: 1, log: 2, next: 3, lastSequence: 4, pointer: 5, deleted: 6, added: 7, previousLog: 9 }

/** Plays the edits of a MANIFEST; null when one is none. */
export function toVersion(edits: readonly Uint8Array[]): LevelVersion | null {
  const tables = new Map<number, number>()
  let log = 0
  for (const edit of edits) {
    const read = new Reader(edit)
    while (!read.atEnd) {
      const tag = read.number()
      if (tag === TAGS.log) log = read.number()
      else if (tag === TAGS.comparator) read.skipText()
      else if (tag === TAGS.next || tag === TAGS.lastSequence || tag === TAGS.previousLog) read.number()
      else if (tag === TAGS.pointer) {
        read.number()
        read.skipText()
      } else if (tag === TAGS.deleted) {
        read.number()
        tables.delete(read.number())
      } else if (tag === TAGS.added) {
        read.number()
        tables.set(read.number(), read.number())
        read.skipText()
        read.skipText()
      } else return null
      if (read.failed) return null
    }
  }
  return { tables, log }
}

class Reader {
  readonly #bytes: Uint8Array
  #at = 0
  failed = false

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  get atEnd(): boolean {
    return this.#at >= this.#bytes.length
  }

  number(): number {
    const found = readVarint(this.#bytes, this.#at)
    if (!found) this.failed = true
    this.#at = found?.next ?? this.#bytes.length
    return found?.value ?? 0
  }

  skipText(): void {
    const length = this.number()
    this.#at += length
    if (this.#at > this.#bytes.length) this.failed = true
  }
}
