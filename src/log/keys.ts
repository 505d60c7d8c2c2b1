/** Thread and process number of a container. */
export interface ContainerNumbers {
  readonly thread: number
  readonly subject: number
}

/** First byte of every key: what the entry is (FORMAT.md describes each). */
export const PREFIX = {
  meta: 0x01,
  dictionary: 0x02,
  sourceContent: 0x03,
  source: 0x04,
  chunk: 0x10,
  header: 0x11,
  time: 0x12,
  coarse: 0x13,
  ordinal: 0x14,
  delta: 0x20,
  deltaIndex: 0x21,
  keyframe: 0x22,
} as const

const TWO_32 = 4294967296

/** `prefix | u64 seq`. */
export function toSeqKey(prefix: number, seq: number): Uint8Array {
  const key = new Uint8Array(9)
  key[0] = prefix
  putU64(key, 1, seq)
  return key
}

/** `12 | u64 time | u64 firstSeq`. */
export function toTimeKey(timeUs: number, firstSeq: number): Uint8Array {
  const key = new Uint8Array(17)
  key[0] = PREFIX.time
  putU64(key, 1, timeUs)
  putU64(key, 9, firstSeq)
  return key
}

/** `prefix | u32 thread | u32 number`: dictionaries by version, chunks by a thread's first ordinal in them. */
export function toThreadKey(prefix: number, thread: number, number: number): Uint8Array {
  const key = new Uint8Array(9)
  key[0] = prefix
  putU32(key, 1, thread)
  putU32(key, 5, number)
  return key
}

/** `prefix | u32 thread | u32 subject | u64 seq`: what belongs to one container. */
export function toContainerKey(prefix: number, container: ContainerNumbers, seq: number): Uint8Array {
  const key = new Uint8Array(17)
  key[0] = prefix
  putU32(key, 1, container.thread)
  putU32(key, 5, container.subject)
  putU64(key, 9, seq)
  return key
}

/** `01 | ASCII name | u64 number`: a table's rows by number; tables have names of one letter. */
export function toMetaKey(table: string, ...numbers: readonly number[]): Uint8Array {
  const key = new Uint8Array(2 + numbers.length * 8)
  key[0] = PREFIX.meta
  key[1] = table.charCodeAt(0)
  numbers.forEach((number, index) => {
    putU64(key, 2 + index * 8, number)
  })
  return key
}

/** The number in the last eight bytes of a key. */
export function toLastU64(key: Uint8Array): number {
  return getU32(key, key.length - 8) * TWO_32 + getU32(key, key.length - 4)
}

/** The number in the last four bytes of a key. */
export function toLastU32(key: Uint8Array): number {
  return getU32(key, key.length - 4)
}

/** Thread and number of a `toThreadKey` key, or thread and subject of a container's. */
export function toThreadNumbers(key: Uint8Array): readonly [thread: number, number: number] {
  return [getU32(key, 1), getU32(key, 5)]
}

/** The thread of a key that has it behind its prefix. */
export function toThreadNumber(key: Uint8Array): number {
  return getU32(key, 1)
}

/** The time of a `12` key. */
export function toKeyTime(key: Uint8Array): number {
  return getU32(key, 1) * TWO_32 + getU32(key, 5)
}

function putU64(key: Uint8Array, at: number, value: number): void {
  putU32(key, at, Math.floor(value / TWO_32))
  putU32(key, at + 4, value)
}

function putU32(key: Uint8Array, at: number, value: number): void {
  key[at] = value >>> 24
  key[at + 1] = value >>> 16
  key[at + 2] = value >>> 8
  key[at + 3] = value
}

function getU32(key: Uint8Array, at: number): number {
  return ((key[at]! << 24) | (key[at + 1]! << 16) | (key[at + 2]! << 8) | key[at + 3]!) >>> 0
}
