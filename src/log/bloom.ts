import { readU32 } from './byte-buffer.js'

/** Ten bits per element and six probes: 1 % of those absent look present. */
const BITS_PER_ELEMENT = 10
const PROBES = 6

/** 32-bit hash of a text (FNV-1a over UTF-16 units, finished as in MurmurHash3). */
export function toHash(text: string, seed = 0): number {
  let hash = 0x811c9dc5 ^ seed
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}

/** Builds `u32 bits | bytes` from hashes; empty bytes for none. */
export function toBloom(hashes: ReadonlySet<number>): Uint8Array {
  if (hashes.size === 0) return new Uint8Array(0)
  const bytes = Math.ceil((hashes.size * BITS_PER_ELEMENT) / 8)
  const bloom = new Uint8Array(4 + bytes)
  const bits = bytes * 8
  new DataView(bloom.buffer).setUint32(0, bits, true)
  for (const hash of hashes) {
    for (let probe = 0; probe < PROBES; probe++) {
      const bit = toProbe(hash, probe, bits)
      bloom[4 + (bit >>> 3)]! |= 1 << (bit & 7)
    }
  }
  return bloom
}

/** False: certainly absent. */
export function mayHave(bloom: Uint8Array, hash: number): boolean {
  if (bloom.length <= 4) return false
  const bits = Math.min(readU32(bloom, 0), (bloom.length - 4) * 8)
  for (let probe = 0; probe < PROBES; probe++) {
    const bit = toProbe(hash, probe, bits)
    if ((bloom[4 + (bit >>> 3)]! & (1 << (bit & 7))) === 0) return false
  }
  return true
}

/** Double hashing (Kirsch and Mitzenmacher): two hashes stand for any number of them. */
function toProbe(hash: number, probe: number, bits: number): number {
  const second = (Math.imul(hash, 0x9e3779b1) >>> 0) | 1
  return ((hash + Math.imul(probe, second)) >>> 0) % bits
}
