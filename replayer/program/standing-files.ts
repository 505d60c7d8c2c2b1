import fs from 'node:fs'
import { resolve, sep } from 'node:path'

/** What the system makes up, of the words of a process among others. Files in memory are files. */
const MADE_UP = /^\/(?:proc|sys|dev(?!\/shm\/))(?:\/|$)/

type Used = Pick<typeof fs, 'statSync' | 'openSync' | 'fstatSync' | 'readFileSync' | 'closeSync'>

function pick({ statSync, openSync, fstatSync, readFileSync, closeSync }: Used): Used {
  return { statSync, openSync, fstatSync, readFileSync, closeSync }
}

/** Files that stand here whether or not a recording runs again. A path comes from the recording, which may name what it has
 *  brought along: its own files, those of its replay, the words of its command. */
export class StandingFiles {
  readonly #brought: readonly string[]
  // The program may put others in their places. One by one: `fs.promises` would load what keeps the clock of before.
  readonly #fs = pick(fs)
  readonly #toReal = fs.realpathSync.native

  /** @param brought places of the recording and its replay */
  constructor(brought: readonly string[]) {
    this.#brought = brought.flatMap((place) => this.#find(place) ?? [])
  }

  /** undefined where nothing stands there, or what is no file of the reader's own. */
  read(path: string): Buffer | undefined {
    const real = this.#find(path)
    if (real === undefined || MADE_UP.test(resolve(path)) || this.#isBrought(real)) return undefined
    try {
      return this.#readWhole(real)
    } catch {
      return undefined
    }
  }

  #find(path: string): string | undefined {
    try {
      return this.#toReal(path)
    } catch {
      return undefined
    }
  }

  #isBrought(real: string): boolean {
    return MADE_UP.test(real) || this.#brought.some((place) => real === place || real.startsWith(place + sep))
  }

  /** A pipe would never end; what is made up when it is read has no size. */
  #readWhole(path: string): Buffer | undefined {
    const { statSync, openSync, fstatSync, readFileSync, closeSync } = this.#fs
    if (!statSync(path).isFile()) return undefined
    const fd = openSync(path, 'r')
    try {
      const { size } = fstatSync(fd)
      const bytes = readFileSync(fd)
      return bytes.length === size ? bytes : undefined
    } finally {
      closeSync(fd)
    }
  }
}
