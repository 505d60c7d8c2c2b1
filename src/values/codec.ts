import type { ByteTarget } from './target.js'
import type { TextMarks } from './text-marks.js'

/** What is withheld from a recording. The encoder asks it inside its one walk over a value; keys are asked once each and
 *  remembered. Policy stands in the recorder. */
export interface Redactor {
  /** Whether whatever stands under this key (of an object, or a string key of a Map) is replaced by its token. */
  isSecretKey(key: string): boolean
  /** The text to record; the very same string when nothing in it is secret. */
  text(value: string): string
  /** Stands for a secret value: equal for equal values, and tells nothing about them. */
  token(value: unknown): string
  /** Something of this is in every text that is not recorded as it is; undefined: `text` has to see each. */
  readonly marks?: TextMarks | undefined
}

export interface EncoderOptions {
  readonly redact?: Redactor
}

/** Turns values into bytes for the spool. Total: no value of the program's can make it throw, hang or run the
 *  program's getters twice; what cannot be kept becomes a placeholder `{ $type, name, preview }`. */
export interface ValueEncoder {
  /** Encodes one value. The bytes are valid until the next call: copy or write them at once.
   *  New record structures that it introduced are waiting in `takeDictionary` and must be written before it. */
  encode(value: unknown): Uint8Array
  /** Does the same behind what `target` holds, without a copy, and moves its `end`. */
  encodeInto(value: unknown, target: ByteTarget): void
  /** The dictionary frame to write before the value just encoded; undefined when nothing is new. */
  takeDictionary(): Uint8Array | undefined
}

export interface ValueDecoder {
  /** Takes a dictionary frame in; later ones contain the earlier ones. @throws DAMAGED when it is none */
  learn(dictionary: Uint8Array): void
  /** Decodes what stands in [start, end) of `bytes`; in place it costs half of what a view of its own does.
   *  @throws RetroscopeError DAMAGED when that is no encoded value */
  decode(bytes: Uint8Array, start?: number, end?: number): unknown
  /** Decodes a value that stands inside of a plain one, in [start, end), and refers to nothing outside of itself.
   *  @throws RetroscopeError DAMAGED when that is none */
  decodePart(bytes: Uint8Array, start: number, end: number): unknown
  /** The shared structures that it has learnt, each by its keys. */
  readonly structures: readonly (readonly string[])[]
}
