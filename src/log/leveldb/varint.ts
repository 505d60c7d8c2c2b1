/** A base-128 number as LevelDB and snappy write it, and where the next byte stands; null when there is none.
 *  Exact up to 2⁵³. */
export function readVarint(bytes: Uint8Array, at: number): { readonly value: number; readonly next: number } | null {
  let value = 0
  for (let i = 0; i < 10; i++) {
    const byte = bytes[at + i]
    if (byte === undefined) return null
    value += (byte & 127) * 2 ** (7 * i)
    if (byte < 128) return { value, next: at + i + 1 }
  }
  return null
}
