import { findSeed } from './engine-flags.js'

/** What the numbers of `Math.random` begin with, in this thread's contexts and workers to come. */
export class Seed {
  value: number
  /** By the program: then each realm begins where it would begin by itself. */
  isGiven: boolean

  constructor(value: number, isGiven: boolean) {
    this.value = value
    this.isGiven = isGiven
  }

  /** Follows what a program sets while it runs. @returns the options that may be set */
  take(flags: readonly string[]): readonly string[] {
    const seed = findSeed(flags)
    if (seed === undefined) return flags
    // No two runs would draw the same.
    if (seed === 0) return flags.filter((flag) => findSeed([flag]) === undefined)
    this.value = seed
    this.isGiven = true
    return flags
  }
}

/** The seed that a process was started with, else the other one. */
export function toSeed(execArgv: readonly string[], other: number): Seed {
  const given = findSeed(execArgv)
  return given ? new Seed(given, true) : new Seed(other, false)
}
