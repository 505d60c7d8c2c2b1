/** Tags of the values in an entry; from SMALL on the byte itself is the number 0 … 127. FORMAT.md has the table. */
export const TAG = {
  end: 0,
  result: 1,
  nest: 2,
  unnest: 3,
  undefined: 4,
  null: 5,
  true: 6,
  false: 7,
  natural: 8,
  negative: 9,
  double: 10,
  bigint: 11,
  latin1: 12,
  utf8: 13,
  utf16: 14,
  buffer: 15,
  bytes: 16,
  arrayBuffer: 17,
  typed: 18,
  array: 19,
  object: 20,
  error: 21,
  handle: 22,
  clone: 23,
  textDigest: 24,
  bytesDigest: 25,
  function: 26,
  opaque: 27,
  sourceText: 28,
  sourceBytes: 29,
  objectDigest: 30,
  bareObject: 31,
} as const

/** From here on a byte is a number itself. */
export const SMALL = 128

/** Typed arrays by the number that stands for their type. */
export const TYPED_ARRAYS = [
  Int8Array,
  Uint8ClampedArray,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  Float32Array,
  Float64Array,
  BigInt64Array,
  BigUint64Array,
] as const

/** Stands for an argument of which only length and CRC were kept. */
export interface Digest {
  readonly digest: 'text' | 'bytes' | 'object'
  readonly length: number
  readonly crc: number
}

/** Stands for a source where that is not at hand. */
export interface SourceName {
  readonly source: string
}

/** Stands for a value that is known to be there, and no more. */
export interface Opaque {
  readonly opaque: 'function' | 'object' | 'handle'
  readonly number?: number
}
