import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'

const EVERY_MS = 250

/** What one process, or one directory, took up over time: MB, in order. */
export class Sizes {
  readonly all: number[] = []

  add(mb: number | undefined): void {
    if (mb !== undefined) this.all.push(mb)
  }

  get most(): number {
    return Math.max(0, ...this.all)
  }

  /** Middle of what was seen in one part of the time. @param from @param to shares of it, between 0 and 1 */
  middle(from: number, to: number): number {
    const part = this.all.slice(Math.floor(this.all.length * from), Math.ceil(this.all.length * to))
    return part.sort((a, b) => a - b)[part.length >> 1] ?? 0
  }

  toString(): string {
    const parts = [0, 1, 2, 3].map((n) => this.middle(n / 4, (n + 1) / 4).toFixed(0))
    return `${parts.join(' → ')} MB, at most ${this.most.toFixed(0)}`
  }
}

/** Looks again and again until it is told to end. */
export function watchSizes(looks: readonly (readonly [Sizes, () => number | undefined])[]): () => void {
  const timer = setInterval(() => {
    for (const [sizes, look] of looks) sizes.add(look())
  }, EVERY_MS)
  return () => clearInterval(timer)
}

/** Resident memory of a process in MB; undefined where it has ended. */
export function readResident(pid: number): number | undefined {
  try {
    const kb = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
    return kb === undefined ? undefined : Number(kb) / 1024
  } catch {
    return undefined
  }
}

/** The first process that this one has started and that lives. */
export function findChild(pid: number): number | undefined {
  try {
    const [child] = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ')
    return child ? Number(child) : undefined
  } catch {
    return undefined
  }
}

/** What the files of a directory take up, in MB. */
export function readSize(dir: string): number {
  try {
    const sizes = readdirSync(dir).map((name) => statSync(join(dir, name), { throwIfNoEntry: false })?.size ?? 0)
    return sizes.reduce((sum, size) => sum + size, 0) / 1024 / 1024
  } catch {
    return 0
  }
}
