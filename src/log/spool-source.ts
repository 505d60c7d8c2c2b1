import { closeSync, fstatSync, openSync, readdirSync, readFileSync, readSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { isThreadPath } from '../ids.js'
import { CLAIM_SUFFIX, CLAIM_TEXT_BYTES } from '../spool/format.js'

/** Where the spools of a recording come from: its directory, or the memory of a scope that has none. */
export interface SpoolSource {
  /** Paths of the threads that have a spool. */
  list(): readonly string[]
  /** Size of a spool in bytes; 0 when it is gone. */
  size(path: string): number
  /** Fills `into` with what stands from `offset` on. @returns the number of bytes, fewer at the end */
  read(path: string, offset: number, into: Uint8Array): number
  /** Blocks of a thread that its spool did not take; whatever follows them is none. */
  readKept(path: string): Uint8Array
  /** Its thread has ended and the log holds all of it. */
  remove(path: string): void
  close(): void
}

/** The spools in `dir`, which need not exist yet. Files are kept open, so that what a reader began to read stays. */
export function openSpoolDirectory(dir: string, options: { readonly readOnly?: boolean } = {}): SpoolSource {
  return new SpoolDirectory(dir, options.readOnly === true)
}

class SpoolDirectory implements SpoolSource {
  readonly #dir: string
  readonly #readOnly: boolean
  readonly #files = new Map<string, number>()

  constructor(dir: string, readOnly: boolean) {
    this.#dir = dir
    this.#readOnly = readOnly
  }

  list(): readonly string[] {
    try {
      return readdirSync(this.#dir).filter(isThreadPath).sort()
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
      throw error
    }
  }

  size(path: string): number {
    const file = this.#open(path)
    return file === undefined ? 0 : fstatSync(file).size
  }

  read(path: string, offset: number, into: Uint8Array): number {
    const file = this.#open(path)
    if (file === undefined) return 0
    let filled = 0
    while (filled < into.length) {
      const got = readSync(file, into, filled, into.length - filled, offset + filled)
      if (got === 0) break
      filled += got
    }
    return filled
  }

  readKept(path: string): Uint8Array {
    try {
      return readFileSync(join(this.#dir, `${path}${CLAIM_SUFFIX}`)).subarray(CLAIM_TEXT_BYTES)
    } catch {
      // It is not there, or may not be read: what stands in it is missing, as it would be without it.
      return new Uint8Array(0)
    }
  }

  remove(path: string): void {
    this.#close(path)
    if (!this.#readOnly) rmSync(join(this.#dir, path), { force: true })
  }

  close(): void {
    for (const path of [...this.#files.keys()]) this.#close(path)
  }

  #open(path: string): number | undefined {
    const known = this.#files.get(path)
    if (known !== undefined) return known
    try {
      const file = openSync(join(this.#dir, path), 'r')
      this.#files.set(path, file)
      return file
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
      throw error
    }
  }

  #close(path: string): void {
    const file = this.#files.get(path)
    if (file !== undefined) closeSync(file)
    this.#files.delete(path)
  }
}

/** Spools held in memory: what a scope without `out` writes, until it is ingested. */
export class SpoolMemory implements SpoolSource {
  readonly #spools = new Map<string, { start: number; parts: Uint8Array[]; end: number }>()

  /** Appends bytes to a spool; they are the source's from here on. */
  append(path: string, bytes: Uint8Array): void {
    const spool = this.#spools.get(path)
    if (spool) {
      spool.parts.push(bytes)
      spool.end += bytes.length
    } else this.#spools.set(path, { start: 0, parts: [bytes], end: bytes.length })
  }

  list(): readonly string[] {
    return [...this.#spools.keys()].sort()
  }

  size(path: string): number {
    return this.#spools.get(path)?.end ?? 0
  }

  /** What stands before `offset` is let go of: it was read before. */
  read(path: string, offset: number, into: Uint8Array): number {
    const spool = this.#spools.get(path)
    if (!spool) return 0
    while (spool.parts.length > 0 && spool.start + spool.parts[0]!.length <= offset) {
      spool.start += spool.parts.shift()!.length
    }
    let filled = 0
    let at = spool.start
    for (const part of spool.parts) {
      if (filled === into.length) break
      const from = Math.max(0, offset + filled - at)
      const piece = part.subarray(from, from + into.length - filled)
      into.set(piece, filled)
      filled += piece.length
      at += part.length
    }
    return filled
  }

  readKept(): Uint8Array {
    return new Uint8Array(0)
  }

  remove(path: string): void {
    this.#spools.delete(path)
  }

  close(): void {
    this.#spools.clear()
  }
}
