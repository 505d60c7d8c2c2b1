import { EntryReader } from '../../src/boundary/node/entries.js'
import { type Digest, TAG } from '../../src/boundary/node/entry-tags.js'
import { HEAD_CODE, type TapeHead } from '../../src/boundary/node/head.js'
import type { TapeFrame } from '../../src/boundary/node/tape-file.js'

const NO_CLONING = { serialize: () => new Uint8Array(), deserialize: () => undefined }

/** Bytes that a thread wrote to its stdout and stderr, by what its tape says of its calls. */
export class WrittenBytes {
  readonly total = [0, 0, 0]
  readonly #reader = new EntryReader(new Uint8Array(), (number) => ({ number }), NO_CLONING)
  readonly #calls: TapeHead['calls']
  /** The descriptor that a stream of that number stands for. */
  readonly #streams = new Map<number, number>()

  constructor({ calls }: TapeHead) {
    this.#calls = calls
  }

  add({ bytes }: TapeFrame): void {
    const reader = this.#reader
    reader.load(bytes)
    const outer: (Entry | undefined)[] = []
    let entry: Entry | undefined
    while (reader.at < reader.end) {
      const { tag } = reader
      if (tag === TAG.nest) {
        reader.at++
        // A second delivery in the same call stands behind the entries of the first.
        if (entry) outer.push(entry)
        entry = undefined
      } else if (!entry && tag === TAG.unnest) {
        reader.at++
        entry = outer.pop()
      } else if (!entry) {
        entry = { name: this.#calls[reader.varint() - HEAD_CODE - 1] ?? '', given: [], got: undefined }
      } else if (tag === TAG.result) {
        reader.at++
        entry.got = []
      } else if (tag === TAG.end) {
        reader.at++
        this.#take(entry)
        entry = undefined
      } else (entry.got ?? entry.given).push(reader.value())
    }
  }

  #take({ name, given, got = [] }: Entry): void {
    const [first, second] = given
    const number = (first as { number?: number } | undefined)?.number ?? (first as number)
    if (/^(Pipe|TCP)\.open$/.test(name)) this.#streams.set(number, second as number)
    else if (/^fs\.write(Buffer|String|Buffers)$/.test(name)) this.#add(number, got[1] ?? second)
    else if (/^(Pipe|TCP)\.write/.test(name)) this.#add(this.#streams.get(number) ?? 0, got[1])
    else if (/^TTY\.write/.test(name)) this.#add(1, got[1])
  }

  #add(fd: number, written: unknown): void {
    if (fd !== 1 && fd !== 2) return
    this.total[fd]! += typeof written === 'number' ? written : ((written as Partial<Digest> | null)?.length ?? 0)
  }
}

interface Entry {
  readonly name: string
  readonly given: unknown[]
  got: unknown[] | undefined
}
