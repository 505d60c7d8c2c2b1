/** Bytes of a source's hash: the first of its SHA-256. */
export const HASH_BYTES = 16

/** A file that a thread loaded, as its spool tells of it before the first event that needs it. */
export interface SourceFrame {
  /** Lower-case hexadecimal. */
  readonly hash: string
  readonly path: string
  readonly size: number
  /** Empty where the thread told them before, or the recorder leaves them out. */
  readonly bytes: Uint8Array
}

/** `hash | u32 size | u32 length of the path | path in UTF-8 | bytes`. */
export function encodeSourceFrame(hash: Uint8Array, path: string, bytes: Uint8Array, isKept: boolean): Buffer {
  const name = Buffer.from(path)
  const head = Buffer.allocUnsafe(HASH_BYTES + 8)
  head.set(hash.subarray(0, HASH_BYTES))
  head.writeUInt32LE(bytes.length, HASH_BYTES)
  head.writeUInt32LE(name.length, HASH_BYTES + 4)
  return Buffer.concat(isKept ? [head, name, bytes] : [head, name])
}

/** @returns undefined where the frame is none: what it holds was made by somebody else */
export function decodeSourceFrame(payload: Uint8Array): SourceFrame | undefined {
  const frame = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength)
  if (frame.length < HASH_BYTES + 8) return undefined
  const start = HASH_BYTES + 8
  const end = start + frame.readUInt32LE(HASH_BYTES + 4)
  const size = frame.readUInt32LE(HASH_BYTES)
  if (end > frame.length || (frame.length > end && frame.length - end !== size)) return undefined
  const hash = frame.toString('hex', 0, HASH_BYTES)
  return { hash, path: frame.toString('utf8', start, end), size, bytes: frame.subarray(end) }
}
