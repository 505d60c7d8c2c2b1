import type { Place } from './structures.js'

// biome-ignore lint/suspicious/noExplicitAny: the standard library types it so
const findGetter = (Object.prototype as any).__lookupGetter__ as (this: object, key: string) => unknown

/** What reading one property gave. */
export interface Read {
  readonly value?: unknown
  /** What its getter threw. */
  readonly error?: unknown
  readonly thrown: boolean
}

/** Getters that have run once and must not run again: by object and property. */
export type Reads = ReadonlyMap<object, ReadonlyMap<string, Read>>

/** Objects that were walked, in order, with the values that were read of each. What a walk reads it reads once; where it
 *  ends early, whoever begins again asks here what the program's getters had returned. */
export class ReadTrace {
  /** Values, those of one object behind one another. */
  readonly values: unknown[] = []
  readonly objects: object[] = []
  /** Where the values of each object begin. */
  readonly starts: number[] = []
  /** Names of what was read of each object; undefined for an array. */
  readonly names: (Place | readonly string[] | undefined)[] = []
  /** Value that is no value: the getter read last threw it. */
  thrown = -1

  /** @returns undefined when no getter has run */
  toReads(objects: number, values: number): Reads | undefined {
    let reads: Map<object, Map<string, Read>> | undefined
    for (let no = 0; no < objects; no++) {
      const object = this.objects[no]!
      const start = this.starts[no]!
      const names = this.names[no]
      const keys = names === undefined || Array.isArray(names) ? names : (names as Place).toKeys()
      const end = no + 1 < objects ? this.starts[no + 1]! : values
      for (let at = start; at < end; at++) {
        const key = keys === undefined ? String(at - start) : keys[at - start]
        if (key === undefined || findGetter.call(object, key) === undefined) continue
        reads ??= new Map()
        if (!reads.has(object)) reads.set(object, new Map())
        const value = this.values[at]
        reads.get(object)!.set(key, at === this.thrown ? { error: value, thrown: true } : { value, thrown: false })
      }
    }
    return reads
  }
}
