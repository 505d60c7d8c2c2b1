import type { ValueDecoder, ValueEncoder } from '../values/codec.js'
import { createEncoder } from '../values/encoder.js'
import { ByteBuffer, readU32 } from './byte-buffer.js'

/** Deltas after which a keyframe is due whatever they weigh. */
export const KEYFRAME_DELTAS = 2_000

/** Below this much, deltas are cheaper to apply than a keyframe is to store: 16 KB of them take about 0.4 ms. */
export const KEYFRAME_MIN_BYTES = 16 * 1024

/** FINDINGS §1: a keyframe when the deltas since the last weigh more than it does. */
export function isKeyframeDue(deltas: number, deltaBytes: number, keyframeBytes: number): boolean {
  return deltas >= KEYFRAME_DELTAS || deltaBytes >= Math.max(keyframeBytes, KEYFRAME_MIN_BYTES)
}

const IN_DELTA_BLOCK = 0
const WHOLE = 1

/** The value under `22` where the delta block that starts at the same seq begins with a whole state. */
export function encodeReference(): Uint8Array {
  return new Uint8Array([IN_DELTA_BLOCK])
}

/** Writes keyframes of one container: `u8 1 | u32 dictionary bytes | dictionary | state`. Each brings its own dictionary,
 *  so that a state needs nothing that damage elsewhere could take away. */
export class KeyframeEncoder {
  #encoder: ValueEncoder | undefined
  #dictionary: Uint8Array = NOTHING

  encode(state: unknown): Uint8Array {
    this.#encoder ??= createEncoder()
    const encoded = this.#encoder.encode(state)
    const dictionary = this.#encoder.takeDictionary()
    if (dictionary && this.#dictionary.length > 0) {
      // What an earlier shape of the state needed is not carried along.
      this.#encoder = undefined
      this.#dictionary = NOTHING
      return this.encode(state)
    }
    if (dictionary) this.#dictionary = dictionary
    return toKeyframe(this.#dictionary, encoded)
  }
}

const NOTHING = new Uint8Array(0)

function toKeyframe(dictionary: Uint8Array, encoded: Uint8Array): Uint8Array {
  const bytes = new ByteBuffer(5 + dictionary.length + encoded.length)
  bytes.u8(WHOLE)
  bytes.u32(dictionary.length)
  bytes.append(dictionary)
  bytes.append(encoded)
  return bytes.take()
}

/** @param makeDecoder gives a new decoder
 *  @returns undefined for a reference to the delta block
 *  @throws DAMAGED when the bytes are no keyframe */
export function decodeKeyframe(
  bytes: Uint8Array,
  makeDecoder: () => ValueDecoder,
): { readonly state: unknown } | undefined {
  if (bytes[0] === IN_DELTA_BLOCK) return undefined
  const stateAt = 5 + readU32(bytes, 1)
  const decoder = makeDecoder()
  if (stateAt > 5) decoder.learn(bytes.subarray(5, stateAt))
  return { state: decoder.decode(bytes.subarray(stateAt)) }
}
